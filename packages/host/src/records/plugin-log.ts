import { setTimeout as sleep } from 'node:timers/promises'
import { TenonError } from '@tenon/contract'
import type { LogLevel } from '@tenon/contract/wire'
import type { ClientBase, Pool } from 'pg'
import { storableText } from '../migrations/sql-text.js'
import { writeForInstalled } from './installed.js'
import {
  createLogBuffer,
  keyOf,
  leftOutLine,
  type RecordOwner,
  type RecordSource,
  type WaitingLine,
} from './log-buffer.js'
import type { RecordLimits } from './record-limits.js'

/** One line that a plugin printed. */
export interface KeptLine {
  /** Grows with each line; says where a live tail goes on. */
  id: number
  at: string
  level: LogLevel
  text: string
}

export interface LineFilter {
  /** Lines of this level and above. */
  level?: LogLevel | undefined
  /** Lines with this text in them, whatever the case. */
  text?: string | undefined
  /** Lines from then on. */
  since?: Date | undefined
}

/** Which of the lines that fit are read. */
export interface LogPage extends LineFilter {
  page: number
  pageSize: number
  /** Those before the line with this id: the way back, whatever is printed meanwhile. */
  beforeId?: number | undefined
}

export interface PluginLog {
  /** Takes a line, without waiting for anything. `dropped`: lines that were left out before it. */
  write(source: RecordSource, line: { level: LogLevel; text: string; dropped?: number | undefined }): void
  /** The newest first. `total` counts all that fit the filter, on whichever side of `beforeId` they are. */
  read(owner: RecordOwner, filter: LogPage): Promise<{ items: KeptLine[]; total: number }>
  /**
   * Lines as they come, on whatever replica; an empty list now and then, so that who listens can see that it goes on.
   * Begins after the line `afterId`, or with what comes from now on.
   * @throws TenonError TAIL_LIMIT
   */
  tail(owner: RecordOwner, filter: LineFilter & { afterId?: number | undefined }, signal: AbortSignal): LineTail
  /** Lines that are kept of a plugin; older ones, on their way out, do not count. */
  count(owner: RecordOwner): Promise<number>
  /** Drops the lines of a plugin that wait to be written. */
  forget(owner: RecordOwner): void
  start(): void
  /** Writes what waits. */
  stop(): Promise<void>
}

export type LineTail = AsyncGenerator<KeptLine[], void, undefined>

interface PluginLogOptions {
  pool: Pool
  limits: RecordLimits
  log: (event: string, fields: Record<string, unknown>) => void
}

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error']
const tidyEveryMs = 10 * 60_000
/** After so many new lines, what is too much goes. */
const tidyAfterLines = 500
/** A transaction that began earlier may commit a smaller id later; for this long a tail looks back. */
const lateMs = 5_000
const tailBatch = 500
/** Without lines, a tail shows so often that it is still there. */
const quietMs = 15_000

/**
 * What plugins print, in the database for a while. Lines are written in batches off the path of any call; what comes
 * faster than it can be kept is left out, and a line says how much that was.
 */
