import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { TenonError, type CatalogEntry } from '@tenon/contract'
import type { MarketplaceFiles } from '../marketplace-files.js'
import type { ArtifactLimits } from './artifact-limits.js'
import type { BundleReport } from './bundle-process.js'
import { BundlerError, startBundler } from './bundler.js'
import { startDeadline } from '../egress/deadline.js'
import { checkedRange, declaredDependencies } from './dependency-specs.js'
import { NpmError, type Npm } from './npm.js'
import { createSourceStage, type SourceStage } from './source-stage.js'

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
    void npm.prepare()
    const bundler = startBundler({
      request: { staging: stage.directory, entryPoint, maxFileBytes: limits.maxSourceFileBytes },
      timeoutMs: limits.bundleTimeoutMs,
      signal,
    })
    try {
      // Every round fetches a file or installs packages, and both are limited, so this ends.
      for (;;) {
        const report = await bundler.bundle()
        assertAllowed(entry, report)
        if (report.missingFiles.length > 0) {
          for (const { importer, path } of report.missingFiles) await stage.fetchImport(importer, path)
        } else if (report.missingPackages.length > 0) {
          await installPackages(entry, report, stage, signal)
        } else {
          return await readCode(entry, stage)
        }
      }
    } catch (error) {
      if (error instanceof BundlerError) throw buildFailed(entry, error.message, error)
      throw error
    } finally {
      await bundler.end()
    }
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
