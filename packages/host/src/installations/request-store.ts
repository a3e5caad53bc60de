import { TenonError, type PluginInstallationStatus, type PluginRequestState } from '@tenon/contract'
import type { ClientBase, Pool } from 'pg'
import type { TenantScope } from '../migrations/index.js'
import { quoteIdentifier as quote, storableText } from '../migrations/sql-text.js'
import { inTransaction } from '../migrations/transaction.js'

/** Somebody asked the admins of an organization for a plugin. */
export interface PluginRequest {
  id: number
  pluginKey: string
  requestedBy: number
  requestedAt: Date
  note: string | null
  state: PluginRequestState
  reason: string | null
  endedBy: number | null
  endedAt: Date | null
}

export interface RequestFilter {
  /** Only those of one person. */
  requestedBy?: number | undefined
  state?: PluginRequestState | undefined
  pluginKey?: string | undefined
  page: number
  pageSize: number
}

export interface NewRequest {
  pluginKey: string
  userId: number
  note: string | undefined
}

/** Who ends a request, and how. */
export interface RequestEnd {
  state: 'declined' | 'withdrawn'
  userId: number
  reason?: string | undefined
}

export interface RequestStore {
  /** The newest first. */
  list(tenant: TenantScope, filter: RequestFilter): Promise<{ items: PluginRequest[]; total: number }>
  find(tenant: TenantScope, id: number): Promise<PluginRequest | undefined>
  /**
   * Keeps a request. Where the person has an open one for the plugin, that is the answer, with the new note if there is
   * one. `mayBeAsked` is told how the plugin's installation stands, while nothing can change it unseen.
   * @throws TenonError REQUEST_LIMIT, and what `mayBeAsked` throws
   */
  add(
    tenant: TenantScope,
    request: NewRequest,
    mayBeAsked: (status: PluginInstallationStatus | undefined) => void,
  ): Promise<{ request: PluginRequest; isNew: boolean }>
  /** Ends an open request; undefined for one that has ended meanwhile. */
  end(tenant: TenantScope, id: number, end: RequestEnd): Promise<PluginRequest | undefined>
  /** Ends all open requests for a plugin that is installed now, in the transaction that says so. */
  fulfil(client: ClientBase, tenant: TenantScope, pluginKey: string): Promise<void>
}

/** Of one person: an admin reads each of them. */
export const maxOpenRequests = 20
/** What has ended is kept that long. */
const keptDays = 90

export function createRequestStore({ pool }: { pool: Pool }): RequestStore {
  return {
    async list({ organizationId }, { requestedBy, state, pluginKey, page, pageSize }) {
      const { rows } = await pool.query<RequestRow & { total: string }>(
        `SELECT *, count(*) OVER () AS total FROM tenon.plugin_requests
         WHERE organization_id = $1 AND ($2::integer IS NULL OR requested_by = $2) AND ($3::text IS NULL OR state = $3)
           AND ($4::text IS NULL OR plugin_key = $4)
         ORDER BY id DESC LIMIT $5 OFFSET $6`,
        [organizationId, requestedBy ?? null, state ?? null, pluginKey ?? null, pageSize, (page - 1) * pageSize],
      )
      return { items: rows.map(toRequest), total: Number(rows[0]?.total ?? 0) }
    },
    async find({ organizationId }, id) {
      const { rows } = await pool.query<RequestRow>(
        'SELECT * FROM tenon.plugin_requests WHERE organization_id = $1 AND id = $2',
        [organizationId, id],
      )
      return rows[0] && toRequest(rows[0])
    },
    add: (tenant, request, mayBeAsked) =>
      inTransaction(pool, async (client) => {
        await lockRequests(client, tenant)
        mayBeAsked(await statusOf(client, tenant, request.pluginKey))
        const again = await repeat(client, tenant, request)
        if (again) return { request: again, isNew: false }
        await assertRoom(client, tenant, request.userId)
        await removeOld(client, tenant, request)
        const { rows } = await client.query<RequestRow>(
          `INSERT INTO tenon.plugin_requests (organization_id, plugin_key, requested_by, note)
           VALUES ($1, $2, $3, $4) RETURNING *`,
          [tenant.organizationId, request.pluginKey, request.userId, stored(request.note)],
        )
        return { request: toRequest(rows[0] as RequestRow), isNew: true }
      }),
    async end({ organizationId }, id, { state, userId, reason }) {
      const { rows } = await pool.query<RequestRow>(
        `UPDATE tenon.plugin_requests SET state = $3, ended_by = $4, reason = $5, ended_at = now()
         WHERE organization_id = $1 AND id = $2 AND state = 'open' RETURNING *`,
        [organizationId, id, state, userId, stored(reason)],
      )
      return rows[0] && toRequest(rows[0])
    },
    async fulfil(client, tenant, pluginKey) {
      await lockRequests(client, tenant)
      await client.query(
        `UPDATE tenon.plugin_requests SET state = 'fulfilled', ended_at = now()
         WHERE organization_id = $1 AND plugin_key = $2 AND state = 'open'`,
        [tenant.organizationId, pluginKey],
      )
    },
  }
}

