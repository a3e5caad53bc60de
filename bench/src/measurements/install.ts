import type { EventLoopReport } from '../hosts/event-loop.js'
import type { Row, Section } from '../report.js'
import { median } from '../statistics.js'
import type { MarketplaceKind, OurHost, SeedHost, Surroundings } from '../surroundings.js'

interface Watched {
  eventLoop: EventLoopReport
}

interface Install extends Watched {
  ms: number
}

interface OurInstalls {
  first: Install[]
  second: Install[]
}

/** Hosts of the last round, with risk-import installed, for what is measured afterwards. */
export interface InstalledHosts {
  ours: OurHost & { organizationIds: number[] }
  seed: SeedHost
}

/** They take a second; the others wait for npm. */
const packedPerRound = 3
/** Shows what the machine alone does to an event loop. */
const idleMs = 3_000
const pluginKey = 'risk-import'
const maxHeldMs = 50
const maxSecondMs = 300

/** Installs risk-import into hosts that have nothing cached: each round in turn the seed's way, packed, as source. */
export async function measureInstalls(
  surroundings: Surroundings,
  rounds: number,
): Promise<{ section: Section; hosts: InstalledHosts }> {
  const idle: Watched[] = []
  const seedInstalls: Install[] = []
  const installs: Record<MarketplaceKind, OurInstalls> = {
    packed: { first: [], second: [] },
    source: { first: [], second: [] },
  }
  let hosts: InstalledHosts | undefined
  for (let round = 0; round < rounds; round += 1) {
    await hosts?.seed.stop()
    const seed = await surroundings.startSeedHost()
    seedInstalls.push(await seed.ask('install', pluginKey))
    const source = await surroundings.startOurHost('source', 2)
    idle.push({ eventLoop: await source.ask('idle', idleMs) })
    await installForTwo(source, installs.source)
    await source.stop()
    let ours = hosts?.ours
    for (let repeat = 0; repeat < packedPerRound; repeat += 1) {
      await ours?.stop()
      ours = await surroundings.startOurHost('packed', 2)
      await installForTwo(ours, installs.packed)
    }
    if (ours) hosts = { ours, seed }
  }
  if (!hosts) throw new RangeError('at least one round is needed')
  return {
    section: { title: 'Install of risk-import with a cold cache', rows: rowsOf(idle, seedInstalls, installs) },
    hosts,
  }
}

async function installForTwo(
  host: OurHost & { organizationIds: number[] },
  { first, second }: OurInstalls,
): Promise<void> {
  const [firstOrganization = 0, secondOrganization = 0] = host.organizationIds
  first.push(await host.ask('install', pluginKey, firstOrganization))
  second.push(await host.ask('install', pluginKey, secondOrganization))
}

function rowsOf(idle: Watched[], seed: Install[], { packed, source }: Record<MarketplaceKind, OurInstalls>): Row[] {
  const seedMs = medianMs(seed)
  const total = (id: string, what: string, installs: Install[], atMost?: number): Row => ({
    id: `install-${id}`,
    what,
    value: medianMs(installs),
    unit: 'ms',
    ...(atMost === undefined ? {} : { target: { atMost } }),
  })
  return [
    total('seed', "total, the seed's way (npm's cache empty)", seed),
    total('packed', 'total, packed', packed.first, seedMs),
    total('source', "total, as source (npm's cache empty)", source.first, seedMs),
    total('packed-second', 'second tenant, packed', packed.second, maxSecondMs),
    total('source-second', 'second tenant, as source', source.second, maxSecondMs),
    heldRow('idle', 'event loop held, a host with nothing to do', idle),
    heldRow('seed', "event loop held, the seed's way", seed),
    heldRow('packed', 'event loop held, packed', [...packed.first, ...packed.second], maxHeldMs),
    heldRow('source', 'event loop held, as source', [...source.first, ...source.second], maxHeldMs),
  ]
}

/**
 * The worst of all rounds: once is enough to be noticed. Where the kernel tells, the time in which it let another
 * process have the processor is left out: that was not the host holding its loop.
 */
function heldRow(id: string, what: string, installs: Watched[], atMost?: number): Row {
  const worst = (values: number[]): number => Math.max(...values)
  const longest = worst(installs.map(({ eventLoop }) => eventLoop.longestMs))
  const held = installs.map(({ eventLoop }) => eventLoop.heldMs).filter((ms) => ms !== undefined)
  return {
    id: `held-${id}`,
    what: `${what} (worst)`,
    value: held.length === 0 ? longest : worst(held),
    unit: 'ms',
    ...(atMost === undefined ? {} : { target: { atMost } }),
    ...(held.length === 0 ? {} : { note: `longest pause with waiting for a processor: ${Math.round(longest)} ms` }),
  }
}

const medianMs = (installs: Install[]): number => median(installs.map(({ ms }) => ms))
