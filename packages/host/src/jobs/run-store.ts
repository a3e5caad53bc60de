import { TenonError } from '@tenon/contract'
import type { Pool, PoolClient } from 'pg'
import { storableJson } from '../migrations/sql-text.js'
import { inTransaction } from '../migrations/transaction.js'
import type { LargeResult, NewRun, Run, RunFailure, RunProgress } from './run.js'
import { interruption, stopsServers, takenBack } from './run-failure.js'
import { queueSchema } from './run-queue.js'

/** The right to work on one run. Each claim is another one, also of the same server. */
export interface RunClaim {
  run: Run
  holder: string
}

/** How an attempt ended. */
export type RunEnd =
  | { state: 'succeeded'; counts: Record<string, number>; result: unknown; largeResult: LargeResult | undefined }
  | { state: 'failed'; failure: RunFailure }
  | { state: 'cancelled' }
  /** Again later; `attempts` goes down when it was not the plugin's failure. */
  | { state: 'queued'; failure: RunFailure | null; delayMs: number; isAttempt: boolean }

export interface RunFilter {
  organizationId: number
  installationId?: number | undefined
  action?: string | undefined
  state?: string | undefined
}

export interface RunStore {
  /**
   * `once`: where the same is waited for, or worked on, already, that is the run. `client`: of a transaction that it joins.
   * @throws TenonError RUN_LIMIT
   */
  add(run: NewRun, options?: { once?: boolean; client?: PoolClient | undefined }): Promise<Run>
  /** One that is at work from the beginning. */
  addRunning(run: NewRun, holder: string): Promise<RunClaim>
  /** What must not be begun now: flags of jobs in the queue. */
  flagsToSkip(): Promise<string[]>
  /**
   * The right to work on a run whose turn it is, or on an earlier one of the same action that another server is about to
   * put back. Undefined when it does not wait any more, or has to wait again.
   */
  claim(id: string, holder: string): Promise<RunClaim | undefined>
  /** Queues it anew, where it was. */
  putBack(id: string): Promise<void>
  /** Queues what is to be tried again and whose time has come. */
  queueDue(): Promise<void>
  /** Queues what waits and has no place: its server died as it was begun, or the queue is new. */
  queueLost(): Promise<void>
  /** Keeps a claim alive. False when it was lost; says whether somebody asked the run to stop. */
  renew(claim: RunClaim): Promise<{ held: boolean; cancelled: boolean }>
  note(claim: RunClaim, change: { step?: string; progress?: RunProgress }): Promise<void>
  /** Undefined when the claim was lost: what the new holder makes of it is what counts. */
  end(claim: RunClaim, end: RunEnd): Promise<Run | undefined>
  /** Puts back what a server that died was working on; what may not be begun again has failed. */
  takeExpired(): Promise<Run[]>
  list(filter: RunFilter & { page: number; pageSize: number }): Promise<{ items: Run[]; total: number }>
  /** @throws TenonError RUN_NOT_FOUND */
  get(organizationId: number, id: string): Promise<Run>
  /** The run that began this one again; nobody else begins it again before the transaction ends. */
  startedAgain(client: PoolClient, id: string): Promise<Run | undefined>
  /** What changed since then, the oldest change first. */
  changedSince(organizationId: number, since: Date, limit: number): Promise<Run[]>
  /** A queued run ends at once; a running one is asked to stop. @throws TenonError RUN_NOT_FOUND, RUN_OVER */
  cancel(organizationId: number, id: string): Promise<Run>
  /** Runs of an organization that wait for their turn, and those that take one. */
  load(organizationId: number): Promise<{ queued: number; running: number }>
  /** How many runs of this action failed in a row up to this one, which has ended; before it, when it succeeded. */
  failuresUpTo(run: Run): Promise<number>
  /** For each action of an installation that failed at least so often in a row: its last run, and how often. */
  failing(organizationId: number, atLeast: number): Promise<{ run: Run; failures: number }[]>
  prune(): Promise<void>
}

