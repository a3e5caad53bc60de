import type { Pool, PoolClient } from 'pg'
import { storableJson } from '../migrations/sql-text.js'
import { inTransaction } from '../migrations/transaction.js'
import { beginning, entryMac, headSeal, isSame, type ChainedEntry, type ChainHead } from './chain.js'

/** Something that was done, or tried. Never with secrets, and never with values of a configuration. */
export interface AuditEntry {
  /** Absent for what concerns the whole installation. */
  organizationId?: number | undefined
  /** Absent when the platform did it. */
  userId?: number | undefined
  pluginKey?: string | undefined
  action: string
  outcome: string
  details?: Record<string, unknown>
}

export interface AuditReport {
  entries: number
  /** The first thing that is wrong, in words; absent when nothing is. */
  problem?: { seq: number; message: string }
}

/** @since 0.1.0 */
export interface Audit {
  /** Never throws; an entry that cannot be written waits, and is logged. */
  record(entry: AuditEntry): Promise<void>
  /** Goes through the whole chain. */
  verify(): Promise<AuditReport>
  /** The newest first. */
  list(options: { limit: number; organizationId?: number | undefined }): Promise<ChainedEntry[]>
  /** Writes what waits. */
  stop(): Promise<void>
}

interface AuditOptions {
  pool: Pool
  /** 32 random bytes, kept sealed; see `dataKey`. */
  key: Buffer
  log?: (event: string, fields: Record<string, unknown>) => void
}

/** Entries of some hundred bytes, while the database is away. */
const maxWaiting = 10_000
const retryMs = 5_000
const batch = 1_000

/**
 * One chain for the whole installation. Entries that come together are written together, under a lock on the head: some
 * milliseconds for all of them, and never on the path of a plugin's call.
 */
export function createAudit({ pool, key, log = () => undefined }: AuditOptions): Audit {
  let waiting: (AuditEntry & { occurredAt: Date })[] = []
  let writing: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined

  async function writeAll(): Promise<void> {
    while (waiting.length > 0) {
      const entries = waiting.slice(0, batch)
      try {
        await inTransaction(pool, (client) => append(client, key, entries))
        waiting = waiting.slice(entries.length)
      } catch (error) {
        log('audit-failed', { waiting: waiting.length, reason: String(error) })
        retry ??= setTimeout(() => {
          retry = undefined
          void write()
        }, retryMs).unref()
        return
      }
    }
  }

  const write = () => (writing ??= writeAll().finally(() => (writing = undefined)))

  return {
    async record(entry) {
      if (waiting.length >= maxWaiting) return log('audit-failed', { left: entry.action, reason: 'too many wait' })
      waiting.push({ ...entry, occurredAt: new Date() })
      // One that is being written may have begun without this entry.
      await writing
      await write()
    },

    verify: () =>
      inTransaction(pool, async (client) => {
        await client.query('SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY')
        return verifyChain(client, key)
      }),

    async list({ limit, organizationId }) {
      const { rows } = await pool.query<EntryRow>(
        `SELECT ${columns} FROM tenon.audit WHERE $1::integer IS NULL OR organization = $1 ORDER BY seq DESC LIMIT $2`,
        [organizationId ?? null, limit],
      )
      return rows.map(toEntry)
    },

    async stop() {
      await writing
      await write()
      clearTimeout(retry)
    },
  }
}

async function append(client: PoolClient, key: Buffer, entries: (AuditEntry & { occurredAt: Date })[]): Promise<void> {
  // The first entry of all makes the head; whoever comes at the same time waits for it.
  await client.query(
    'INSERT INTO tenon.audit_head (seq, mac, seal) VALUES (0, $1, $2) ON CONFLICT (only_row) DO NOTHING',
    [beginning.mac, headSeal(key, beginning)],
  )
  const { rows } = await client.query<HeadRow>('SELECT seq, mac, seal FROM tenon.audit_head FOR UPDATE')
  let { seq, mac } = rows[0] ? toHead(rows[0]) : beginning
  const chained = entries.map((entry) => {
    seq += 1
    const row = toChained(entry, seq)
    mac = entryMac(key, mac, row)
    return { ...row, mac }
  })
  await client.query(
    `INSERT INTO tenon.audit (seq, occurred_at, organization, user_id, plugin_key, action, outcome, details, mac)
     SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::integer[], $4::integer[], $5::text[], $6::text[], $7::text[], $8::jsonb[], $9::bytea[])`,
    [
      chained.map((row) => row.seq),
      chained.map((row) => row.occurredAt),
      chained.map((row) => row.organization),
      chained.map((row) => row.userId),
      chained.map((row) => row.pluginKey),
      chained.map((row) => row.action),
      chained.map((row) => row.outcome),
      chained.map((row) => JSON.stringify(row.details)),
      chained.map((row) => row.mac),
    ],
  )
  await client.query('UPDATE tenon.audit_head SET seq = $1, mac = $2, seal = $3', [
    seq,
    mac,
    headSeal(key, { seq, mac }),
  ])
}