export function createPluginLog({ pool, limits, log }: PluginLogOptions): PluginLog {
  const buffer = createLogBuffer(limits)
  const written = new Map<string, { owner: RecordOwner; lines: number }>()
  const tails = new Map<number, number>()
  const wakers = new Set<() => void>()
  let timers: NodeJS.Timeout[] = []
  let writing: Promise<void> | undefined

  async function writeAll(): Promise<void> {
    const lines = buffer.take()
    if (lines.length === 0) return
    const keepForLater = (unwritten: readonly WaitingLine[], reason: string) => {
      buffer.giveBack(unwritten)
      log('plugin-log-failed', { lines: unwritten.length, reason })
    }
    try {
      await writeForInstalled(pool, lines, insert, keepForLater)
    } catch (error) {
      return keepForLater(lines, String(error))
    }
    for (const wake of wakers) wake()
    await tidyFull(lines)
  }

  const flush = () => (writing ??= writeAll().finally(() => (writing = undefined)))

  async function tidyFull(lines: readonly WaitingLine[]): Promise<void> {
    for (const { organizationId, pluginKey } of lines) {
      const owner = { organizationId, pluginKey }
      const key = keyOf(owner)
      written.set(key, { owner, lines: (written.get(key)?.lines ?? 0) + 1 })
    }
    await tidy([...written.values()].filter((one) => one.lines >= tidyAfterLines).map(({ owner }) => owner))
  }

  async function tidy(owners: readonly RecordOwner[]): Promise<void> {
    for (const owner of owners) {
      written.delete(keyOf(owner))
      await pool
        .query(
          `DELETE FROM tenon.plugin_logs WHERE organization_id = $1 AND plugin_key = $2 AND id <= (
             SELECT id FROM tenon.plugin_logs WHERE organization_id = $1 AND plugin_key = $2 ORDER BY id DESC OFFSET $3 LIMIT 1)`,
          [owner.organizationId, owner.pluginKey, limits.keptLines],
        )
        .catch((error: unknown) => log('plugin-log-failed', { reason: String(error) }))
    }
  }

  async function tidyOld(): Promise<void> {
    await tidy([...written.values()].map(({ owner }) => owner))
    await pool
      .query(`DELETE FROM tenon.plugin_logs WHERE logged_at < now() - $1 * interval '1 day'`, [limits.keptDays])
      .catch((error: unknown) => log('plugin-log-failed', { reason: String(error) }))
  }

  /** Resolves when this replica wrote something, or it is time to look for what others wrote. */
  async function untilNews(signal: AbortSignal): Promise<void> {
    const woken = new AbortController()
    const wake = () => woken.abort()
    wakers.add(wake)
    await sleep(limits.tailEveryMs, undefined, { ref: false, signal: AbortSignal.any([signal, woken.signal]) }).catch(
      () => undefined,
    )
    wakers.delete(wake)
  }

  async function* follow(
    owner: RecordOwner,
    { afterId, ...filter }: LineFilter & { afterId?: number | undefined },
    signal: AbortSignal,
  ): LineTail {
    try {
      const end = Date.now() + limits.longestTailMs
      const seen = new Map<number, number>()
      let floor = afterId ?? (await newestId(pool))
      let lastShown = Date.now()
      while (!signal.aborted && Date.now() < end) {
        const lines = await linesAfter(pool, owner, filter, floor, [...seen.keys()])
        for (const { id } of lines) seen.set(id, Date.now())
        floor = forgetLate(seen, floor)
        if (lines.length > 0 || Date.now() - lastShown > quietMs) {
          lastShown = Date.now()
          yield lines
        }
        if (lines.length < tailBatch) await untilNews(signal)
      }
    } finally {
      const open = (tails.get(owner.organizationId) ?? 1) - 1
      if (open > 0) tails.set(owner.organizationId, open)
      else tails.delete(owner.organizationId)
    }
  }

  return {
    write({ organizationId, pluginKey, installationId }, { level, text, dropped }) {
      const source = { organizationId, pluginKey, installationId }
      if (dropped) buffer.add(leftOutLine(source, dropped))
      buffer.add({ ...source, level, text: storableText(text), loggedAt: new Date() })
    },

    async read(owner, { page, pageSize, beforeId, ...filter }) {
      // A batch that is on its way has begun earlier.
      await writing
      await flush()
      const { where, values } = conditionOf(owner, filter)
      const [items, count] = await Promise.all([
        pool.query<LineRow>(
          `SELECT id, level, text, logged_at FROM tenon.plugin_logs WHERE ${where} AND id < $${values.length + 1}
           ORDER BY id DESC LIMIT ${pageSize} OFFSET ${(page - 1) * pageSize}`,
          [...values, beforeId ?? Number.MAX_SAFE_INTEGER],
        ),
        pool.query<{ total: string }>(`SELECT count(*) AS total FROM tenon.plugin_logs WHERE ${where}`, values),
      ])
      return { items: items.rows.map(toLine), total: Number(count.rows[0]?.total ?? 0) }
    },

    tail(owner, filter, signal) {
      const open = tails.get(owner.organizationId) ?? 0
      if (open >= limits.maxTailsPerOrganization) throw new TenonError('TAIL_LIMIT', { limit: open })
      tails.set(owner.organizationId, open + 1)
      return follow(owner, filter, signal)
    },

    async count({ organizationId, pluginKey }) {
      await writing
      await flush()
      const { rows } = await pool.query<{ lines: number }>(
        `SELECT count(*)::integer AS lines FROM (
           SELECT FROM tenon.plugin_logs WHERE organization_id = $1 AND plugin_key = $2 LIMIT $3) kept`,
        [organizationId, pluginKey, limits.keptLines],
      )
      return rows[0]?.lines ?? 0
    },

    forget(owner) {
      buffer.forget(owner)
      written.delete(keyOf(owner))
    },

    start() {
      timers = [
        setInterval(() => void flush(), limits.writeEveryMs),
        setInterval(() => void tidyOld(), tidyEveryMs),
      ].map((timer) => timer.unref())
      void tidyOld()
    },
    async stop() {
      timers.forEach(clearInterval)
      await writing
      await flush()
      if (buffer.size > 0) await flush()
    },
  }
}

