import { isUtf8 } from 'node:buffer'
import { TenonError, type CatalogEntry, type ManifestProblem, type PluginCategoryInfo } from '@tenon/contract'
import { limitsOf } from '../limit-table.js'
import { MarketplaceFileError, openMarketplaceFiles, readBytes, type Fetch } from '../marketplace-files.js'
import { catalogLimitTable, emptyRetryMs, refreshJitter, type CatalogLimits } from './catalog-limits.js'
import type { CatalogCopy, CatalogStore } from './catalog-store.js'
import { readManifest, type Contents } from './read-manifest.js'
import { searchEntries } from './search.js'

export interface CatalogOptions extends Partial<CatalogLimits> {
  /** An http(s) URL of a `plugins.json`, or a local path (C11). */
  location: string
  fetch: Fetch
  store: CatalogStore
  log?: (event: string, fields: Record<string, unknown>) => void
}

export interface RefreshReport {
  outcome: 'updated' | 'unchanged' | 'failed'
  /** Published entries that are offered now. */
  entries: number
  problems: ManifestProblem[]
  /** Why it failed. What was there before is still offered. */
  error?: TenonError
}

export interface CatalogStatus {
  location: string
  /** When the registry last confirmed what is offered; null while there is nothing. */
  fetchedAt: Date | null
  /** True when the last look at the registry failed. */
  stale: boolean
  error?: { code: string; message: string }
  entries: number
  problems: ManifestProblem[]
  etag: string | null
}

/**
 * What the marketplace offers. Everything but `start` and `refresh` answers from memory: the registry is never on the
 * path of a request, and may be away for as long as there is a copy (D-12).
 *
 * @since 0.1.0
 */
export interface Catalog {
  /** Loads the last good copy, then looks at the registry: in the background when there was a copy. Never throws. */
  start: () => Promise<void>
  stop: () => void
  /** Looks at the registry now. Several calls at once are one look. */
  refresh: () => Promise<RefreshReport>
  /** S28: published entries in the order of the manifest. @throws TenonError MARKETPLACE_UNREACHABLE while empty. */
  list: (filter?: { category?: string | undefined }) => CatalogEntry[]
  /** S29. @throws TenonError MARKETPLACE_UNREACHABLE while empty. */
  get: (key: string) => CatalogEntry | undefined
  /** S30. @throws TenonError MARKETPLACE_UNREACHABLE while empty. */
  search: (query: string) => CatalogEntry[]
  /** S34. @throws TenonError MARKETPLACE_UNREACHABLE while empty. */
  categories: () => PluginCategoryInfo[]
  status: () => CatalogStatus
}

interface State {
  contents: Contents
  copy: CatalogCopy
}

