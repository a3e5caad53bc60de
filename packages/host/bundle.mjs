// Makes the threads of the host, one file each: a thread cannot be started from TypeScript sources, and starts sooner when
// it has one file to read.
import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

await build({
  entryPoints: {
    'parser-worker': here('src/tenancy/parser-worker.ts'),
    'schema-worker': here('src/secrets/schema-worker.ts'),
  },
  outdir: here('dist'),
  outExtension: { '.js': '.cjs' },
  // It finds its WebAssembly beside itself
  external: ['libpg-query'],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  conditions: ['tenon-source'],
  banner: { js: '"use strict";' },
  legalComments: 'none',
  logLevel: 'warning',
})