/** A flood in one piece keeps a processor of the database, and the host, for longer than others should wait. */
const linesAtOnce = 100

async function insert(client: ClientBase, lines: readonly WaitingLine[]): Promise<void> {
  for (let from = 0; from < lines.length; from += linesAtOnce)
    await insertSome(client, lines.slice(from, from + linesAtOnce))
}

async function insertSome(client: ClientBase, lines: readonly WaitingLine[]): Promise<void> {
  await client.query(
    `INSERT INTO tenon.plugin_logs (organization_id, plugin_key, level, text, logged_at)
     SELECT l.organization_id, l.plugin_key, l.level, l.text, l.logged_at
     FROM unnest($1::integer[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])
       WITH ORDINALITY AS l (organization_id, plugin_key, level, text, logged_at, position)
     ORDER BY position`,
    [
      lines.map(({ organizationId }) => organizationId),
      lines.map(({ pluginKey }) => pluginKey),
      lines.map(({ level }) => level),
      lines.map(({ text }) => text),
      lines.map(({ loggedAt }) => loggedAt),
    ],
  )
}

async function newestId(pool: Pool): Promise<number> {
  const { rows } = await pool.query<{ id: string | null }>('SELECT max(id) AS id FROM tenon.plugin_logs')
  return Number(rows[0]?.id ?? 0)
}

async function linesAfter(
  pool: Pool,
  owner: RecordOwner,
  filter: LineFilter,
  floor: number,
  seen: number[],
): Promise<KeptLine[]> {
  const { where, values } = conditionOf(owner, filter)
  const { rows } = await pool.query<LineRow>(
    `SELECT id, level, text, logged_at FROM tenon.plugin_logs
     WHERE ${where} AND id > $${values.length + 1} AND NOT id = ANY ($${values.length + 2}) ORDER BY id LIMIT ${tailBatch}`,
    [...values, floor, seen],
  )
  return rows.map(toLine)
}

/** What was seen long enough ago need not be remembered by itself: nothing comes late below it any more. */
function forgetLate(seen: Map<number, number>, floor: number): number {
  let settled = floor
  for (const [id, at] of seen) if (Date.now() - at > lateMs) settled = Math.max(settled, id)
  for (const id of [...seen.keys()]) if (id <= settled) seen.delete(id)
  return settled
}

function conditionOf({ organizationId, pluginKey }: RecordOwner, { level, text, since }: LineFilter) {
  const values: unknown[] = [organizationId, pluginKey]
  const also = (condition: (position: string) => string, value: unknown) => {
    values.push(value)
    return ` AND ${condition(`$${values.length}`)}`
  }
  const where = [
    'organization_id = $1 AND plugin_key = $2',
    level === undefined ? '' : also((at) => `level = ANY (${at})`, levels.slice(levels.indexOf(level))),
    text === undefined ? '' : also((at) => `strpos(lower(text), lower(${at})) > 0`, storableText(text)),
    since === undefined ? '' : also((at) => `logged_at >= ${at}`, since),
  ].join('')
  return { where, values }
}

interface LineRow {
  id: string
  level: LogLevel
  text: string
  logged_at: Date
}

function toLine({ id, level, text, logged_at: at }: LineRow): KeptLine {
  return { id: Number(id), at: at.toISOString(), level, text }
}
