import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Starts the files with a browser first: they take the longest, and nothing may wait for one of them at the end. */
class BrowserFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]) {
    const sorted = await super.sort(files)
    const usesBrowser = ({ moduleId }: TestSpecification) => moduleId.includes('/app/web/browser/')
    return sorted.toSorted((a, b) => Number(usesBrowser(b)) - Number(usesBrowser(a)))
  }
}

export default defineConfig({
  resolve: { conditions: ['tenon-source', 'node'] },
  ssr: { resolve: { conditions: ['tenon-source', 'node'] } },
  test: {
    include: ['{packages,app,marketplace,standins,bench,doctor,examples}/**/*.test.{ts,tsx}'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['./packages/embedded-postgres/src/vitest-global-setup.ts'],
    sequence: { sequencer: BrowserFirst },
    pool: 'forks',
    maxWorkers: 2,
    // Real processes on a busy machine: the gate asks once more, and prints what needed it. Locally nothing is repeated.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 20_000,
    expect: { poll: { timeout: 5_000 } },
    hookTimeout: 60_000,
    server: { deps: { inline: [/@tenon\//] } },
  },
})
