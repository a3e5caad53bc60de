import { dirname } from 'node:path'
import { build, type BuildFailure as EsbuildFailure } from 'esbuild'

/** What the plugin is once its files are put together. */
export interface CheckedBundle {
  exports: string[]
  /** Packages that it imports, by name. */
  packages: string[]
  /** Its own code, without packages. */
  code: string
}

/** Why it cannot be put together. */
export interface BuildFailure {
  failures: { file: string; line: number; message: string }[]
}

/** Puts the plugin's own files together, without running any of them. */
export async function bundleForCheck(entryPoint: string): Promise<CheckedBundle | BuildFailure> {
  try {
    const { metafile, outputFiles } = await build({
      entryPoints: [entryPoint],
      absWorkingDir: dirname(entryPoint),
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
      logLevel: 'silent',
    })
    const [output] = Object.values(metafile.outputs)
    const imported = (output?.imports ?? []).filter(({ external }) => external).map(({ path }) => packageOf(path))
    const code = outputFiles[0]?.text ?? ''
    return { exports: [...(output?.exports ?? []), ...commonJsExports(code)], packages: [...new Set(imported)], code }
  } catch (error) {
    const { errors } = error as Partial<EsbuildFailure>
    if (!errors) throw error
    return {
      failures: errors.map(({ text, location }) => ({
        file: location?.file ?? '',
        line: location?.line ?? 1,
        message: text,
      })),
    }
  }
}

/** `@scope/name` of `@scope/name/part`. */
function packageOf(path: string): string {
  return path
    .split('/')
    .slice(0, path.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Of plugins in JavaScript: `exports.install = …`, `module.exports = { install, … }`. */
function commonJsExports(code: string): string[] {
  const named = [...code.matchAll(/(?:module\.)?exports\.(\w+)\s*=/g)].map(([, name]) => name ?? '')
  const listed = /module\.exports\s*=\s*\{([^}]*)\}/.exec(code)?.[1] ?? ''
  return [...named, ...[...listed.matchAll(/(?:^|,)\s*(\w+)/g)].map(([, name]) => name ?? '')]
}