interface RunStoreOptions {
  pool: Pool
  /** How long a claim lives without renewal, in milliseconds. */
  claimMs: number
  limits: { runningPerOrganization: number; queuedPerOrganization: number; maxRestarts: number; keptDays: number }
}

const pruneBatch = 5_000
/** Not the view of it that the library offers: the connections of the host read no views. */
const queuedJobs = `${queueSchema}._private_jobs`

export function createRunStore({ pool, claimMs, limits }: RunStoreOptions): RunStore {
  const expiry = `now() + ${claimMs} * interval '1 millisecond'`

  async function insert(client: Pick<PoolClient, 'query'>, run: NewRun, holder?: string): Promise<Run> {
    const { rows } = await client.query<RunRow>(
      `INSERT INTO tenon.plugin_runs
         (organization_id, installation_id, plugin_key, kind, action, title, trigger, input, requested_by, max_attempts, repeatable,
          restart_of, work_id, state, attempts, claimed_by, started_at, claim_expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
         CASE WHEN $14 = 'running' THEN now() END, CASE WHEN $14 = 'running' THEN ${expiry} END)
       RETURNING *`,
      [
        run.organizationId,
        run.installationId,
        run.pluginKey,
        run.kind,
        run.action,
        run.title,
        run.trigger,
        run.input ? storableJson(run.input) : null,
        run.requestedBy ?? null,
        run.maxAttempts,
        run.isRepeatable,
        run.startsAgain?.id ?? null,
        run.startsAgain?.isRepeatable ? run.startsAgain.workId : null,
        holder === undefined ? 'queued' : 'running',
        holder === undefined ? 0 : 1,
        holder ?? null,
      ],
    )
    return toRun(first(rows))
  }

  return {
    async add(run, { once = false, client: joined } = {}) {
      const add = async (client: PoolClient) => {
        // One after the other for each action, so that two who ask at the same moment find each other's run.
        const { organizationId, pluginKey, action } = run
        const key = `tenon run ${organizationId} ${pluginKey} ${action}`
        await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [key])
        const same = once ? await findSame(client, run) : undefined
        if (same) return same
        const { rows } = await client.query<{ waiting: number }>(
          `SELECT count(*)::integer AS waiting FROM tenon.plugin_runs WHERE organization_id = $1 AND state = 'queued'`,
          [organizationId],
        )
        const limit = limits.queuedPerOrganization
        if (first(rows).waiting >= limit) throw new TenonError('RUN_LIMIT', { limit })
        return insert(client, run)
      }
      return joined ? add(joined) : inTransaction(pool, add)
    },

    addRunning: async (run, holder) => ({ run: await insert(pool, run, holder), holder }),

    async flagsToSkip() {
      const { rows } = await pool.query<{ flag: string }>(
        `SELECT 'organization ' || organization_id AS flag FROM tenon.plugin_runs ${atWork}
         GROUP BY organization_id HAVING count(*) >= $1
         UNION ALL SELECT concat_ws(' ', 'action', organization_id, plugin_key, action) FROM tenon.plugin_runs ${atWork}`,
        [limits.runningPerOrganization],
      )
      return rows.map(({ flag }) => flag)
    },

    async claim(id, holder) {
      return inTransaction(pool, async (client) => {
        const { rows: waiting } = await client.query<{ lock: string }>(
          `SELECT 'tenon runs of ' || organization_id AS lock FROM tenon.plugin_runs
           JOIN tenon.tenants t USING (organization_id)
           WHERE id = $1 AND plugin_runs.state = 'queued' AND t.state <> 'removing'`,
          [id],
        )
        if (!waiting[0]) return undefined
        await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [waiting[0].lock])
        const { rows } = await client.query<RunRow>(
          `UPDATE tenon.plugin_runs r SET state = 'running', attempts = attempts + 1, started_at = now(), step = NULL,
             progress = NULL, claimed_by = $2, claim_expires_at = ${expiry}, updated_at = now()
           WHERE state = 'queued' AND id = (
               SELECT f.id FROM tenon.plugin_runs f JOIN tenon.plugin_runs asked USING (organization_id, plugin_key, action)
               WHERE asked.id = $1 AND asked.state = 'queued' AND asked.turn > 0 AND f.state = 'queued' AND f.turn > 0
               ORDER BY f.turn LIMIT 1)
             AND (SELECT count(*) FILTER (WHERE (o.plugin_key, o.action) = (r.plugin_key, r.action)) = 0 AND count(*) < $3
                  FROM tenon.plugin_runs o ${atWork} AND o.organization_id = r.organization_id) RETURNING *`,
          [id, holder, limits.runningPerOrganization],
        )
        if (rows[0]?.id !== id) await queueAgain(client, id)
        return rows[0] && { run: toRun(rows[0]), holder }
      })
    },

    putBack: (id) => queueAgain(pool, id),

    async queueDue() {
      await pool.query(
        `UPDATE tenon.plugin_runs SET next_attempt_at = next_attempt_at WHERE id IN (
           SELECT id FROM tenon.plugin_runs WHERE state = 'queued' AND turn = 0 AND next_attempt_at <= now()
           FOR UPDATE SKIP LOCKED)`,
      )
    },

    async queueLost() {
      await pool.query(
        `UPDATE tenon.plugin_runs SET next_attempt_at = next_attempt_at WHERE id IN (
           SELECT r.id FROM tenon.plugin_runs r JOIN tenon.tenants t USING (organization_id)
           WHERE r.state = 'queued' AND r.next_attempt_at <= now() AND t.state <> 'removing' AND NOT EXISTS (
             SELECT FROM ${queuedJobs} WHERE key = r.id::text AND CASE WHEN locked_at IS NULL
               THEN run_at <= now() AND attempts < max_attempts ELSE locked_at > now() - $1 * interval '1 ms' END)
           FOR UPDATE OF r SKIP LOCKED)`,
        [claimMs],
      )
    },

    async renew({ run, holder }) {
      const { rows } = await pool.query<{ cancelled: boolean }>(
        `UPDATE tenon.plugin_runs SET claim_expires_at = ${expiry} WHERE id = $1 AND claimed_by = $2 AND state = 'running'
         RETURNING cancel_requested_at IS NOT NULL AS cancelled`,
        [run.id, holder],
      )
      return { held: rows.length > 0, cancelled: rows[0]?.cancelled ?? false }
    },

    async note({ run, holder }, { step, progress }) {
      await pool.query(
        `UPDATE tenon.plugin_runs SET step = coalesce($3, step), progress = coalesce($4::jsonb, progress),
           claim_expires_at = ${expiry}, updated_at = now()
         WHERE id = $1 AND claimed_by = $2 AND state = 'running'`,
        [run.id, holder, step ?? null, progress ? storableJson(progressJson(progress)) : null],
      )
    },

    async end({ run, holder }, end) {
      const isOver = end.state !== 'queued'
      const large = 'largeResult' in end ? end.largeResult : undefined
      const { rows } = await pool.query<RunRow>(
        `UPDATE tenon.plugin_runs SET
           state = $3, claimed_by = NULL, claim_expires_at = NULL, updated_at = now(),
           finished_at = CASE WHEN $4 THEN now() END, cancel_requested_at = CASE WHEN $4 THEN cancel_requested_at END,
           failure = $5::jsonb, counts = $6::jsonb, result = $7::jsonb,
           result_bytes = $10, result_upload = (SELECT id FROM tenon.uploads WHERE id = $11),
           attempts = attempts - $8::integer, next_attempt_at = now() + $9::bigint * interval '1 millisecond'
         WHERE id = $1 AND claimed_by = $2 AND state = 'running' RETURNING *`,
        [
          run.id,
          holder,
          end.state,
          isOver,
          'failure' in end && end.failure ? storableJson(end.failure) : null,
          'counts' in end ? JSON.stringify(end.counts) : '{}',
          'result' in end && end.result !== undefined ? storableJson(end.result) : null,
          end.state === 'queued' && !end.isAttempt ? 1 : 0,
          end.state === 'queued' ? end.delayMs : 0,
          large?.bytes ?? null,
          large?.uploadId ?? null,
        ],
      )
      return rows[0] && toRun(rows[0])
    },

    async takeExpired() {
      const { rows } = await pool.query<RunRow>(
        `UPDATE tenon.plugin_runs SET
           state = CASE WHEN cancel_requested_at IS NOT NULL THEN 'cancelled' WHEN ${isBegunAgain} THEN 'queued' ELSE 'failed' END,
           failure = CASE WHEN cancel_requested_at IS NOT NULL OR ${isBegunAgain} THEN NULL
             WHEN kind = 'install' THEN $2::jsonb WHEN repeatable THEN $4::jsonb ELSE $3::jsonb END,
           finished_at = CASE WHEN cancel_requested_at IS NOT NULL OR NOT ${isBegunAgain} THEN now() END,
           attempts = greatest(attempts - 1, 0), restarts = restarts + 1, next_attempt_at = now(),
           claimed_by = NULL, claim_expires_at = NULL, updated_at = now()
         WHERE state = 'running' AND claim_expires_at < now() RETURNING *`,
        [limits.maxRestarts, takenBack, interruption, stopsServers(limits.maxRestarts + 1)].map((value) =>
          typeof value === 'number' ? value : storableJson(value),
        ),
      )
      return rows.map(toRun)
    },

    async list({ organizationId, installationId, action, state, page, pageSize }) {
      const { rows } = await pool.query<RunRow & { total: number }>(
        `SELECT ${shown}, count(*) OVER ()::integer AS total FROM tenon.plugin_runs
         WHERE organization_id = $1 AND ($2::integer IS NULL OR installation_id = $2)
           AND ($3::text IS NULL OR action = $3) AND ($4::text IS NULL OR state = $4)
         ORDER BY position DESC LIMIT $5 OFFSET $6`,
        [organizationId, installationId ?? null, action ?? null, state ?? null, pageSize, (page - 1) * pageSize],
      )
      return { items: rows.map(toRun), total: rows[0]?.total ?? 0 }
    },

    async get(organizationId, id) {
      const { rows } = await pool.query<RunRow>(
        `SELECT ${shown} FROM tenon.plugin_runs WHERE organization_id = $1 AND id = $2`,
        [organizationId, id],
      )
      if (!rows[0]) throw new TenonError('RUN_NOT_FOUND')
      return toRun(rows[0])
    },

    async startedAgain(client, id) {
      await client.query('SELECT FROM tenon.plugin_runs WHERE id = $1 FOR UPDATE', [id])
      const { rows } = await client.query<RunRow>('SELECT * FROM tenon.plugin_runs WHERE restart_of = $1', [id])
      return rows[0] && toRun(rows[0])
    },

    async changedSince(organizationId, since, limit) {
      const { rows } = await pool.query<RunRow>(
        `SELECT * FROM (
           SELECT ${shown} FROM tenon.plugin_runs WHERE organization_id = $1 AND updated_at > $2 ORDER BY updated_at DESC LIMIT $3) latest
         ORDER BY updated_at`,
        [organizationId, since, limit],
      )
      return rows.map(toRun)
    },

    async cancel(organizationId, id) {
      const { rows } = await pool.query<RunRow>(
        `UPDATE tenon.plugin_runs SET
           cancel_requested_at = coalesce(cancel_requested_at, now()), updated_at = now(),
           state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
           finished_at = CASE state WHEN 'queued' THEN now() END
         WHERE organization_id = $1 AND id = $2 AND state IN ('queued', 'running')
         RETURNING ${shown}`,
        [organizationId, id],
      )
      if (rows[0]) return toRun(rows[0])
      const { state } = await this.get(organizationId, id)
      throw new TenonError('RUN_OVER', { state })
    },

    async load(organizationId) {
      const { rows } = await pool.query<{ queued: number; running: number }>(
        `SELECT
           (SELECT count(*)::integer FROM tenon.plugin_runs WHERE organization_id = $1 AND state = 'queued') AS queued,
           (SELECT count(*)::integer FROM tenon.plugin_runs
            WHERE organization_id = $1 AND state = 'running' AND kind <> 'install') AS running`,
        [organizationId],
      )
      return first(rows)
    },

    async failuresUpTo({ id, organizationId, installationId, action }) {
      const { rows } = await pool.query<{ failures: number }>(
        `WITH this AS (SELECT finished_at FROM tenon.plugin_runs WHERE id = $4)
         SELECT count(*)::integer AS failures FROM tenon.plugin_runs, this
         WHERE organization_id = $1 AND installation_id = $2 AND action = $3 AND state = 'failed'
           AND plugin_runs.finished_at <= this.finished_at
           AND plugin_runs.finished_at > coalesce((
             SELECT max(earlier.finished_at) FROM tenon.plugin_runs earlier
             WHERE organization_id = $1 AND installation_id = $2 AND action = $3 AND state = 'succeeded' AND id <> $4
               AND earlier.finished_at <= this.finished_at), '-infinity')`,
        [organizationId, installationId, action, id],
      )
      return first(rows).failures
    },

    async failing(organizationId, atLeast) {
      const { rows } = await pool.query<RunRow & { failures: number }>(
        `SELECT DISTINCT ON (installation_id, action) *, failures FROM (
           SELECT *, count(*) OVER (PARTITION BY installation_id, action)::integer AS failures FROM tenon.plugin_runs r
           WHERE organization_id = $1 AND state = 'failed' AND kind IN ('sync', 'action') AND finished_at > coalesce((
             SELECT max(finished_at) FROM tenon.plugin_runs s
             WHERE (s.organization_id, s.installation_id, s.action) = (r.organization_id, r.installation_id, r.action)
               AND s.state = 'succeeded'), '-infinity')) failed
         WHERE failures >= $2 ORDER BY installation_id, action, finished_at DESC`,
        [organizationId, atLeast],
      )
      return rows.map((row) => ({ run: toRun(row), failures: row.failures }))
    },

    async prune() {
      let removed: number
      do {
        const { rowCount } = await pool.query(
          `DELETE FROM tenon.plugin_runs WHERE id IN (
             SELECT id FROM tenon.plugin_runs WHERE finished_at < now() - $1 * interval '1 day' LIMIT $2)`,
          [limits.keptDays, pruneBatch],
        )
        removed = rowCount ?? 0
      } while (removed === pruneBatch)
      // Jobs of servers that died, and of runs that have ended there; a run that waits has another.
      await pool.query(
        `SELECT FROM ${queueSchema}.complete_jobs(array(
           SELECT id FROM ${queuedJobs} WHERE attempts >= max_attempts))`,
      )
    },
  }
}

