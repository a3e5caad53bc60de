import { createHash } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import {
  artifactManifestOf,
  canonicalJson,
  TenonError,
  type ArtifactReference,
  type CatalogEntry,
  type VerifiedArtifact,
} from '@tenon/contract'
import { openMarketplaceFiles, type Fetch } from '../marketplace-files.js'
import { ArchiveError, packArchive } from './archive.js'
import { type ArtifactLimits, resolveArtifactLimits } from './artifact-limits.js'
import type { ArtifactStore } from './artifact-store.js'
import { createSourceBuilder } from './build-source.js'
import { downloadPackage } from './download.js'
import { createIconSource, type Icon } from './icon.js'
import { createMemoryCache } from './memory-cache.js'
import { createNpm, type NpmOptions } from './npm.js'
import { createQueue, createSingleFlight } from './single-flight.js'
import { removeLeftovers } from './leftovers.js'
import { assertMatchesEntry, verifyArtifact } from './verify-artifact.js'

export interface ArtifactsOptions {
  /** The location of the marketplace, as the catalog has it. */
  location: string
  fetch: Fetch
  store: ArtifactStore
  /** A folder outside of any project, for builds and npm's cache. */
  tempDir: string
  npm?: NpmOptions
  limits?: Partial<ArtifactLimits>
  log?: (event: string, fields: Record<string, unknown>) => void
}

/**
 * Turns entries of the marketplace into exact bytes.
 *
 * @since 0.1.0
 */
export interface Artifacts {
  /**
   * The code of an entry, or of another of its `versions`. Packed entries are downloaded once; source-only entries are
   * built, and the result counts as current for five days (C12).
   *
   * @throws TenonError with one of the ARTIFACT_, SOURCE_REFUSED, BUILD_FAILED and DEPENDENCIES_FAILED codes
   */
  resolve: (entry: CatalogEntry, options?: { version?: string | undefined }) => Promise<VerifiedArtifact>
  /** The code that an installation is pinned to. @throws TenonError ARTIFACT_NOT_STORED */
  load: (digest: string) => Promise<VerifiedArtifact>
  /** The icon of an entry; undefined when it has none that can be shown. */
  icon: (entry: CatalogEntry) => Promise<Icon | undefined>
}

const gzipped = promisify(gzip)

