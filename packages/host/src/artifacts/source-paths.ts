import { posix } from 'node:path'

/**
 * How a relative import of a plugin is looked up. The fetching side and the bundling side must agree, and the bundling
 * side runs in a process of its own that can read little else, so this file imports nothing of ours.
 */

const codeExtensions = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.json']

/** TypeScript is written with the extensions of what it becomes. */
const written: Record<string, string[]> = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
}

/** The path of an import inside the marketplace; undefined when it leads out of it. */
export function resolveInside(importer: string, specifier: string): string | undefined {
  const path = posix.normalize(posix.join(posix.dirname(importer), specifier))
  return path === '..' || path.startsWith('../') || posix.isAbsolute(path) ? undefined : path.replace(/\/$/, '')
}

/** The files that an import of `path` may mean, the likeliest first. */
export function candidatesOf(path: string): string[] {
  const extension = posix.extname(path)
  if (codeExtensions.includes(extension)) {
    const stem = path.slice(0, -extension.length)
    return [path, ...(written[extension] ?? []).map((other) => stem + other)]
  }
  const suffixes = ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json', '/index.ts', '/index.js']
  return suffixes.map((suffix) => path + suffix)
}