/**
 * What people are shown of a run: beside the row, whether it can be started again. Where nothing was sent for it, it can,
 * as often as anybody likes; else once, when it has failed, as long as that is there.
 */
const shown = `*, state IN ('succeeded', 'failed', 'cancelled') AND kind <> 'install' AND input IS NOT NULL AND
  CASE WHEN kind <> 'import' AND NOT input ?| ARRAY['file', 'sentId'] THEN true
  ELSE state = 'failed' AND NOT EXISTS (SELECT FROM tenon.plugin_runs later WHERE later.restart_of = plugin_runs.id)
    AND NOT EXISTS (
      SELECT FROM unnest(ARRAY[input ->> 'sentId', input #>> '{file,uploadId}']) AS sent (id)
      WHERE sent.id IS NOT NULL AND NOT EXISTS (
        SELECT FROM tenon.uploads u WHERE u.id = sent.id::uuid AND u.size IS NOT NULL AND u.expires_at > now()))
  END AS restartable`

/** What an installation leaves half-way is taken back by its own recovery. */
const isBegunAgain = `(kind <> 'install' AND repeatable AND restarts < $1)`

/** Of a server: what takes one of its workers. Installations do not wait for their turn. */
const atWork = `WHERE state = 'running' AND kind <> 'install'`

