import { existsSync, realpathSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { TenonError, type CatalogEntry } from '@tenon/contract'
import type { MarketplaceFiles } from '../marketplace-files.js'
import type { ArtifactLimits } from './artifact-limits.js'
import type { BundleReport, BundleRequest } from './bundle-process.js'
import { startDeadline } from '../egress/deadline.js'
import { checkedRange, declaredDependencies } from './dependency-specs.js'
import { NpmError, type Npm } from './npm.js'
import { runProcess } from './run-process.js'
import { createSourceStage, type SourceStage } from './source-stage.js'

/** Of the bundler's report; the code itself does not travel on this way. */
const maxReportBytes = 1_000_000
/** The bundler parses code of strangers: its JavaScript heap ends here. */
const bundlerHeapMb = 512

export interface SourceBuilder {
  /**
   * The code of a source-only plugin as one CommonJS file. Nothing stays behind, whatever happens (D-7).
   *
   * @throws TenonError SOURCE_REFUSED, BUILD_FAILED, DEPENDENCIES_FAILED, ARTIFACT_UNREACHABLE
   */
  build: (entry: CatalogEntry) => Promise<string>
}

export interface SourceBuilderOptions {
  files: MarketplaceFiles
  /** Outside of any project, so that nothing around it resolves. */
  tempDir: string
  npm: Npm
  limits: ArtifactLimits
}

export function createSourceBuilder({ files, tempDir, npm, limits }: SourceBuilderOptions): SourceBuilder {
  const bundler = locateBundler()

  return {
    async build(entry) {
      const { signal, clear } = startDeadline(limits.buildTimeoutMs)
      const stage = await createSourceStage({ tempDir, files, plugin: entry.displayName, limits, signal })
      try {
        return await buildStaged(entry, stage, signal)
      } catch (error) {
        if (!signal.aborted) throw error
        throw buildFailed(entry, `it took longer than ${limits.buildTimeoutMs / 1000} seconds`, error)
      } finally {
        clear()
        await stage.remove()
      }
    },
  }

  /** Bundles, fetches what that found missing, and bundles again, until nothing is missing. */
  async function buildStaged(entry: CatalogEntry, stage: SourceStage, signal: AbortSignal): Promise<string> {
    const entryPoint = `${entry.pluginPath}/${entry.entryPoint}`
    if (!(await stage.fetchFile(entryPoint))) {
      throw new TenonError('SOURCE_REFUSED', { plugin: entry.displayName, reason: `there is no ${entryPoint}` })
    }
    // Every round fetches a file or installs packages, and both are limited, so this ends.
    for (;;) {
      const report = await bundle(entry, entryPoint, stage, signal)
      assertAllowed(entry, report)
      if (report.missingFiles.length > 0) {
        for (const { importer, path } of report.missingFiles) await stage.fetchImport(importer, path)
      } else if (report.missingPackages.length > 0) {
        await installPackages(entry, report, stage, signal)
      } else {
        return readCode(entry, stage)
      }
    }
  }

  async function bundle(
    entry: CatalogEntry,
    entryPoint: string,
    stage: SourceStage,
    signal: AbortSignal,
  ): Promise<BundleReport> {
    const staging = stage.directory
    const request: BundleRequest = { staging, entryPoint, maxFileBytes: limits.maxSourceFileBytes }
    const result = await runProcess({
      command: process.execPath,
      args: [...bundler.nodeOptions(staging), bundler.script, JSON.stringify(request)],
      cwd: staging,
      env: { GOMAXPROCS: '2' },
      timeoutMs: limits.bundleTimeoutMs,
      maxOutputBytes: maxReportBytes,
      signal,
    })
    if (result.timedOut) throw buildFailed(entry, `bundling took longer than ${limits.bundleTimeoutMs / 1000} seconds`)
    if (result.exitCode !== 0) throw buildFailed(entry, 'the bundler ended early', new Error(result.stderr))
    return JSON.parse(result.stdout) as BundleReport
  }

  async function installPackages(
    entry: CatalogEntry,
    { missingPackages }: BundleReport,
    stage: SourceStage,
    signal: AbortSignal,
  ): Promise<void> {
    if (existsSync(join(stage.directory, 'node_modules'))) {
      const names = missingPackages.map(({ name }) => name).join(', ')
      throw new TenonError('DEPENDENCIES_FAILED', { plugin: entry.displayName, reason: `npm did not install ${names}` })
    }
    const dependencies = await rangesOf(entry, missingPackages, stage)
    const { npmTimeoutMs: timeoutMs, maxInstalledBytes } = limits
    try {
      await npm.install({ directory: stage.directory, dependencies, timeoutMs, maxInstalledBytes, signal })
    } catch (cause) {
      if (!(cause instanceof NpmError)) throw cause
      throw new TenonError('DEPENDENCIES_FAILED', { plugin: entry.displayName, reason: cause.message }, { cause })
    }
  }

  /** Versions come from the plugin's package.json, or else from its entry in the manifest. */
  async function rangesOf(
    entry: CatalogEntry,
    imported: BundleReport['missingPackages'],
    stage: SourceStage,
  ): Promise<Record<string, string>> {
    const plugin = entry.displayName
    const declared = declaredDependencies(await stage.readText(`${entry.pluginPath}/package.json`), plugin)
    const ranges = imported.map(({ importer, name }): [string, string] => {
      const wanted =
        declared.get(name) ?? (Object.hasOwn(entry.dependencies, name) ? entry.dependencies[name] : undefined)
      if (wanted !== undefined) return [name, checkedRange(name, wanted, plugin)]
      const reason = `${importer} imports "${name}", which is not among its dependencies`
      throw new TenonError('SOURCE_REFUSED', { plugin, reason })
    })
    return Object.fromEntries(ranges)
  }

  async function readCode(entry: CatalogEntry, stage: SourceStage): Promise<string> {
    const code = await readFile(join(stage.directory, 'out', 'plugin.cjs'), 'utf8').catch((cause: unknown) => {
      throw buildFailed(entry, 'the bundler wrote nothing', cause)
    })
    if (code.length <= limits.maxUnpackedBytes) return code
    throw buildFailed(entry, `its code is larger than ${limits.maxUnpackedBytes} bytes`)
  }
}

function assertAllowed(entry: CatalogEntry, { refusals, errors }: BundleReport): void {
  if (refusals.length > 0) {
    throw new TenonError('SOURCE_REFUSED', { plugin: entry.displayName, reason: refusals.slice(0, 5).join('; ') })
  }
  if (errors.length > 0) throw buildFailed(entry, errors.join('; '))
}

function buildFailed(entry: CatalogEntry, reason: string, cause?: unknown): TenonError {
  return new TenonError('BUILD_FAILED', { plugin: entry.displayName, reason }, { cause })
}

/**
 * The bundler's script, and Node's options that let it read the staging folder, itself and esbuild, and write nothing but
 * its result. It is always the compiled file, also when this one is run from its source.
 */
function locateBundler(): { script: string; nodeOptions: (staging: string) => string[] } {
  const packageFolder = realpathSync(fileURLToPath(new URL('../..', import.meta.url)))
  const script = join(packageFolder, 'dist', 'artifacts', 'bundle-process.js')
  const esbuild = dirname(realpathSync(createRequire(import.meta.url).resolve('esbuild/package.json')))
  const readable = [
    join(packageFolder, 'package.json'),
    join(packageFolder, 'dist', 'artifacts', '*'),
    join(esbuild, '*'),
    join(dirname(esbuild), '@esbuild', '*'),
  ]
  const permission = Number(process.versions.node.split('.')[0]) < 22 ? '--experimental-permission' : '--permission'
  return {
    script,
    nodeOptions: (staging) => [
      '--no-warnings',
      `--max-old-space-size=${bundlerHeapMb}`,
      permission,
      '--allow-child-process',
      ...[...readable, join(staging, '*')].map((path) => `--allow-fs-read=${path}`),
      `--allow-fs-write=${join(staging, 'out', '*')}`,
    ],
  }
}
