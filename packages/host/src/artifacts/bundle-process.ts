/**
 * Bundles one source-only plugin. This file is run by itself, in a process with an empty environment that may read the
 * staging folder and esbuild and nothing else; it imports only what lies beside it. What it bundles is the attacker's
 * text: it is parsed here, never run.
 */
import { existsSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs'
import { dirname, extname, join, relative, sep } from 'node:path'
import { createInterface } from 'node:readline'
import { build, type Loader, type Message, type OnResolveArgs, type OnResolveResult, type Plugin } from 'esbuild'
import { bundleOptions, isProvidedByRunner, packageOf } from './bundle-options.js'
import { candidatesOf, resolveInside } from './source-paths.js'

/** What to do, as JSON in the first argument. */
export interface BundleRequest {
  /** Real path of the staging folder, which contains `source/`, perhaps `node_modules/`, and `out/`. */
  staging: string
  /** The entry file below `source/`. */
  entryPoint: string
  maxFileBytes: number
}

/** What came of a round, as one line of JSON on standard output. The code, if there is any, is in `out/plugin.cjs`. */
export interface BundleReport {
  /** Files of the plugin that are imported and not staged. */
  missingFiles: { importer: string; path: string }[]
  /** Packages that are imported and not installed. */
  missingPackages: { importer: string; name: string }[]
  /** Imports that no plugin may make, in plain words. */
  refusals: string[]
  /** What esbuild could not do. */
  errors: string[]
}

const loaders: Record<string, Loader> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
  '.json': 'json',
}

const nestedResolve = Symbol('a resolution that this plugin asked for itself')

async function bundle(request: BundleRequest): Promise<BundleReport> {
  const report: BundleReport = { missingFiles: [], missingPackages: [], refusals: [], errors: [] }
  const result = await build({
    ...bundleOptions,
    absWorkingDir: request.staging,
    entryPoints: [join(request.staging, 'source', request.entryPoint)],
    plugins: [stagingPlugin(request, report)],
  }).catch((error: unknown) => {
    report.errors.push(...describeErrors(error))
    return undefined
  })
  const nothingMissing = Object.values(report as unknown as Record<string, unknown[]>).every(
    ({ length }) => length === 0,
  )
  const code = result?.outputFiles[0]?.contents
  if (nothingMissing && code !== undefined) writeFileSync(join(request.staging, 'out', 'plugin.cjs'), code)
  return report
}

/** Answers every import and reads every file, so that nothing outside the staging folder gets into a bundle. */
function stagingPlugin({ staging, maxFileBytes }: BundleRequest, report: BundleReport): Plugin {
  const source = join(staging, 'source')
  const modules = join(staging, 'node_modules')

  const refuse = (what: string): OnResolveResult => {
    if (!report.refusals.includes(what)) report.refusals.push(what)
    return { external: true }
  }

  function resolveOwn({ path: specifier, importer }: OnResolveArgs): OnResolveResult | undefined {
    const from = relative(source, importer).split(sep).join('/')
    if (specifier.startsWith('.')) return resolveRelative(from, specifier)
    const name = packageOf(specifier)
    if (name === undefined || /^[a-z]+:/.test(specifier)) {
      return refuse(`${from} imports "${specifier.slice(0, 100)}"; only packages and relative paths can be imported`)
    }
    if (existsSync(join(modules, name, 'package.json'))) return undefined
    report.missingPackages.push({ importer: from, name })
    return { external: true }
  }

  function resolveRelative(from: string, specifier: string): OnResolveResult {
    const path = resolveInside(from, specifier)
    if (path === undefined) {
      return refuse(`${from} imports "${specifier.slice(0, 100)}", which leads out of the marketplace`)
    }
    const staged = candidatesOf(path).find((candidate) => existsSync(join(source, candidate)))
    if (staged !== undefined) return { path: join(source, staged) }
    report.missingFiles.push({ importer: from, path })
    return { external: true }
  }

  return {
    name: 'staging',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /.*/ }, async (args) => {
        if (args.pluginData === nestedResolve || args.kind === 'entry-point') return undefined
        if (isProvidedByRunner(args.path)) return { path: args.path, external: true }
        const own = isBelow(source, args.importer) ? resolveOwn(args) : undefined
        if (own !== undefined) return own
        const { importer, resolveDir, kind } = args
        const found = await resolve(args.path, { importer, resolveDir, kind, pluginData: nestedResolve })
        // Packages try for packages that they can do without; what is not there fails when it is asked for.
        if (found.errors.length > 0 || found.external) return { path: args.path, external: true }
        if (found.namespace !== 'file') return undefined
        if (isBelow(modules, found.path)) return undefined
        return refuse(`${relative(staging, importer)} imports "${args.path.slice(0, 100)}", which lies outside`)
      })

      onLoad({ filter: /.*/ }, ({ path }) => {
        const real = realpathSync(path)
        if (!isBelow(source, real) && !isBelow(modules, real))
          return failure('it takes in a file outside of the plugin')
        const name = relative(staging, path)
        const loader = loaders[extname(path).toLowerCase()]
        if (extname(path) === '.node') return failure(`${name} is a native module, which a plugin cannot contain`)
        if (loader === undefined) return failure(`${name} is not a file that can be bundled`)
        if (statSync(real).size > maxFileBytes) return failure(`${name} is larger than ${maxFileBytes} bytes`)
        return { contents: readFileSync(real, 'utf8'), loader, resolveDir: dirname(path) }
      })
    },
  }
}

function failure(text: string): { errors: { text: string }[] } {
  return { errors: [{ text }] }
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder + sep)
}

function describeErrors(error: unknown): string[] {
  const messages = (error as { errors?: Message[] }).errors ?? []
  if (messages.length === 0) return [error instanceof Error ? error.message : String(error)]
  return messages.slice(0, 5).map(({ text, location }) => {
    return location === null ? text : `${location.file}:${location.line}: ${text}`
  })
}

// Each line asks for another round, after what was missing has been staged; each is answered with one line.
const request = JSON.parse(process.argv[2] ?? '{}') as BundleRequest
for await (const _round of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await bundle(request))}\n`)
}
process.exit()