function toChained(entry: AuditEntry & { occurredAt: Date }, seq: number): ChainedEntry {
  return {
    seq,
    occurredAt: entry.occurredAt,
    organization: entry.organizationId ?? null,
    userId: entry.userId ?? null,
    pluginKey: entry.pluginKey ?? null,
    action: entry.action,
    outcome: entry.outcome,
    // As it will be read again: without what is undefined, and without what jsonb cannot keep.
    details: JSON.parse(storableJson(entry.details ?? {})) as Record<string, unknown>,
  }
}

async function verifyChain(client: PoolClient, key: Buffer): Promise<AuditReport> {
  const { rows: heads } = await client.query<HeadRow>('SELECT seq, mac, seal FROM tenon.audit_head')
  let last: { seq: number; mac: Buffer } = beginning
  let entries = 0
  for (;;) {
    const { rows } = await client.query<EntryRow>(
      `SELECT ${columns}, mac FROM tenon.audit WHERE seq > $1 ORDER BY seq LIMIT ${batch}`,
      [last.seq],
    )
    for (const row of rows) {
      const entry = toEntry(row)
      const problem = problemOf(key, last, entry, row.mac)
      if (problem !== undefined) return { entries, problem: { seq: last.seq + 1, message: problem } }
      last = { seq: entry.seq, mac: row.mac }
      entries += 1
    }
    if (rows.length < batch) break
  }
  const problem = headProblem(key, heads[0] && toHead(heads[0]), last)
  return { entries, ...(problem === undefined ? {} : { problem: { seq: last.seq, message: problem } }) }
}

function problemOf(
  key: Buffer,
  last: { seq: number; mac: Buffer },
  entry: ChainedEntry,
  mac: Buffer,
): string | undefined {
  const { seq } = entry
  if (seq !== last.seq + 1) return `Entry ${last.seq + 1} is missing: the next one is ${seq}.`
  if (isSame(mac, entryMac(key, last.mac, entry))) return undefined
  return `Entry ${seq} was altered, or stands in another place than where it was written.`
}

function headProblem(key: Buffer, head: ChainHead | undefined, last: { seq: number; mac: Buffer }): string | undefined {
  if (!head) return last.seq === 0 ? undefined : 'The end of the chain is not marked any more.'
  if (!isSame(head.seal, headSeal(key, head))) return 'The mark of the end of the chain was altered.'
  if (head.seq > last.seq) return `Entries ${last.seq + 1} to ${head.seq} are missing.`
  return head.seq === last.seq && isSame(head.mac, last.mac)
    ? undefined
    : `The chain was marked to end with entry ${head.seq}, and ends with ${last.seq}.`
}

const columns = 'seq, occurred_at, organization, user_id, plugin_key, action, outcome, details'

interface EntryRow {
  seq: string
  occurred_at: Date
  organization: number | null
  user_id: number | null
  plugin_key: string | null
  action: string
  outcome: string
  details: Record<string, unknown>
  mac: Buffer
}

interface HeadRow {
  seq: string
  mac: Buffer
  seal: Buffer
}

const toHead = ({ seq, mac, seal }: HeadRow): ChainHead => ({ seq: Number(seq), mac, seal })

function toEntry(row: EntryRow): ChainedEntry {
  return {
    seq: Number(row.seq),
    occurredAt: row.occurred_at,
    organization: row.organization,
    userId: row.user_id,
    pluginKey: row.plugin_key,
    action: row.action,
    outcome: row.outcome,
    details: row.details,
  }
}
