import { isTenonError } from '@tenon/contract'
import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../migrations/transaction.js'
import { assertNotTooOften, nextTime } from './cron.js'
import type { JobLimits } from './job-limits.js'
import type { NewRun } from './run.js'

/** Whose schedule: one action of one plugin of one organization. */
export interface ScheduleOwner {
  organizationId: number
  pluginKey: string
}

export interface Schedule {
  action: string
  cron: string
  timeZone: string
  enabled: boolean
  /** An admin changed it; otherwise it is what the plugin proposes. */
  isCustom: boolean
  nextRunAt: Date
  lastRunAt: Date | null
}

export interface Schedules {
  list(owner: ScheduleOwner): Promise<Schedule[]>
  /** @throws TenonError VALIDATION_FAILED */
  set(
    owner: ScheduleOwner,
    schedule: { action: string; cron: string; timeZone: string; enabled: boolean; userId: number },
  ): Promise<Schedule>
  remove(owner: ScheduleOwner, action: string): Promise<void>
  /**
   * Makes the rows fit what the plugin declares: `proposed` are its own times, `possible` all actions that may have one.
   * What an admin chose stays as long as it is possible.
   */
  fit(
    owner: ScheduleOwner,
    declared: { proposed: { action: string; cron: string }[]; possible: string[] },
  ): Promise<void>
  start(): void
  stop(): Promise<void>
}

interface SchedulesOptions {
  pool: Pool
  /** What is to be run now; undefined when nothing is, because the plugin is disabled or gone. */
  runFor: (owner: ScheduleOwner, action: string) => Promise<NewRun | undefined>
  /** In the transaction that moves the schedule on. */
  enqueue: (run: NewRun, client: PoolClient) => Promise<unknown>
  limits: Pick<JobLimits, 'pollMs' | 'leastScheduleMs' | 'putOffMs'>
  log: (event: string, fields: Record<string, unknown>) => void
}

/** A cron time this much before the least distance still counts: servers are late by a moment. */
const slackMs = 30_000

/**
 * Starts what is due, once on all servers together: whoever has the row moves it on and adds the run in one transaction.
 * Times that passed while no server ran are one run, not many.
 */
