// Makes dist/runner.cjs: the one file that a plugin process may read.
import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

await build({
  entryPoints: [here('src/main.ts')],
  outfile: here('dist/runner.cjs'),
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  conditions: ['tenon-source'],
  banner: { js: '"use strict";' },
  legalComments: 'none',
  logLevel: 'warning',
})
