import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['tenon-source', 'node'] },
  ssr: { resolve: { conditions: ['tenon-source', 'node'] } },
  test: {
    include: ['{packages,app,marketplace,standins,bench,doctor,examples}/**/*.test.{ts,tsx}'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['./packages/embedded-postgres/src/vitest-global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // Real processes on a busy machine: the gate asks once more, and prints what needed it. Locally nothing is repeated.
    retry: process.env['CI'] ? 1 : 0,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    server: { deps: { inline: [/@tenon\//] } },
  },
})
