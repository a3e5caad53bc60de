import { builtinModules } from 'node:module'
import type { BuildOptions } from 'esbuild'

/**
 * How every plugin is bundled, ours and strangers': one CommonJS file for the runner. C17: TypeScript is transpiled and
 * never type-checked. `tsconfigRaw` also keeps esbuild from reading any tsconfig.json.
 */
export const bundleOptions = {
  bundle: true,
  write: false,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  charset: 'utf8',
  sourcemap: false,
  logLevel: 'silent',
  treeShaking: true,
  legalComments: 'inline',
  tsconfigRaw: '{}',
  // A plugin is one script without a dynamic import of its own; what it imports late it gets as require().
  supported: { 'dynamic-import': false },
  define: { 'import.meta.url': '"file:///plugin.cjs"' },
} as const satisfies BuildOptions

/**
 * How a plugin's own UI is bundled: one script and one style sheet, with pictures in them, for a frame that fetches
 * nothing. Dynamic imports become part of the script.
 */
export const uiBundleOptions = {
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  charset: 'utf8',
  sourcemap: false,
  logLevel: 'silent',
  treeShaking: true,
  legalComments: 'inline',
  minify: true,
  jsx: 'automatic',
  tsconfigRaw: '{}',
  outdir: 'ui',
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.svg': 'dataurl', '.png': 'dataurl', '.jpg': 'dataurl', '.gif': 'dataurl', '.webp': 'dataurl' },
} as const satisfies BuildOptions

const builtins = new Set(builtinModules)

/** What the runner gives to a plugin; it never becomes part of the bundle. */
export function isProvidedByRunner(specifier: string): boolean {
  if (specifier.startsWith('node:') || builtins.has(specifier)) return true
  return specifier === 'sequelize' || specifier === '@tenon/sdk' || specifier.startsWith('@tenon/sdk/')
}

/** The package that a bare import comes from: `exceljs`, `@slack/web-api`. Undefined when it is not a bare import. */
export function packageOf(specifier: string): string | undefined {
  return /^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*(?=\/|$)/.exec(specifier)?.[0]
}
