import os from 'node:os'
import type { PageDownloaderCommands, PageDownloaderInput } from '../hosts/page-downloader.js'
import type { TrackingServerCommands, TrackingServerInput } from '../hosts/tracking-server.js'
import type { HostProcess } from '../hosts/host-process.js'
import type { Row, Section } from '../report.js'
import { processorTimesOf, usedBetween } from '../process-time.js'
import { median } from '../statistics.js'
import type { OurHost, Surroundings } from '../surroundings.js'

const registry = { registeredModels: 1_000, versionsPerModel: 50, experiments: 20 }
/** As the plugin asks. */
const asPluginAsks = { parallel: 4, versionsPerPage: 1_000, runsPerQuestion: 500 }
/** What MLflow 3 with SQLite took on a machine of its own for such pages; see bench/README.md. */
const delaysMs = { 'registered-models/search': 1_270, 'model-versions/search': 420, 'runs/search': 340 }
const targets = { first: 1.5, second: 1.1 }
const pluginKey = 'mlflow'

type Pace = 'real' | 'none'

interface Counts {
  success: boolean
  versionCount: number
  inserted: number
  updated: number
  removed: number
  message: string
}

interface Measured {
  download: number
  first: number
  second: number
  written: number
  /** Of the downloader; of host and plugin together, without the database. */
  downloadProcessor: number
  firstProcessor: number
  secondProcessor: number
}

interface Processes {
  server: HostProcess<TrackingServerCommands>
  downloader: HostProcess<PageDownloaderCommands>
}

/** 50,000 versions of a tracking server, first and again without a change, against only downloading the same pages. */
export async function measureSync(surroundings: Surroundings, rounds: number): Promise<Section[]> {
  const server = await surroundings.startProcess<TrackingServerCommands>('tracking-server', {
    ...registry,
    delaysMs,
  } satisfies TrackingServerInput)
  const url = await server.ask('url')
  const downloader = await surroundings.startProcess<PageDownloaderCommands>('page-downloader', {
    url,
    ...asPluginAsks,
  } satisfies PageDownloaderInput)
  // The server makes its pages now, and whoever downloads has been compiled.
  for (let warm = 0; warm < 3; warm += 1) await downloader.ask('downloadAll')
  // No more polite than the downloader: otherwise whoever else works on the machine is in the way of one of them only.
  const host = await surroundings.startOurHost('packed', rounds, { niceness: os.getPriority() })
  try {
    const measured: Record<Pace, Measured[]> = { none: [], real: [] }
    for (const organizationId of host.organizationIds) {
      for (const pace of ['real', 'none'] as const) {
        await server.ask('pace', pace)
        measured[pace].push(await measureOnce({ server, downloader }, host, organizationId, url))
      }
    }
    return [sectionOf('real', measured.real), sectionOf('none', measured.none)]
  } finally {
    await Promise.all([host.stop(), downloader.stop(), server.stop()])
  }
}

async function measureOnce(
  { downloader }: Processes,
  host: OurHost,
  organizationId: number,
  url: string,
): Promise<Measured> {
  await host.ask('install', pluginKey, organizationId)
  await host.ask('configure', pluginKey, organizationId, { tracking_server_url: url, auth_method: 'none' })
  const beforeDownload = await processorTimesOf(downloader.pid)
  const { ms: download } = await downloader.ask('downloadAll')
  const afterDownload = await processorTimesOf(downloader.pid)
  const beforeFirst = await processorTimesOf(host.pid)
  const first = await syncOnce(host, organizationId)
  const afterFirst = await processorTimesOf(host.pid)
  const second = await syncOnce(host, organizationId)
  const afterSecond = await processorTimesOf(host.pid)
  await host.ask('uninstall', pluginKey, organizationId)
  const { inserted, updated, removed } = second.counts
  return {
    download,
    first: first.ms,
    second: second.ms,
    written: inserted + updated + removed,
    downloadProcessor: usedBetween(beforeDownload, afterDownload),
    firstProcessor: usedBetween(beforeFirst, afterFirst),
    secondProcessor: usedBetween(afterFirst, afterSecond),
  }
}

async function syncOnce(host: OurHost, organizationId: number): Promise<{ ms: number; counts: Counts }> {
  const { ms, counts } = await host.ask('sync', pluginKey, organizationId)
  const read = counts as Counts
  const expected = registry.registeredModels * registry.versionsPerModel
  if (!read.success || read.versionCount !== expected) throw new Error(`the synchronisation ended so: ${read.message}`)
  return { ms, counts: read }
}

const titles: Record<Pace, string> = {
  real: 'Synchronising 50,000 model versions, from a server that takes as long as MLflow does',
  none: 'Synchronising 50,000 model versions, from a server that answers at once',
}

function sectionOf(pace: Pace, measured: readonly Measured[]): Section {
  const of = (name: keyof Measured): number => median(measured.map((one) => one[name]))
  const ratio = (id: string, what: string, name: 'first' | 'second'): Row => ({
    id: `sync-${pace}-${id}`,
    what,
    value: median(measured.map((one) => one[name] / one.download)),
    unit: 'times',
    ...(pace === 'real' ? { target: { atMost: targets[name] } } : {}),
  })
  const processor = (name: 'download' | 'first' | 'second', what: string): Row => ({
    id: `sync-${pace}-${name}-processor`,
    what,
    // A plugin's process that has grown starts afresh when it is idle; what it used is lost then.
    value: Math.max(...measured.map((one) => one[`${name}Processor`])),
    unit: 'ms',
  })
  return {
    title: titles[pace],
    rows: [
      { id: `sync-${pace}-download`, what: 'downloading the pages', value: of('download'), unit: 'ms' },
      { id: `sync-${pace}-first`, what: 'first full synchronisation', value: of('first'), unit: 'ms' },
      ratio('first-ratio', 'of the time of downloading', 'first'),
      { id: `sync-${pace}-second`, what: 'full synchronisation without a change', value: of('second'), unit: 'ms' },
      ratio('second-ratio', 'of the time of downloading', 'second'),
      processor('download', 'processor time of downloading'),
      processor('first', 'of the first synchronisation: host and plugin'),
      processor('second', 'of the one without a change'),
      {
        id: `sync-${pace}-written`,
        what: 'rows that it wrote',
        value: Math.max(...measured.map(({ written }) => written)),
        unit: 'rows',
        target: { atMost: 0 },
      },
    ],
  }
}
