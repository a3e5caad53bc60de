import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Where files take longest: those with a browser, then those that attack, then those that install packages. */
const slowest = ['/app/web/browser/', '/doctor/', '/examples/']

/** Starts the slowest files first, so that at the end nothing waits for one of them alone. */
class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const sorted = await super.sort(files)
    const place = ({ moduleId }: TestSpecification) => {
      const found = slowest.findIndex((folder) => moduleId.includes(folder))
      return found === -1 ? slowest.length : found
    }
    return sorted.toSorted((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  resolve: { conditions: ['tenon-source', 'node'] },
  ssr: { resolve: { conditions: ['tenon-source', 'node'] } },
  test: {
    include: ['{packages,app,marketplace,standins,bench,doctor,examples}/**/*.test.{ts,tsx}'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['./packages/embedded-postgres/src/vitest-global-setup.ts'],
    setupFiles: ['./packages/react/src/testing/vitest-setup.ts'],
    sequence: { sequencer: SlowestFirst },
    pool: 'forks',
    // A file starts servers, browsers and plugins of its own, and those with a browser wait for it half of their time.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    // Real processes on a busy machine: the gate asks once more, and prints what needed it. Locally nothing is repeated.
    retry: process.env['CI'] ? 1 : 0,
    // Only what hangs comes to these: a machine that is busy with other things is no reason to fail.
    testTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 120_000,
    server: { deps: { inline: [/@tenon\//] } },
  },
})