/** What is over, and what the new request takes the place of: who asks and withdraws in turn leaves no trail of rows. */
async function removeOld(
  client: ClientBase,
  { organizationId }: TenantScope,
  { pluginKey, userId }: NewRequest,
): Promise<void> {
  await client.query(
    `DELETE FROM tenon.plugin_requests WHERE ended_at < now() - $1 * interval '1 day'
       OR (organization_id = $2 AND plugin_key = $3 AND requested_by = $4 AND state <> 'open')`,
    [keptDays, organizationId, pluginKey, userId],
  )
}

/** One at a time in an organization: so no request is left open for a plugin that is installed at the same moment. */
async function lockRequests(client: ClientBase, { organizationId }: TenantScope): Promise<void> {
  await client.query(`SELECT pg_advisory_xact_lock(hashtextextended('tenon.plugin-requests:' || $1::text, 0))`, [
    organizationId,
  ])
}

async function statusOf(
  client: ClientBase,
  { schema }: TenantScope,
  pluginKey: string,
): Promise<PluginInstallationStatus | undefined> {
  const { rows } = await client.query<{ status: PluginInstallationStatus }>(
    `SELECT status FROM ${quote(schema)}.plugin_installations WHERE plugin_key = $1`,
    [pluginKey],
  )
  return rows[0]?.status
}

async function repeat(
  client: ClientBase,
  { organizationId }: TenantScope,
  { pluginKey, userId, note }: NewRequest,
): Promise<PluginRequest | undefined> {
  const { rows } = await client.query<RequestRow>(
    `UPDATE tenon.plugin_requests SET note = coalesce($4, note)
     WHERE organization_id = $1 AND plugin_key = $2 AND requested_by = $3 AND state = 'open' RETURNING *`,
    [organizationId, pluginKey, userId, stored(note)],
  )
  return rows[0] && toRequest(rows[0])
}

/** @throws TenonError REQUEST_LIMIT */
async function assertRoom(client: ClientBase, { organizationId }: TenantScope, userId: number): Promise<void> {
  const { rows } = await client.query<{ open: number }>(
    `SELECT count(*)::integer AS open FROM tenon.plugin_requests
     WHERE organization_id = $1 AND requested_by = $2 AND state = 'open'`,
    [organizationId, userId],
  )
  if ((rows[0]?.open ?? 0) >= maxOpenRequests) throw new TenonError('REQUEST_LIMIT', { limit: maxOpenRequests })
}

const stored = (text: string | undefined): string | null => (text === undefined ? null : storableText(text))

interface RequestRow {
  id: number
  plugin_key: string
  requested_by: number
  requested_at: Date
  note: string | null
  state: PluginRequestState
  reason: string | null
  ended_by: number | null
  ended_at: Date | null
}

function toRequest(row: RequestRow): PluginRequest {
  return {
    id: row.id,
    pluginKey: row.plugin_key,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    note: row.note,
    state: row.state,
    reason: row.reason,
    endedBy: row.ended_by,
    endedAt: row.ended_at,
  }
}
