import type { Pool } from 'pg'
import { storableText } from '../migrations/sql-text.js'
import { keyOf, type RecordOwner } from './log-buffer.js'
import type { RecordLimits } from './record-limits.js'

/** How often a plugin used one of its permissions, and when last. */
export interface PermissionUse {
  permission: string
  uses: number
  lastUsedAt: string | null
  refusals: number
  lastRefusedAt: string | null
}

/** What is known of the calls of one plugin. Times are milliseconds. */
export interface CallFigures {
  calls: number
  errors: number
  meanMs: number | null
  /** Nineteen of twenty calls took at most as long; up to the steps of a scale. */
  p95Ms: number | null
}

/** The calls that were begun in one hour. */
export interface CallsOfHour extends CallFigures {
  /** When the hour began. */
  at: string
}

export interface KeptProcessEnd {
  at: string
  crashed: boolean
  cause: string
  digest: string
}

export interface Usage {
  countCall(owner: RecordOwner, call: { ms: number; failed: boolean }): void
  countUse(owner: RecordOwner, permission: string): void
  countRefusal(owner: RecordOwner, permission: string): void
  noteProcessEnd(owner: RecordOwner, end: Omit<KeptProcessEnd, 'at'>): void
  /** Of the last `hours`. */
  callsOf(owner: RecordOwner, hours: number): Promise<CallFigures>
  /** Each of the last `hours`, the oldest first, those without calls included. */
  callsByHour(owner: RecordOwner, hours: number): Promise<CallsOfHour[]>
  permissionsOf(owner: RecordOwner): Promise<PermissionUse[]>
  /** The newest first. */
  processEndsOf(owner: RecordOwner): Promise<KeptProcessEnd[]>
  forget(owner: RecordOwner): Promise<void>
  start(): void
  /** Writes what was counted. */
  stop(): Promise<void>
}

interface UsageOptions {
  pool: Pool
  limits: RecordLimits
  log: (event: string, fields: Record<string, unknown>) => void
}

/** Milliseconds; the last step is for everything above. */
const scale = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 2_147_483_647]
const hourMs = 60 * 60_000
const keptDays = 7
const tidyEveryMs = hourMs

interface CountedCalls extends RecordOwner {
  hour: number
  upToMs: number
  calls: number
  errors: number
  totalMs: number
}

interface CountedPermission extends RecordOwner {
  permission: string
  uses: number
  refusals: number
  usedAt: Date | null
  refusedAt: Date | null
}

interface CountedEnd extends RecordOwner, Omit<KeptProcessEnd, 'at'> {
  at: Date
}

