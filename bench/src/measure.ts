import { measureBulkImport } from './measurements/bulk-import.js'
import { measureClient } from './measurements/client.js'
import { measureInstalls } from './measurements/install.js'
import { measureListings } from './measurements/listing.js'
import { measureMemory } from './measurements/memory.js'
import { measureSandbox } from './measurements/sandbox.js'
import { measureWarmCalls } from './measurements/warm-call.js'
import type { Section } from './report.js'
import type { Surroundings } from './surroundings.js'

interface MeasureOptions {
  rounds: number
  onProgress(what: string): void
}

/** Everything that is measured, in an order in which nothing warms up what is measured after it. */
export async function measure(surroundings: Surroundings, { rounds, onProgress }: MeasureOptions): Promise<Section[]> {
  onProgress('memory')
  const memory = await measureMemory(surroundings)
  onProgress('installs')
  const { section: installs, hosts } = await measureInstalls(surroundings, rounds)
  onProgress('warm calls')
  const [organizationId = 0] = hosts.ours.organizationIds
  for (const pluginKey of ['mlflow', 'greeting']) await hosts.ours.ask('install', pluginKey, organizationId)
  await hosts.seed.ask('install', 'greeting')
  const calls = await measureWarmCalls({ ...hosts, rounds: rounds * 3 })
  onProgress('rows of a plugin')
  const bulk = await measureBulkImport(surroundings, rounds)
  onProgress('listings')
  const listings = await measureListings(hosts, surroundings.registry)
  onProgress('sandbox')
  const sandbox = await measureSandbox(rounds)
  onProgress('the client')
  const client = await measureClient()
  return [...calls, bulk, installs, listings, memory, sandbox, client]
}
