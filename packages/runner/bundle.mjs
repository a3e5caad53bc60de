// Makes dist/runner.cjs, the one file that a plugin process may read, dist/launcher.cjs, which starts it, and
// dist/kernel-probe.cjs, which tests what holds it.
import { build } from 'esbuild'
import { fileURLToPath } from 'node:url'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

await build({
  entryPoints: {
    runner: here('src/main.ts'),
    launcher: here('src/launcher.ts'),
    'kernel-probe': here('src/kernel-probe.ts'),
  },
  outdir: here('dist'),
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  conditions: ['tenon-source'],
  banner: { js: '"use strict";' },
  legalComments: 'none',
  logLevel: 'warning',
})