/** Counts in memory, and adds to what the database has in batches: no call waits for being counted. */
export function createUsage({ pool, limits, log }: UsageOptions): Usage {
  let calls = new Map<string, CountedCalls>()
  let permissions = new Map<string, CountedPermission>()
  let permissionsPerOwner = new Map<string, number>()
  let ends: CountedEnd[] = []
  let timers: NodeJS.Timeout[] = []
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    const batch = { calls: [...calls.values()], permissions: [...permissions.values()], ends }
    calls = new Map()
    permissions = new Map()
    permissionsPerOwner = new Map()
    ends = []
    const parts: Promise<void>[] = [
      batch.calls.length > 0 ? addCalls(pool, batch.calls) : Promise.resolve(),
      batch.permissions.length > 0 ? addPermissions(pool, batch.permissions) : Promise.resolve(),
      batch.ends.length > 0 ? addEnds(pool, batch.ends, limits.keptProcessEnds) : Promise.resolve(),
    ]
    // What cannot be written is lost: it is counting, and must never pile up.
    for (const outcome of await Promise.allSettled(parts))
      if (outcome.status === 'rejected') log('usage-failed', { reason: String(outcome.reason) })
  }

  const flush = () => (writing ??= writeAll().finally(() => (writing = undefined)))
  /** Everything until now: a batch that is on its way has begun earlier. */
  const settle = async () => {
    await writing
    await flush()
  }

  function counted(owner: RecordOwner, permission: string): CountedPermission | undefined {
    const key = `${keyOf(owner)} ${permission}`
    const known = permissions.get(key)
    if (known) return known
    const different = permissionsPerOwner.get(keyOf(owner)) ?? 0
    if (different >= limits.maxCountedPermissions) return undefined
    permissionsPerOwner.set(keyOf(owner), different + 1)
    const { organizationId, pluginKey } = owner
    const fresh = { organizationId, pluginKey, permission, uses: 0, refusals: 0, usedAt: null, refusedAt: null }
    permissions.set(key, fresh)
    return fresh
  }

  async function tidy(): Promise<void> {
    await pool
      .query(`DELETE FROM tenon.plugin_calls WHERE hour < now() - $1 * interval '1 day'`, [keptDays])
      .catch((error: unknown) => log('usage-failed', { reason: String(error) }))
  }

  return {
    countCall({ organizationId, pluginKey }, { ms, failed }) {
      const hour = Math.floor(Date.now() / hourMs) * hourMs
      const upToMs = scale.find((step) => ms <= step) ?? 2_147_483_647
      const key = `${organizationId} ${pluginKey} ${hour} ${upToMs}`
      const row = calls.get(key) ?? { organizationId, pluginKey, hour, upToMs, calls: 0, errors: 0, totalMs: 0 }
      row.calls += 1
      row.errors += failed ? 1 : 0
      row.totalMs += ms
      calls.set(key, row)
    },
    countUse(owner, permission) {
      const row = counted(owner, permission)
      if (!row) return
      row.uses += 1
      row.usedAt = new Date()
    },
    countRefusal(owner, permission) {
      const row = counted(owner, permission)
      if (!row) return
      row.refusals += 1
      row.refusedAt = new Date()
    },
    noteProcessEnd({ organizationId, pluginKey }, { crashed, cause, digest }) {
      ends.push({
        organizationId,
        pluginKey,
        crashed,
        cause: storableText(cause).slice(0, 500),
        digest,
        at: new Date(),
      })
      if (ends.length > limits.keptProcessEnds) void flush()
    },

    async callsOf({ organizationId, pluginKey }, hours) {
      await settle()
      const { rows } = await pool.query<StepRow>(
        `SELECT up_to_ms, sum(calls) AS calls, sum(errors) AS errors, sum(total_ms) AS total_ms FROM tenon.plugin_calls
         WHERE organization_id = $1 AND plugin_key = $2 AND hour > now() - $3 * interval '1 hour' GROUP BY up_to_ms ORDER BY up_to_ms`,
        [organizationId, pluginKey, hours],
      )
      return figuresOf(rows.map(toStep))
    },
    async callsByHour({ organizationId, pluginKey }, hours) {
      await settle()
      const last = Math.floor(Date.now() / hourMs) * hourMs
      const first = last - (hours - 1) * hourMs
      const { rows } = await pool.query<StepRow & { hour: Date }>(
        `SELECT hour, up_to_ms, calls, errors, total_ms FROM tenon.plugin_calls
         WHERE organization_id = $1 AND plugin_key = $2 AND hour >= $3 ORDER BY hour, up_to_ms`,
        [organizationId, pluginKey, new Date(first)],
      )
      const within = (hour: number) => rows.filter((row) => row.hour.getTime() === hour)
      return Array.from({ length: hours }, (_, index) => first + index * hourMs).map((hour) => ({
        at: new Date(hour).toISOString(),
        ...figuresOf(within(hour).map(toStep)),
      }))
    },
    async permissionsOf({ organizationId, pluginKey }) {
      await settle()
      const { rows } = await pool.query<PermissionRow>(
        `SELECT permission, uses, last_used_at, refusals, last_refused_at FROM tenon.permission_uses
         WHERE organization_id = $1 AND plugin_key = $2 ORDER BY permission`,
        [organizationId, pluginKey],
      )
      return rows.map((row) => ({
        permission: row.permission,
        uses: Number(row.uses),
        lastUsedAt: row.last_used_at?.toISOString() ?? null,
        refusals: Number(row.refusals),
        lastRefusedAt: row.last_refused_at?.toISOString() ?? null,
      }))
    },
    async processEndsOf({ organizationId, pluginKey }) {
      await settle()
      const { rows } = await pool.query<{ ended_at: Date; crashed: boolean; cause: string; digest: string }>(
        `SELECT ended_at, crashed, cause, digest FROM tenon.process_ends WHERE organization_id = $1 AND plugin_key = $2
         ORDER BY id DESC LIMIT $3`,
        [organizationId, pluginKey, limits.keptProcessEnds],
      )
      return rows.map(({ ended_at: at, ...end }) => ({ at: at.toISOString(), ...end }))
    },

    async forget(owner) {
      await settle()
      for (const table of ['plugin_calls', 'permission_uses', 'process_ends', 'network_use']) {
        await pool.query(`DELETE FROM tenon.${table} WHERE organization_id = $1 AND plugin_key = $2`, [
          owner.organizationId,
          owner.pluginKey,
        ])
      }
    },
    start() {
      timers = [setInterval(() => void flush(), 10 * limits.writeEveryMs), setInterval(() => void tidy(), tidyEveryMs)]
      for (const timer of timers) timer.unref()
    },
    async stop() {
      timers.forEach(clearInterval)
      await settle()
    },
  }
}

interface PermissionRow {
  permission: string
  uses: string
  last_used_at: Date | null
  refusals: string
  last_refused_at: Date | null
}

/** Always in the same order, so that two replicas that count the same do not wait for each other in a circle. */
const inOrder = <Row extends RecordOwner>(rows: readonly Row[], rest: (row: Row) => string): Row[] =>
  rows.toSorted((a, b) => {
    const [one, other] = [`${keyOf(a)} ${rest(a)}`, `${keyOf(b)} ${rest(b)}`]
    return one < other ? -1 : one > other ? 1 : 0
  })

