import type { MeasurementName } from './measurement-names.js'
import { measureBulkImport } from './measurements/bulk-import.js'
import { measureClient } from './measurements/client.js'
import { measureFileImport } from './measurements/file-import.js'
import { measureInstalls } from './measurements/install.js'
import { measureListings } from './measurements/listing.js'
import { measureLoads } from './measurements/loads.js'
import { measureMemory } from './measurements/memory.js'
import { measureNotifications } from './measurements/notifications.js'
import { measureSandbox } from './measurements/sandbox.js'
import { measureSync } from './measurements/sync.js'
import { measureTemplate } from './measurements/template.js'
import { measureWarmCalls } from './measurements/warm-call.js'
import type { Section } from './report.js'
import type { Surroundings } from './surroundings.js'

interface MeasureOptions {
  rounds: number
  /** All when absent. */
  only?: readonly MeasurementName[] | undefined
  onProgress(what: string): void
}

type Measure = (surroundings: Surroundings, options: MeasureOptions) => Promise<Section[]>

/** In an order in which nothing warms up what is measured after it. */
const measurements: [name: MeasurementName, measure: Measure][] = [
  ['memory', async (surroundings) => [await measureMemory(surroundings)]],
  ['loading', measureLoading],
  ['rows', async (surroundings, { rounds }) => [await measureBulkImport(surroundings, rounds)]],
  ['file', async () => [await measureFileImport()]],
  ['notifications', async (surroundings) => [await measureNotifications(surroundings)]],
  ['sync', (surroundings, { rounds }) => measureSync(surroundings, rounds)],
  ['template', async (surroundings, { rounds }) => [await measureTemplate(surroundings, rounds)]],
  ['client', async () => [await measureClient()]],
  ['sandbox', async (_surroundings, { rounds }) => [await measureSandbox(rounds)]],
  ['loads', async () => [await measureLoads()]],
]
const onlyWhenNamed: ReadonlySet<MeasurementName> = new Set(['loads'])

export async function measure(surroundings: Surroundings, options: MeasureOptions): Promise<Section[]> {
  const sections: Section[] = []
  for (const [name, measureIt] of measurements) {
    if (options.only ? !options.only.includes(name) : onlyWhenNamed.has(name)) continue
    options.onProgress(name)
    sections.push(...(await measureIt(surroundings, options)))
  }
  return sections
}

/** Installs, and with the same hosts calls and listings. */
async function measureLoading(surroundings: Surroundings, { rounds, onProgress }: MeasureOptions): Promise<Section[]> {
  const { section: installs, hosts } = await measureInstalls(surroundings, rounds)
  onProgress('warm calls')
  const [organizationId = 0] = hosts.ours.organizationIds
  for (const pluginKey of ['mlflow', 'greeting']) await hosts.ours.ask('install', pluginKey, organizationId)
  await hosts.seed.ask('install', 'greeting')
  const calls = await measureWarmCalls({ ...hosts, rounds: rounds * 3 })
  onProgress('listings')
  return [...calls, installs, await measureListings(hosts, surroundings.registry)]
}