/** A trigger gives each run that is written as queued its job. */
async function queueAgain(client: Pick<PoolClient, 'query'>, id: string): Promise<void> {
  await client.query(
    `UPDATE tenon.plugin_runs SET next_attempt_at = next_attempt_at WHERE id = $1 AND state = 'queued'`,
    [id],
  )
}

/** One with the same input. What waits for its next attempt need not, once a person asks for it: it begins anew at once. */
async function findSame(client: PoolClient, run: NewRun): Promise<Run | undefined> {
  const { rows } = await client.query<RunRow>(
    `SELECT * FROM tenon.plugin_runs
     WHERE organization_id = $1 AND plugin_key = $2 AND action = $3 AND state IN ('queued', 'running')
       AND cancel_requested_at IS NULL AND input = $4::jsonb ORDER BY position LIMIT 1`,
    [run.organizationId, run.pluginKey, run.action, storableJson(run.input ?? null)],
  )
  const same = rows[0] && toRun(rows[0])
  if (same?.state !== 'queued' || run.trigger !== 'manual') return same
  const begun = await client.query<RunRow>(
    `UPDATE tenon.plugin_runs SET state = 'queued', next_attempt_at = now(), attempts = 0, max_attempts = $2,
       updated_at = now() WHERE id = $1 AND state = 'queued' AND next_attempt_at > now() RETURNING *`,
    [same.id, run.maxAttempts],
  )
  return begun.rows[0] ? toRun(begun.rows[0]) : same
}

