import type { SampleName } from '../hosts/samples.js'
import type { Row, Section } from '../report.js'
import { median, p95 } from '../statistics.js'
import type { OurHost, SeedHost } from '../surroundings.js'

interface WarmCallOptions {
  ours: OurHost
  seed: SeedHost
  rounds: number
}

/** Milliseconds of each call. */
interface CallTimes {
  ours: number[]
  /** Of our calls, what the host waited for its own database; `bare` is the rest. */
  lookups: number[]
  bare: number[]
  loading: number[]
  listing: number[]
  direct: number[]
}

const callsPerRound = { ours: 500, seed: 12, direct: 500 }
/** A server that has run for a second or two: V8 has compiled what is called often. */
const callsBefore = { ours: 4_000, seed: 10 }

/** The plugins are installed in both hosts. */
export async function measureWarmCalls(options: WarmCallOptions): Promise<Section[]> {
  return [
    {
      title: 'Warm call: a plugin of the size of a product (MLflow)',
      rows: await measureSample('mlflow', options),
    },
    { title: 'Warm call: a plugin of forty lines, for comparison', rows: await measureSample('greeting', options) },
  ]
}

async function measureSample(sample: SampleName, { ours, seed, rounds }: WarmCallOptions): Promise<Row[]> {
  const times: CallTimes = { ours: [], lookups: [], bare: [], loading: [], listing: [], direct: [] }
  // Everybody's first calls start processes and compile; they are not what is measured.
  await ours.ask('call', sample, callsBefore.ours)
  await seed.ask('callLoading', sample, callsBefore.seed)
  for (let round = 0; round < rounds; round += 1) {
    const our = await ours.ask('call', sample, callsPerRound.ours)
    times.ours.push(...our.times)
    times.lookups.push(...our.lookups)
    times.bare.push(...our.times.map((ms, index) => ms - (our.lookups[index] ?? 0)))
    times.loading.push(...(await seed.ask('callLoading', sample, callsPerRound.seed)))
    times.listing.push(...(await seed.ask('callWithLookup', sample, callsPerRound.seed)))
    times.direct.push(...(await seed.ask('callDirectly', sample, callsPerRound.direct)))
  }
  return rowsOf(sample, times)
}

function rowsOf(sample: SampleName, times: CallTimes): Row[] {
  const line = (id: string, what: string, values: number[]): Row => ({
    id: `warm-${sample}-${id}`,
    what,
    value: median(values),
    p95: p95(values),
    unit: 'ms',
  })
  const faster = (id: string, what: string, than: number[], atLeast?: number): Row => ({
    id: `warm-${sample}-${id}`,
    what,
    value: median(times.loading) / median(than),
    unit: 'times',
    ...(atLeast === undefined ? {} : { target: { atLeast } }),
  })
  return [
    line('ours', 'through the engine', times.ours),
    line('lookups', "  of which the host's own look-ups in the database", times.lookups),
    line('seed', "the seed's way: load, then call", times.loading),
    line('seed-listing', "the seed's way with its look at the manifest", times.listing),
    line('direct', 'the same function in the process', times.direct),
    faster('faster', "faster than the seed's load and call", times.ours, sample === 'mlflow' ? 100 : undefined),
    faster('faster-bare', '  the same, look-ups left out on both sides', times.bare),
    {
      id: `warm-${sample}-added`,
      what: 'added to the call in the process',
      value: median(times.ours) - median(times.direct),
      unit: 'ms',
      target: { atMost: 1 },
    },
  ]
}
