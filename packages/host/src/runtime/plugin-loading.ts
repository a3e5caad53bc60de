import { TenonError } from '@tenon/contract'
import type { PluginReport } from '@tenon/contract/wire'
import { createCodeCaches, noCodeCaches } from './code-caches.js'
import { loadError, type PluginTarget } from './residents.js'
import type { LoadOutcome, RunnerProcess } from './runner-process.js'

/** What a plugin is, found out in a process that is thrown away. */
export interface Inspection extends PluginReport {
  /** V8's code cache, to be kept beside the artifact; only for this version of Node on this kind of machine. */
  codeCache: Buffer | undefined
}

export interface PluginLoading {
  /** Loads a plugin into a blank process, without compiling it where that has been done before. */
  load(process: RunnerProcess, target: PluginTarget): Promise<LoadOutcome>
  /** @throws TenonError PLUGIN_PARSE_FAILED, PLUGIN_LOAD_FAILED, PLUGIN_EXPORT_MISSING. */
  inspect(target: Pick<PluginTarget, 'pluginKey' | 'artifact'>): Promise<Inspection>
}

/** Of recently inspected artifacts; the code cache in one is about as large as the code. */
const keptInspections = 32
/** Of the code, and of what the smallest one takes: what V8 makes is far below. */
const largestCache = { timesCode: 4, bytesMore: 1024 * 1024 }

/** The code of a plugin may have said that something else is its cache. */
function fittingCache(cache: Uint8Array | undefined, code: string | Uint8Array): Buffer | undefined {
  const most = largestCache.timesCode * code.length + largestCache.bytesMore
  return cache && cache.byteLength <= most ? Buffer.from(cache) : undefined
}

export function createPluginLoading(options: {
  /** Certificate authorities (PEM) that plugins' TLS trusts besides the well-known ones. */
  extraCa: readonly string[]
  /** Default: code caches are kept in memory only. */
  codeCacheDirectory: string | undefined
  takeBlank: (plugin: string) => Promise<RunnerProcess>
}): PluginLoading {
  const { extraCa, codeCacheDirectory, takeBlank } = options
  const codeCaches = codeCacheDirectory ? createCodeCaches(codeCacheDirectory) : noCodeCaches
  const inspections = new Map<string, Inspection>()
  /** Digests of what is being compiled for whoever comes next. */
  const compiling = new Set<string>()

  function loadMessage(
    target: Pick<PluginTarget, 'pluginKey' | 'artifact' | 'environment'>,
    more: { wantCodeCache: boolean; cachedData?: Buffer },
  ) {
    return {
      plugin: target.pluginKey,
      code: Buffer.from(target.artifact.code),
      extraCa: [...extraCa],
      environment: { ...target.environment },
      ...more,
    }
  }

  async function load(process: RunnerProcess, target: PluginTarget): Promise<LoadOutcome> {
    const { digest } = target.artifact
    const cachedData = inspections.get(digest)?.codeCache ?? (await codeCaches.find(digest))
    const outcome = await process.load(
      loadMessage(target, { wantCodeCache: false, ...(cachedData ? { cachedData } : {}) }),
    )
    if (!('report' in outcome)) return outcome
    const codeCached = cachedData !== undefined && outcome.report.codeCacheRejected !== true
    if (!codeCached && codeCacheDirectory) void compileForNext(target)
    return { ...outcome, codeCached }
  }

  /** After a new version of Node, or of what has been forgotten: whoever needs a process next need not compile. */
  async function compileForNext(target: PluginTarget): Promise<void> {
    const { digest } = target.artifact
    // Once for all tenants that start with it at the same moment.
    if (compiling.has(digest)) return
    compiling.add(digest)
    inspections.delete(digest)
    await inspect(target).catch(() => undefined)
    compiling.delete(digest)
  }

  async function inspect(target: Pick<PluginTarget, 'pluginKey' | 'artifact'>): Promise<Inspection> {
    // The digest is the code: what it is was found out for the first tenant, and holds for the next.
    const known = inspections.get(target.artifact.digest)
    if (known) return known
    const process = await takeBlank(target.pluginKey)
    try {
      const outcome = await process.load(loadMessage(target, { wantCodeCache: true })).catch((error: Error) => {
        throw new TenonError('PLUGIN_LOAD_FAILED', { plugin: target.pluginKey, reason: error.message })
      })
      if (!('report' in outcome)) throw loadError(target.pluginKey, outcome)
      const codeCache = fittingCache(outcome.codeCache, target.artifact.code)
      if (codeCache) await codeCaches.keep(target.artifact.digest, codeCache)
      return keepInspection(target.artifact.digest, { ...outcome.report, codeCache })
    } finally {
      process.kill({ kind: 'stopped', text: 'the inspection is over' })
    }
  }

  function keepInspection(digest: string, inspection: Inspection): Inspection {
    inspections.delete(digest)
    inspections.set(digest, inspection)
    const oldest = inspections.keys().next().value
    if (inspections.size > keptInspections && oldest !== undefined) inspections.delete(oldest)
    return inspection
  }

  return { load, inspect }
}