export function createCatalog(options: CatalogOptions): Catalog {
  const { location, store } = options
  const limits = limitsOf(catalogLimitTable, options)
  const log = options.log ?? (() => undefined)
  const files = openMarketplaceFiles(location, options.fetch)
  let state: State | undefined
  let failure: TenonError | undefined
  let underWay: Promise<RefreshReport> | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = true

  function contents(): Contents {
    if (state !== undefined) return state.contents
    throw new TenonError('MARKETPLACE_UNREACHABLE', {
      location,
      cause: failure === undefined ? 'it has not answered yet' : failureReason(failure),
    })
  }

  async function loadCopy(): Promise<void> {
    try {
      const copy = await store.load(location)
      if (copy !== undefined) state = { copy, contents: await readManifest(copy.manifest, location, limits.maxPlugins) }
    } catch (error) {
      log('catalog-copy-unreadable', { location, reason: reasonOf(error) })
    }
  }

  async function look(): Promise<RefreshReport> {
    try {
      const outcome = await fetchNewer()
      failure = undefined
      return { outcome, entries: contents().entries.length, problems: contents().manifest.problems }
    } catch (error) {
      failure = toTenonError(error, location)
      log('catalog-refresh-failed', { location, code: failure.code, reason: failure.message })
      const problems = state?.contents.manifest.problems ?? []
      return { outcome: 'failed', entries: state?.contents.entries.length ?? 0, problems, error: failure }
    }
  }

  async function fetchNewer(): Promise<'updated' | 'unchanged'> {
    const { etag, lastModified } = state?.copy ?? {}
    const file = await files.openManifest({ signal: AbortSignal.timeout(limits.timeoutMs), etag, lastModified })
    if (file.status === 'missing') throw new MarketplaceFileError('there is no such file')
    const fetchedAt = new Date()
    if (file.status === 'unchanged') return confirm(fetchedAt)
    const tooLarge = (): Error => new TenonError('MANIFEST_TOO_LARGE', { location, limit: limits.maxBytes })
    const manifest = toText(await readBytes(file.chunks, limits.maxBytes, tooLarge), location)
    const copy = { manifest, etag: file.etag, lastModified: file.lastModified, fetchedAt }
    const changed = manifest !== state?.copy.manifest
    const read = () => readManifest(manifest, location, limits.maxPlugins)
    state = { copy, contents: changed || !state ? await read() : state.contents }
    await keep(() => store.save(location, copy))
    if (!changed) return 'unchanged'
    log('catalog-updated', { location, entries: state.contents.entries.length, problems: contents().manifest.problems })
    return 'updated'
  }

  async function confirm(fetchedAt: Date): Promise<'unchanged'> {
    if (state === undefined) throw new MarketplaceFileError('the server answered 304 to a first request')
    state = { ...state, copy: { ...state.copy, fetchedAt } }
    await keep(() => store.confirm(location, fetchedAt))
    return 'unchanged'
  }

  /** A database that is away must not hide a manifest that was read well. */
  async function keep(write: () => Promise<void>): Promise<void> {
    await write().catch((error: unknown) => log('catalog-copy-not-kept', { location, reason: reasonOf(error) }))
  }

  function refresh(): Promise<RefreshReport> {
    underWay ??= look().finally(() => {
      underWay = undefined
    })
    return underWay
  }

  function schedule(): void {
    if (stopped) return
    const wait = state === undefined ? Math.min(emptyRetryMs, limits.refreshIntervalMs) : limits.refreshIntervalMs
    timer = setTimeout(() => void refresh().then(schedule), withJitter(wait))
    timer.unref()
  }

  return {
    async start() {
      stopped = false
      await loadCopy()
      const first = refresh().then(schedule)
      if (state === undefined) await first
    },
    stop() {
      stopped = true
      clearTimeout(timer)
    },
    refresh,
    list({ category } = {}) {
      const entries = contents().entries.map(({ entry }) => entry)
      return category === undefined ? entries : entries.filter((entry) => entry.category === category)
    },
    get: (key) => contents().byKey.get(key)?.entry,
    search: (query) => searchEntries(contents().entries, query),
    categories: () => contents().manifest.categories,
    status: () => ({
      location,
      fetchedAt: state?.copy.fetchedAt ?? null,
      stale: failure !== undefined,
      ...(failure === undefined ? {} : { error: { code: failure.code, message: failure.message } }),
      entries: state?.contents.entries.length ?? 0,
      problems: state?.contents.manifest.problems ?? [],
      etag: state?.copy.etag ?? null,
    }),
  }
}

function toText(bytes: Buffer, location: string): string {
  if (isUtf8(bytes)) return bytes.toString('utf8').replace(/^\uFEFF/, '')
  throw new TenonError('MANIFEST_NOT_JSON', { location, cause: 'it is not UTF-8 text' })
}

function toTenonError(error: unknown, location: string): TenonError {
  if (error instanceof TenonError) return error
  if (error instanceof MarketplaceFileError && error.refusedTarget !== undefined) {
    return new TenonError('MANIFEST_REDIRECT_REFUSED', { location, target: error.refusedTarget }, { cause: error })
  }
  return new TenonError('MARKETPLACE_UNREACHABLE', { location, cause: reasonOf(error) }, { cause: error })
}

/** The cause alone where the code is the same, so that the sentence is not said twice. */
function failureReason(failure: TenonError): string {
  return failure.code === 'MARKETPLACE_UNREACHABLE' ? String(failure.details.cause) : failure.message
}

function withJitter(waitMs: number): number {
  return waitMs * (1 - refreshJitter + Math.random() * 2 * refreshJitter)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