async function addCalls(pool: Pool, counted: readonly CountedCalls[]): Promise<void> {
  const rows = inOrder(counted, ({ hour, upToMs }) => `${hour} ${upToMs}`)
  await pool.query(
    `INSERT INTO tenon.plugin_calls AS c (organization_id, plugin_key, hour, up_to_ms, calls, errors, total_ms)
     SELECT n.* FROM unnest($1::integer[], $2::text[], $3::timestamptz[], $4::integer[], $5::bigint[], $6::bigint[], $7::float8[])
       AS n (organization_id, plugin_key, hour, up_to_ms, calls, errors, total_ms)
     JOIN tenon.tenants t USING (organization_id) WHERE t.state <> 'removing'
     ON CONFLICT (organization_id, plugin_key, hour, up_to_ms) DO UPDATE SET
       calls = c.calls + excluded.calls, errors = c.errors + excluded.errors, total_ms = c.total_ms + excluded.total_ms`,
    [
      rows.map(({ organizationId }) => organizationId),
      rows.map(({ pluginKey }) => pluginKey),
      rows.map(({ hour }) => new Date(hour)),
      rows.map(({ upToMs }) => upToMs),
      rows.map(({ calls }) => calls),
      rows.map(({ errors }) => errors),
      rows.map(({ totalMs }) => totalMs),
    ],
  )
}

async function addPermissions(pool: Pool, counted: readonly CountedPermission[]): Promise<void> {
  const rows = inOrder(counted, ({ permission }) => permission)
  await pool.query(
    `INSERT INTO tenon.permission_uses AS p
       (organization_id, plugin_key, permission, uses, last_used_at, refusals, last_refused_at)
     SELECT n.* FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[], $7::timestamptz[])
       AS n (organization_id, plugin_key, permission, uses, last_used_at, refusals, last_refused_at)
     JOIN tenon.tenants t USING (organization_id) WHERE t.state <> 'removing'
     ON CONFLICT (organization_id, plugin_key, permission) DO UPDATE SET
       uses = p.uses + excluded.uses, refusals = p.refusals + excluded.refusals,
       last_used_at = greatest(p.last_used_at, excluded.last_used_at),
       last_refused_at = greatest(p.last_refused_at, excluded.last_refused_at)`,
    [
      rows.map(({ organizationId }) => organizationId),
      rows.map(({ pluginKey }) => pluginKey),
      rows.map(({ permission }) => storableText(permission).slice(0, 300)),
      rows.map(({ uses }) => uses),
      rows.map(({ usedAt }) => usedAt),
      rows.map(({ refusals }) => refusals),
      rows.map(({ refusedAt }) => refusedAt),
    ],
  )
}

async function addEnds(pool: Pool, ends: readonly CountedEnd[], kept: number): Promise<void> {
  await pool.query(
    `INSERT INTO tenon.process_ends (organization_id, plugin_key, crashed, cause, digest, ended_at)
     SELECT n.organization_id, n.plugin_key, n.crashed, n.cause, n.digest, n.ended_at
     FROM unnest($1::integer[], $2::text[], $3::boolean[], $4::text[], $5::text[], $6::timestamptz[])
       WITH ORDINALITY AS n (organization_id, plugin_key, crashed, cause, digest, ended_at, position)
     JOIN tenon.tenants t USING (organization_id) WHERE t.state <> 'removing' ORDER BY position`,
    [
      ends.map(({ organizationId }) => organizationId),
      ends.map(({ pluginKey }) => pluginKey),
      ends.map(({ crashed }) => crashed),
      ends.map(({ cause }) => cause),
      ends.map(({ digest }) => digest),
      ends.map(({ at }) => at),
    ],
  )
  const owners = new Map(ends.map((end) => [keyOf(end), end]))
  for (const { organizationId, pluginKey } of owners.values()) {
    await pool.query(
      `DELETE FROM tenon.process_ends WHERE organization_id = $1 AND plugin_key = $2 AND id <= (
         SELECT id FROM tenon.process_ends WHERE organization_id = $1 AND plugin_key = $2 ORDER BY id DESC OFFSET $3 LIMIT 1)`,
      [organizationId, pluginKey, kept],
    )
  }
}

interface StepRow {
  up_to_ms: number
  calls: string
  errors: string
  total_ms: number
}

const toStep = ({ up_to_ms, calls, errors, total_ms }: StepRow): Step => ({
  up_to_ms,
  calls: Number(calls),
  errors: Number(errors),
  total_ms,
})

interface Step {
  up_to_ms: number
  calls: number
  errors: number
  total_ms: number
}

function figuresOf(steps: readonly Step[]): CallFigures {
  const calls = steps.reduce((sum, step) => sum + step.calls, 0)
  const errors = steps.reduce((sum, step) => sum + step.errors, 0)
  const totalMs = steps.reduce((sum, step) => sum + step.total_ms, 0)
  if (calls === 0) return { calls, errors, meanMs: null, p95Ms: null }
  let below = 0
  const reached = steps.find((step) => (below += step.calls) >= calls * 0.95)
  const slowest = scale.at(-2) ?? 0
  return {
    calls,
    errors,
    meanMs: Math.round((totalMs / calls) * 10) / 10,
    p95Ms: Math.min(reached?.up_to_ms ?? slowest, slowest),
  }
}