export function createSchedules({ pool, runFor, enqueue, limits, log }: SchedulesOptions): Schedules {
  let timer: NodeJS.Timeout | undefined
  let looking: Promise<void> | undefined
  let stopped = true

  async function dispatch(): Promise<void> {
    let found = true
    while (found && !stopped) found = await dispatchOne()
  }

  async function dispatchOne(): Promise<boolean> {
    let row: DueRow | undefined
    try {
      return await inTransaction(pool, async (client) => {
        row = await lockDue(client)
        if (row) await begin(row, client)
        return row !== undefined
      })
    } catch (error) {
      if (!row) throw error
      await putOff(row, error)
      return true
    }
  }

  async function lockDue(client: PoolClient): Promise<DueRow | undefined> {
    const { rows } = await client.query<DueRow>(
      `SELECT *, now() AS now FROM tenon.plugin_schedules WHERE enabled AND next_run_at <= now()
       ORDER BY next_run_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
    )
    return rows[0]
  }

  async function begin(row: DueRow, client: PoolClient): Promise<void> {
    const owner = { organizationId: row.organization_id, pluginKey: row.plugin_key }
    const run = await runFor(owner, row.action)
    await client.query(
      `UPDATE tenon.plugin_schedules
       SET next_run_at = $4, last_run_at = CASE WHEN $5 THEN now() ELSE last_run_at END
       WHERE organization_id = $1 AND plugin_key = $2 AND action = $3`,
      [owner.organizationId, owner.pluginKey, row.action, following(row), run !== undefined],
    )
    if (run) await addRun(run, client)
  }

  /** What is wrong with one organization or one row holds up nobody else. */
  async function putOff(row: DueRow, error: unknown): Promise<void> {
    const { organization_id: organizationId, plugin_key: pluginKey, action } = row
    log('schedule-put-off', { organizationId, pluginKey, action, reason: String(error) })
    await pool.query(
      `UPDATE tenon.plugin_schedules SET next_run_at = now() + $4 * interval '1 ms'
       WHERE organization_id = $1 AND plugin_key = $2 AND action = $3 AND next_run_at <= now()`,
      [organizationId, pluginKey, action, limits.putOffMs],
    )
  }

  async function addRun(run: NewRun, client: PoolClient): Promise<void> {
    try {
      await enqueue(run, client)
    } catch (error) {
      // So many wait already that this one is left out.
      if (!isTenonError(error, 'RUN_LIMIT')) throw error
      const { organizationId, pluginKey, action } = run
      log('schedule-left-out', { organizationId, pluginKey, action })
    }
  }

  /** After a run that begins now. */
  function following({ cron, time_zone: timeZone, now }: DueRow): Date {
    return nextTime({ cron, timeZone }, new Date(now.getTime() + Math.max(0, limits.leastScheduleMs - slackMs)))
  }

  function look(): void {
    looking ??= dispatch()
      .catch((error: unknown) => log('schedules-failed', { reason: String(error) }))
      .finally(() => (looking = undefined))
  }

  return {
    async list({ organizationId, pluginKey }) {
      const { rows } = await pool.query<ScheduleRow>(
        'SELECT * FROM tenon.plugin_schedules WHERE organization_id = $1 AND plugin_key = $2 ORDER BY action',
        [organizationId, pluginKey],
      )
      return rows.map(toSchedule)
    },

    async set({ organizationId, pluginKey }, { action, cron, timeZone, enabled, userId }) {
      const next = nextTime({ cron, timeZone }, new Date())
      assertNotTooOften({ cron, timeZone }, limits.leastScheduleMs)
      const { rows } = await pool.query<ScheduleRow>(
        `INSERT INTO tenon.plugin_schedules AS s
           (organization_id, plugin_key, action, cron, time_zone, enabled, is_custom, next_run_at, updated_by)
         VALUES ($1, $2, $3, $4, $5, $6, true, $7, $8)
         ON CONFLICT (organization_id, plugin_key, action) DO UPDATE SET
           cron = $4, time_zone = $5, enabled = $6, is_custom = true, next_run_at = $7, updated_by = $8, updated_at = now()
         RETURNING *`,
        [organizationId, pluginKey, action, cron, timeZone, enabled, next, userId],
      )
      return toSchedule(rows[0] as ScheduleRow)
    },

    async remove({ organizationId, pluginKey }, action) {
      await pool.query(
        'DELETE FROM tenon.plugin_schedules WHERE organization_id = $1 AND plugin_key = $2 AND action = $3',
        [organizationId, pluginKey, action],
      )
    },

    async fit({ organizationId, pluginKey }, { proposed, possible }) {
      const planned = proposed.flatMap(({ action, cron }) => {
        const next = proposedTime(cron)
        if (!next) log('schedule-not-readable', { organizationId, pluginKey, action, cron })
        return next ? [{ action, cron, next }] : []
      })
      await pool.query(
        `DELETE FROM tenon.plugin_schedules WHERE organization_id = $1 AND plugin_key = $2
           AND NOT action = ANY (CASE WHEN is_custom THEN $3::text[] ELSE $4::text[] END)`,
        [organizationId, pluginKey, possible, planned.map(({ action }) => action)],
      )
      for (const { action, cron, next } of planned) {
        await pool.query(
          `INSERT INTO tenon.plugin_schedules AS s (organization_id, plugin_key, action, cron, next_run_at)
           SELECT $1, $2, $3, $4, $5 FROM tenon.tenants t WHERE t.organization_id = $1 AND t.state <> 'removing'
           ON CONFLICT (organization_id, plugin_key, action) DO UPDATE SET cron = $4, next_run_at = $5, updated_at = now()
           WHERE NOT s.is_custom AND s.cron <> $4`,
          [organizationId, pluginKey, action, cron, next],
        )
      }
    },

    start() {
      stopped = false
      timer = setInterval(look, limits.pollMs)
      look()
    },
    async stop() {
      stopped = true
      clearInterval(timer)
      await looking
    },
  }
}

/** A manifest is not ours: what cannot be read in it is left out. */
function proposedTime(cron: string): Date | undefined {
  try {
    return nextTime({ cron, timeZone: 'UTC' }, new Date())
  } catch {
    return undefined
  }
}

type DueRow = ScheduleRow & { now: Date }

interface ScheduleRow {
  organization_id: number
  plugin_key: string
  action: string
  cron: string
  time_zone: string
  enabled: boolean
  is_custom: boolean
  next_run_at: Date
  last_run_at: Date | null
}

function toSchedule(row: ScheduleRow): Schedule {
  return {
    action: row.action,
    cron: row.cron,
    timeZone: row.time_zone,
    enabled: row.enabled,
    isCustom: row.is_custom,
    nextRunAt: row.next_run_at,
    lastRunAt: row.last_run_at,
  }
}
