import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { VerifiedArtifact } from '@tenon/contract'
import { createRuntime, type PluginTarget } from '@tenon/host'
import { childrenOf, memoryOf, processesBelow } from '../process-memory.js'
import type { Row, Section } from '../report.js'

/** The seed's way ends at 8,367: what it has loaded stays, with what it patched around it. */
const loads = 10_000
const atOnce = 2
/** Until what is left of the first loads is there to compare with. */
const loadsBefore = 200
const settleMs = 2_000
const heapTargetMb = 20

/** What one host keeps of 10,000 loads, each in a process of its own, called once and ended. */
export async function measureLoads(): Promise<Section> {
  const silent = { info: () => undefined, warn: () => undefined }
  // The database of the other measurements opens files, and starts processes, when it pleases.
  const others = new Set(await childrenOf(process.pid))
  const runtime = createRuntime({ log: silent, limits: { warmRunners: 0 } })
  const { tier } = await runtime.selfTest()
  const collect = garbageCollector()
  const left = async () => {
    await sleep(settleMs)
    collect()
    const { heapUsed, rss } = process.memoryUsage()
    const started = (await childrenOf(process.pid)).filter((pid) => !others.has(pid))
    const children = (await Promise.all(started.map(livingFrom))).flat()
    const resident = await Promise.all(children.map(async (pid) => (await memoryOf(pid))?.residentBytes ?? 0))
    return {
      heap: heapUsed / 1e6,
      resident: rss / 1e6,
      ofOthers: resident.reduce((sum, bytes) => sum + bytes, 0) / 1e6,
      descriptors: [process.pid, ...children].reduce((sum, pid) => sum + descriptorsOf(pid), 0),
      processes: children.length,
    }
  }
  let next = 0
  const loadUntil = async (end: number) => {
    await Promise.all(
      Array.from({ length: atOnce }, async () => {
        while (next < end) await loadOnce(runtime, next++)
      }),
    )
  }
  await loadUntil(loadsBefore)
  const before = await left()
  await loadUntil(loadsBefore + loads)
  const after = await left()
  await runtime.stop({ drainMs: 0 })
  const grown = (id: keyof typeof before, what: string, unit: Row['unit'], atMost?: number): Row => ({
    id: `loads-${id}`,
    what,
    value: after[id] - before[id],
    unit,
    ...(atMost === undefined ? {} : { target: { atMost } }),
  })
  return {
    title: `${loads.toLocaleString('en')} loads in one host, ${tier}`,
    rows: [
      { id: 'loads-heap-after', what: 'heap of the host afterwards', value: after.heap, unit: 'MB' },
      grown('heap', 'it has grown by', 'MB', heapTargetMb),
      grown('resident', 'resident memory of the host has grown by', 'MB'),
      grown('ofOthers', 'that of the processes which stay has grown by', 'MB'),
      grown('descriptors', 'open descriptors more than before', 'things', 0),
      grown('processes', 'processes more than before', 'things', 0),
    ],
  }
}

async function loadOnce(runtime: ReturnType<typeof createRuntime>, number: number): Promise<void> {
  // Another digest each time, as if each were another version.
  const code = `exports.install = () => ({}); exports.hello = () => 'hello ${number}'`
  const artifact = {
    digest: createHash('sha256').update(code).digest('hex'),
    pluginKey: 'loaded',
    version: '1.0.0',
    code,
  }
  const target: PluginTarget = { tenantId: `t${number}`, pluginKey: 'loaded', artifact: artifact as VerifiedArtifact }
  await runtime.call(target, {
    invocation: { kind: 'function', name: 'hello', args: [] },
    context: { tenantId: target.tenantId, userId: 1, organizationId: 1, configuration: {} },
  })
  await runtime.stopPlugin(target.tenantId, target.pluginKey)
}

/** A process, its children, and theirs: runners are started by a process that stays. */
async function livingFrom(pid: number): Promise<number[]> {
  const below = [pid, ...(await processesBelow(pid))]
  // Whoever looked for them was one of them.
  const memories = await Promise.all(below.map(memoryOf))
  return below.filter((_, index) => memories[index] !== undefined)
}

function descriptorsOf(pid: number): number {
  return process.platform === 'linux' ? readdirSync(`/proc/${pid}/fd`).length : 0
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
