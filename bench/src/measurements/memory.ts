import { memoryOf, type ProcessMemory, runnersBelow } from '../process-memory.js'
import type { Row, Section } from '../report.js'
import type { Surroundings } from '../surroundings.js'

const settleMs = 1_500

/** Memory of a host that has just started, of a runner that waits for a plugin, and of one at work. */
export async function measureMemory(surroundings: Surroundings): Promise<Section> {
  const host = await surroundings.startOurHost('packed', 1)
  try {
    await settle()
    const idle = await host.ask('memory')
    const blank = largest(await runnersOf(host.pid))
    const [organizationId = 0] = host.organizationIds
    await host.ask('install', 'risk-import', organizationId)
    await host.ask('buildTemplate', organizationId)
    await settle()
    const loaded = largest(await runnersOf(host.pid))
    return {
      title: 'Memory',
      rows: [
        { id: 'memory-host', what: 'host, idle, resident', value: megabytes(idle), unit: 'MB' },
        ...runnerRows('blank', 'runner, blank', blank),
        ...runnerRows('template', 'runner, after the template of risk-import', loaded),
      ],
    }
  } finally {
    await host.stop()
  }
}

function runnerRows(id: string, what: string, memory: ProcessMemory | undefined): Row[] {
  const row = (kind: keyof ProcessMemory, words: string): Row => ({
    id: `memory-${id}-${kind.replace('Bytes', '')}`,
    what: `${what}, ${words}`,
    value: memory?.[kind] === undefined ? undefined : megabytes(memory[kind]),
    unit: 'MB',
  })
  const rows = [row('residentBytes', 'resident')]
  if (memory?.privateBytes === undefined) return rows
  return [row('privateBytes', 'its own'), row('proportionalBytes', 'its share of all'), ...rows]
}

/** One that works has more than those that wait. */
async function runnersOf(hostPid: number): Promise<ProcessMemory[]> {
  const memories = await Promise.all((await runnersBelow(hostPid)).map(memoryOf))
  return memories.filter((memory) => memory !== undefined)
}

function largest(memories: ProcessMemory[]): ProcessMemory | undefined {
  return memories.sort((a, b) => b.residentBytes - a.residentBytes)[0]
}

const megabytes = (bytes: number): number => bytes / 1024 / 1024
const settle = () => new Promise((resolve) => setTimeout(resolve, settleMs))
