import type { ClientBase, Pool } from 'pg'
import { storableText } from '../migrations/sql-text.js'
import { writeForInstalled } from './installed.js'
import { keyOf, type RecordOwner, type RecordSource, sourceKeyOf } from './log-buffer.js'
import { createPermissionCounts, inOrder, type PermissionUse } from './permission-counts.js'
import type { RecordLimits } from './record-limits.js'

export type { PermissionUse } from './permission-counts.js'

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
  /** In one word, as the runtime has it; null where an earlier version has kept it. */
  reason: string | null
  /** One line for a person. */
  cause: string
  digest: string
  exitCode: number | null
  signal: string | null
}

export interface Usage {
  countCall(source: RecordSource, call: { ms: number; failed: boolean }): void
  /** `isAsked`: whether the manifest asks for it. Of other names only so many are kept, the rest under one. */
  countUse(source: RecordSource, permission: string, attempt?: { isAsked: boolean }): void
  countRefusal(source: RecordSource, permission: string, attempt?: { isAsked: boolean }): void
  /** A crash is written at once, so that it shows on every server; those that follow it soon are the next batch. */
  noteProcessEnd(source: RecordSource, end: Omit<KeptProcessEnd, 'at'>): void
  /** Of the last `hours`. */
  callsOf(owner: RecordOwner, hours: number): Promise<CallFigures>
  /** Each of the last `hours`, the oldest first, those without calls included. */
  callsByHour(owner: RecordOwner, hours: number): Promise<CallsOfHour[]>
  permissionsOf(owner: RecordOwner): Promise<PermissionUse[]>
  /** The newest first. */
  processEndsOf(owner: RecordOwner): Promise<KeptProcessEnd[]>
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

interface CountedCalls extends RecordSource {
  hour: number
  upToMs: number
  calls: number
  errors: number
  totalMs: number
}

interface CountedEnd extends RecordSource, Omit<KeptProcessEnd, 'at'> {
  at: Date
}

/** Counts in memory, and adds to what the database has in batches: no call waits for being counted. */
export function createUsage({ pool, limits, log }: UsageOptions): Usage {
  let calls = new Map<string, CountedCalls>()
  let ends: CountedEnd[] = []
  let timers: NodeJS.Timeout[] = []
  let writing: Promise<void> | undefined
  let writingEnds = Promise.resolve()
  let endsBegun = -Infinity
  let nextEnds: NodeJS.Timeout | undefined
  const onFailure = (error: unknown) => log('usage-failed', { reason: String(error) })
  const lose = (_rows: unknown, reason: string) => onFailure(reason)
  const permissions = createPermissionCounts({ pool, limits, onFailure })

  async function writeAll(): Promise<void> {
    const counted = [...calls.values()]
    calls = new Map()
    // What cannot be written is lost: it is counting, and must never pile up. One after the other, because nobody waits
    // for them, and each keeps a processor of the database from calls.
    await writeForInstalled(pool, counted, addCalls, lose).catch(onFailure)
    await permissions.write().catch(onFailure)
    await writeEnds()
  }

  async function writeEndsNow(): Promise<void> {
    const batch = ends
    ends = []
    endsBegun = performance.now()
    const write = (client: ClientBase, rows: CountedEnd[]) => addEnds(client, rows, limits.keptProcessEnds)
    await writeForInstalled(pool, batch, write, lose).catch(onFailure)
  }

  const writeEnds = () => (writingEnds = writingEnds.then(writeEndsNow))

  function writeEndsSoon(): void {
    nextEnds ??= setTimeout(
      () => {
        nextEnds = undefined
        void writeEnds()
      },
      Math.max(0, endsBegun + limits.writeEveryMs - performance.now()),
    ).unref()
  }

  const flush = () => (writing ??= writeAll().finally(() => (writing = undefined)))
  /** Everything until now: a batch that is on its way has begun earlier. */
  const settle = async () => {
    await writing
    await flush()
  }

  async function tidy(): Promise<void> {
    await pool
      .query(`DELETE FROM tenon.plugin_calls WHERE hour < now() - $1 * interval '1 day'`, [keptDays])
      .catch(onFailure)
    await permissions.tidy()
  }

  return {
    countCall({ organizationId, pluginKey, installationId }, { ms, failed }) {
      const hour = Math.floor(Date.now() / hourMs) * hourMs
      const upToMs = scale.find((step) => ms <= step) ?? 2_147_483_647
      const source = { organizationId, pluginKey, installationId }
      const key = `${sourceKeyOf(source)} ${hour} ${upToMs}`
      const row = calls.get(key) ?? { ...source, hour, upToMs, calls: 0, errors: 0, totalMs: 0 }
      row.calls += 1
      row.errors += failed ? 1 : 0
      row.totalMs += ms
      calls.set(key, row)
    },
    countUse: (source, permission, attempt = { isAsked: true }) => permissions.use(source, permission, attempt),
    countRefusal: (source, permission, attempt = { isAsked: false }) =>
      permissions.refusal(source, permission, attempt),
    noteProcessEnd({ organizationId, pluginKey, installationId }, end) {
      const cause = storableText(end.cause).slice(0, 500)
      ends.push({ ...end, organizationId, pluginKey, installationId, cause, at: new Date() })
      if (end.crashed || ends.length > limits.keptProcessEnds) writeEndsSoon()
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
    async permissionsOf(owner) {
      await settle()
      return permissions.of(owner)
    },
    async processEndsOf({ organizationId, pluginKey }) {
      await settle()
      const { rows } = await pool.query<EndRow>(
        `SELECT ended_at, crashed, reason, cause, digest, exit_code, signal FROM tenon.process_ends
         WHERE organization_id = $1 AND plugin_key = $2 ORDER BY ended_at DESC, id DESC`,
        [organizationId, pluginKey],
      )
      return rows.map(({ ended_at: at, exit_code: exitCode, ...end }) => ({ at: at.toISOString(), ...end, exitCode }))
    },

    start() {
      void tidy()
      timers = [setInterval(() => void flush(), 10 * limits.writeEveryMs), setInterval(() => void tidy(), tidyEveryMs)]
      for (const timer of timers) timer.unref()
    },
    async stop() {
      timers.forEach(clearInterval)
      clearTimeout(nextEnds)
      await settle()
    },
  }
}

async function addCalls(client: ClientBase, counted: readonly CountedCalls[]): Promise<void> {
  const rows = inOrder(counted, ({ hour, upToMs }) => `${hour} ${upToMs}`)
  await client.query(
    `INSERT INTO tenon.plugin_calls AS c (organization_id, plugin_key, hour, up_to_ms, calls, errors, total_ms)
     SELECT n.* FROM unnest($1::integer[], $2::text[], $3::timestamptz[], $4::integer[], $5::bigint[], $6::bigint[], $7::float8[])
       AS n (organization_id, plugin_key, hour, up_to_ms, calls, errors, total_ms)
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

async function addEnds(client: ClientBase, ends: readonly CountedEnd[], kept: number): Promise<void> {
  await client.query(
    `INSERT INTO tenon.process_ends (organization_id, plugin_key, crashed, cause, digest, ended_at, reason, exit_code, signal)
     SELECT organization_id, plugin_key, crashed, cause, digest, ended_at, reason, exit_code, signal
     FROM unnest($1::integer[], $2::text[], $3::boolean[], $4::text[], $5::text[], $6::timestamptz[], $7::text[],
       $8::integer[], $9::text[]) WITH ORDINALITY
       AS n (organization_id, plugin_key, crashed, cause, digest, ended_at, reason, exit_code, signal, position)
     ORDER BY position`,
    [
      ends.map(({ organizationId }) => organizationId),
      ends.map(({ pluginKey }) => pluginKey),
      ends.map(({ crashed }) => crashed),
      ends.map(({ cause }) => cause),
      ends.map(({ digest }) => digest),
      ends.map(({ at }) => at),
      ends.map(({ reason }) => reason),
      ends.map(({ exitCode }) => exitCode),
      ends.map(({ signal }) => signal),
    ],
  )
  const owners = new Map(ends.map((end) => [keyOf(end), end]))
  for (const { organizationId, pluginKey } of owners.values()) {
    await client.query(
      `DELETE FROM tenon.process_ends WHERE id IN (
         SELECT id FROM (
           SELECT id, row_number() OVER (PARTITION BY crashed ORDER BY id DESC) AS place
           FROM tenon.process_ends WHERE organization_id = $1 AND plugin_key = $2) AS e
         WHERE place > $3)`,
      [organizationId, pluginKey, kept],
    )
  }
}

interface EndRow {
  ended_at: Date
  crashed: boolean
  reason: string | null
  cause: string
  digest: string
  exit_code: number | null
  signal: string | null
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