export function createArtifacts(options: ArtifactsOptions): Artifacts {
  const { location, fetch, store, tempDir } = options
  const limits = resolveArtifactLimits(options.limits)
  const log = options.log ?? (() => undefined)
  const files = openMarketplaceFiles(location, fetch)
  const npm = createNpm(options.npm ?? {}, join(tempDir, 'npm-cache'))
  const builder = createSourceBuilder({ files, tempDir: join(tempDir, 'builds'), npm, limits })
  const { icon } = createIconSource(files, fetch, limits)
  const flights = createSingleFlight<VerifiedArtifact>()
  const inBuildQueue = createQueue(limits.concurrentBuilds)
  const memory = createMemoryCache(limits.memoryCacheSize)
  void removeLeftovers(join(tempDir, 'builds'))

  /** The stored package, or undefined. */
  async function stored(digest: string, plugin: string): Promise<VerifiedArtifact | undefined> {
    const kept = memory.get(digest)
    if (kept !== undefined) return kept
    const archive = await store.open(digest)
    return archive === undefined ? undefined : memory.keep(verifyArtifact(archive, digest, plugin))
  }

  async function resolvePacked(entry: CatalogEntry, version: string, reference: ArtifactReference) {
    const plugin = entry.displayName
    const found = await stored(reference.sha256, plugin)
    if (found !== undefined) return found
    const file = await store.temporaryFile()
    try {
      await downloadPackage(files, reference, file, plugin, limits)
      return await takeIn(file, plugin, reference.sha256, (artifact) => assertMatchesEntry(artifact, entry, version))
    } finally {
      await rm(file, { force: true })
    }
  }

  /** Verifies a package that lies in a file, and only then publishes it to the other replicas. */
  async function takeIn(
    file: string,
    plugin: string,
    expectedDigest: string | undefined,
    check: (artifact: VerifiedArtifact) => void,
  ): Promise<VerifiedArtifact> {
    const adopted = await store.adopt(file, expectedDigest).catch((error: unknown) => refuseArchive(error, plugin))
    const { digest, archive } = adopted
    if (archive === undefined) {
      throw new TenonError('ARTIFACT_DIGEST_MISMATCH', { plugin, actual: digest, expected: expectedDigest })
    }
    const artifact = verifyArtifact(archive, digest, plugin)
    check(artifact)
    await store.publish(file, digest, artifact.manifest)
    log('artifact-stored', { pluginKey: artifact.pluginKey, version: artifact.version, digest, bytes: artifact.size })
    return memory.keep(artifact)
  }

  async function resolveSource(entry: CatalogEntry, source: string): Promise<VerifiedArtifact> {
    const known = await store.resolution(source)
    const earlier = known === undefined ? undefined : await stored(known.digest, entry.displayName)
    const age = Date.now() - (known?.resolvedAt.getTime() ?? 0)
    if (earlier !== undefined && age < limits.sourceFreshMs) return earlier
    try {
      const artifact = await inBuildQueue(() => build(entry))
      await store.saveResolution(source, { digest: artifact.digest, resolvedAt: new Date() })
      return artifact
    } catch (error) {
      if (earlier === undefined) throw error
      log('source-not-refreshed', {
        pluginKey: entry.key,
        reason: error instanceof Error ? error.message : String(error),
      })
      return earlier
    }
  }

  async function build(entry: CatalogEntry): Promise<VerifiedArtifact> {
    const startedAt = performance.now()
    const code = await builder.build(entry)
    const archive = await packArchive({ code, manifest: artifactManifestOf(entry) })
    const file = await store.temporaryFile()
    try {
      await writeFile(file, await gzipped(archive), { mode: 0o600 })
      const artifact = await takeIn(file, entry.displayName, undefined, () => undefined)
      log('source-built', {
        pluginKey: entry.key,
        digest: artifact.digest,
        ms: Math.round(performance.now() - startedAt),
      })
      return artifact
    } finally {
      await rm(file, { force: true })
    }
  }

  return {
    icon,
    async resolve(entry, { version = entry.version } = {}) {
      const reference = referenceOf(entry, version)
      if (reference !== undefined) {
        const artifact = await flights.run(reference.sha256, () => resolvePacked(entry, version, reference))
        assertMatchesEntry(artifact, entry, version)
        return artifact
      }
      if (version !== entry.version) {
        throw new TenonError('ARTIFACT_UNREACHABLE', {
          plugin: entry.displayName,
          cause: `there is no version ${version}`,
        })
      }
      const source = sourceOf(location, entry)
      return flights.run(source, () => resolveSource(entry, source))
    },
    load: (digest) =>
      flights.run(digest, async () => {
        const artifact = await stored(digest, digest.slice(0, 12))
        if (artifact === undefined) throw new TenonError('ARTIFACT_NOT_STORED', { digest })
        return artifact
      }),
  }
}

function referenceOf(entry: CatalogEntry, version: string): ArtifactReference | undefined {
  if (version === entry.version && entry.artifact !== undefined) return entry.artifact
  return entry.versions.find((published) => published.version === version)?.artifact
}

/** What a resolution is remembered under: another version, path or permission is another source (D-8). */
function sourceOf(location: string, entry: CatalogEntry): string {
  const { pluginPath, entryPoint, dependencies } = entry
  const identity = { location, pluginPath, entryPoint, dependencies, manifest: artifactManifestOf(entry) }
  return createHash('sha256').update(canonicalJson(identity)).digest('hex')
}

function refuseArchive(error: unknown, plugin: string): never {
  if (!(error instanceof ArchiveError)) throw error
  throw new TenonError('ARTIFACT_UNSAFE', { plugin, reason: error.message }, { cause: error })
}
