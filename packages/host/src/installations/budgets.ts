import type { JobLimits } from '../jobs/job-limits.js'
import type { RecordLimits } from '../records/index.js'
import type { PluginHealth, ProcessStatus, RuntimeLimits } from '../runtime/index.js'
import type { RoleUse, TenancyLimits } from '../tenancy/index.js'
import type { UploadLimits } from '../uploads/index.js'

/** What is used of one limit. */
export interface BudgetJson {
  /** In words for a person, and the same at each look. */
  name: string
  used: number
  limit: number | null
  unit: string
}

/** What a plugin uses: of calls, memory and the database on one server, of the rest on all servers. */
export interface BudgetFacts {
  seen: PluginHealth
  processes: readonly ProcessStatus[]
  database: RoleUse
  /** Of the organization. */
  runs: { queued: number; running: number }
  keptLines: number
  /** Of the organization. */
  heldBytes: number
  limits: {
    runtime: RuntimeLimits
    tenancy: TenancyLimits
    jobs: JobLimits
    records: RecordLimits
    uploads: UploadLimits
  }
}

export function budgetsOf(facts: BudgetFacts): BudgetJson[] {
  return [
    ...ofProcesses(facts),
    ...ofNetwork(facts),
    ...ofDatabase(facts),
    ...ofRecords(facts),
    ...ofOrganization(facts),
  ]
}

const budget = (name: string, used: number, limit: number, unit: string): BudgetJson => ({ name, used, limit, unit })

function ofProcesses({ processes, seen: { calling }, limits: { runtime } }: BudgetFacts): BudgetJson[] {
  const most = (of: (one: ProcessStatus) => number) => Math.max(0, ...processes.map(of))
  return [
    budget('calls at work', calling.running, runtime.maxCallsPerPlugin, 'calls'),
    budget('calls waiting for their turn', calling.waiting, runtime.maxQueuedPerPlugin, 'calls'),
    budget(
      'memory of one process',
      most((one) => one.rssBytes),
      runtime.maxRssBytes,
      'bytes',
    ),
    budget(
      'open connections of one process',
      most((one) => one.connections),
      runtime.maxConnections,
      'connections',
    ),
  ]
}

function ofNetwork({ seen: { network }, limits: { runtime } }: BudgetFacts): BudgetJson[] {
  const window = `${Math.round(runtime.egressWindowMs / 60_000)} minutes`
  const bytes = network.bytesIn + network.bytesOut
  return [
    budget(`data exchanged with the outside within ${window}`, bytes, runtime.maxEgressBytes, 'bytes'),
    budget(
      `connections to the outside within ${window}`,
      network.connections,
      runtime.maxEgressConnections,
      'connections',
    ),
  ]
}

function ofDatabase({ database: { connections, longestStatement }, limits: { tenancy } }: BudgetFacts): BudgetJson[] {
  const seconds = (ms: number) => Math.round(ms / 100) / 10
  const limitMs = longestStatement ? longestStatement.limitMs - tenancy.killGraceMs : tenancy.statementTimeoutMs
  return [
    budget('database connections in use', connections, tenancy.maxConnectionsPerRole, 'connections'),
    budget('time of its longest statement', seconds(longestStatement?.ms ?? 0), seconds(limitMs), 'seconds'),
  ]
}

function ofRecords({ keptLines, limits: { records } }: BudgetFacts): BudgetJson[] {
  return [budget('lines kept of its log', keptLines, records.keptLines, 'lines')]
}

function ofOrganization({ runs, heldBytes, limits: { jobs, uploads } }: BudgetFacts): BudgetJson[] {
  return [
    budget('runs of the organization at work', runs.running, jobs.runningPerOrganization, 'runs'),
    budget('runs of the organization that wait', runs.queued, jobs.queuedPerOrganization, 'runs'),
    budget('files kept for the organization', heldBytes, uploads.maxHeldBytes, 'bytes'),
  ]
}
