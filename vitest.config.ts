import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['tenon-source', 'node'] },
  ssr: { resolve: { conditions: ['tenon-source', 'node'] } },
  test: {
    include: ['{packages,app,marketplace,standins,bench,examples}/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    globalSetup: ['./packages/embedded-postgres/src/vitest-global-setup.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    server: { deps: { inline: [/@tenon\//] } },
  },
})