const progressJson = ({ done, total, message }: RunProgress) => ({
  done,
  total: total ?? null,
  message: message ?? null,
})

interface RunRow {
  id: string
  organization_id: number
  installation_id: number | null
  plugin_key: string
  kind: Run['kind']
  action: string
  title: string
  trigger: Run['trigger']
  state: Run['state']
  input: Run['input']
  step: string | null
  progress: Run['progress']
  counts: Run['counts']
  result: unknown
  result_bytes: number | null
  result_upload: string | null
  failure: RunFailure | null
  attempts: number
  max_attempts: number
  repeatable: boolean
  work_id: string | null
  /** Only of those that are read to be shown. */
  restartable?: boolean
  next_attempt_at: Date
  requested_by: number | null
  cancel_requested_at: Date | null
  created_at: Date
  started_at: Date | null
  finished_at: Date | null
  updated_at: Date
}

function toRun(row: RunRow): Run {
  return {
    id: row.id,
    organizationId: row.organization_id,
    installationId: row.installation_id,
    pluginKey: row.plugin_key,
    kind: row.kind,
    action: row.action,
    title: row.title,
    trigger: row.trigger,
    state: row.state,
    cancelling: row.state === 'running' && row.cancel_requested_at !== null,
    input: row.input,
    step: row.step,
    progress: row.progress,
    counts: row.counts,
    result: row.result,
    largeResult: row.result_bytes === null ? null : { bytes: row.result_bytes, uploadId: row.result_upload },
    failure: row.failure,
    attempts: row.attempts,
    maxAttempts: row.max_attempts,
    isRepeatable: row.repeatable,
    workId: row.work_id ?? row.id,
    restartable: row.restartable ?? false,
    requestedBy: row.requested_by,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    nextAttemptAt: row.next_attempt_at,
    updatedAt: row.updated_at,
  }
}

function first<Row>([row]: readonly Row[]): Row {
  if (row === undefined) throw new Error('the database answered without a row')
  return row
}
