import { TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { TenantScope } from '../migrations/index.js'
import { storableText } from '../migrations/sql-text.js'
import { newWebhookSecret } from './signature.js'

export interface Webhook {
  id: number
  url: string
  /** Names or patterns of events; `*` for all. */
  events: string[]
  description: string
  isActive: boolean
  /** Why it was switched off by us. */
  disabledReason: string | null
  createdBy: number
  createdAt: Date
}

export interface WebhookChange {
  url: string
  events: string[]
  description: string
  isActive: boolean
}

/** What is absent stays as it is. */
export type WebhookPatch = { [Field in keyof WebhookChange]?: WebhookChange[Field] | undefined }

export interface Attempt {
  at: Date
  /** Of the answer; null when there was none. */
  status: number | null
  ms: number
  error: string | null
}

export interface WebhookStore {
  list(tenant: TenantScope): Promise<Webhook[]>
  /** @throws TenonError NOT_FOUND */
  get(tenant: TenantScope, id: number): Promise<Webhook>
  /** With its secret, which is shown this once. @throws TenonError CONFLICT when there are too many */
  create(
    tenant: TenantScope,
    webhook: Omit<WebhookChange, 'isActive'>,
    userId: number,
  ): Promise<Webhook & { secret: string }>
  update(tenant: TenantScope, id: number, change: WebhookPatch): Promise<Webhook>
  remove(tenant: TenantScope, id: number): Promise<void>
  renewSecret(tenant: TenantScope, id: number): Promise<string>
  secretOf(tenant: TenantScope, id: number): Promise<string>
  disable(tenant: TenantScope, id: number, reason: string): Promise<void>
  noteAttempt(tenant: TenantScope, id: number, eventId: string, attempt: Omit<Attempt, 'at'>): Promise<void>
  attemptsOf(id: number, eventIds: readonly string[]): Promise<Map<string, Attempt[]>>
}

interface SecretSealer {
  seal(plaintext: string, context: { tenantId: string; pluginKey: string; field: string }): string
  open(sealed: string, context: { tenantId: string; pluginKey: string; field: string }): string
}

/** Of one organization: each is told of each event. */
export const maxWebhooks = 20
const keptDays = 30

export function createWebhookStore({ pool, sealer }: { pool: Pool; sealer: SecretSealer }): WebhookStore {
  const sealContext = ({ schema }: TenantScope, id: number) => ({
    tenantId: schema,
    pluginKey: 'webhooks',
    field: `secret of ${id}`,
  })

  async function row({ organizationId }: TenantScope, id: number): Promise<WebhookRow> {
    const { rows } = await pool.query<WebhookRow>(
      'SELECT * FROM tenon.webhooks WHERE organization_id = $1 AND id = $2',
      [organizationId, id],
    )
    if (!rows[0]) throw notFound()
    return rows[0]
  }

  async function storeSecret(tenant: TenantScope, id: number): Promise<string> {
    const secret = newWebhookSecret()
    const { rowCount } = await pool.query(
      'UPDATE tenon.webhooks SET sealed_secret = $3, updated_at = now() WHERE organization_id = $1 AND id = $2',
      [tenant.organizationId, id, sealer.seal(secret, sealContext(tenant, id))],
    )
    if (rowCount !== 1) throw notFound()
    return secret
  }

  return {
    async list({ organizationId }) {
      const { rows } = await pool.query<WebhookRow>(
        'SELECT * FROM tenon.webhooks WHERE organization_id = $1 ORDER BY id',
        [organizationId],
      )
      return rows.map(toWebhook)
    },
    get: async (tenant, id) => toWebhook(await row(tenant, id)),
    async create(tenant, { url, events, description }, userId) {
      const { rows } = await pool.query<WebhookRow>(
        `INSERT INTO tenon.webhooks (organization_id, url, events, description, created_by)
         SELECT $1, $2, $3, $4, $5 WHERE (SELECT count(*) FROM tenon.webhooks WHERE organization_id = $1) < $6
         RETURNING *`,
        [tenant.organizationId, url, events, storableText(description), userId, maxWebhooks],
      )
      const [made] = rows
      if (!made)
        throw new TenonError('CONFLICT', { message: `There are ${maxWebhooks} webhooks already. Remove one first.` })
      return { ...toWebhook(made), secret: await storeSecret(tenant, made.id) }
    },
    async update(tenant, id, { url, events, description, isActive }) {
      const { rows } = await pool.query<WebhookRow>(
        `UPDATE tenon.webhooks SET url = coalesce($3, url), events = coalesce($4, events),
           description = coalesce($5, description), is_active = coalesce($6, is_active),
           disabled_reason = CASE WHEN $6 THEN NULL ELSE disabled_reason END, updated_at = now()
         WHERE organization_id = $1 AND id = $2 RETURNING *`,
        [
          tenant.organizationId,
          id,
          url ?? null,
          events ?? null,
          description === undefined ? null : storableText(description),
          isActive ?? null,
        ],
      )
      if (!rows[0]) throw notFound()
      return toWebhook(rows[0])
    },
    async remove({ organizationId }, id) {
      const { rowCount } = await pool.query('DELETE FROM tenon.webhooks WHERE organization_id = $1 AND id = $2', [
        organizationId,
        id,
      ])
      if (rowCount !== 1) throw notFound()
    },
    renewSecret: storeSecret,
    secretOf: async (tenant, id) => sealer.open((await row(tenant, id)).sealed_secret, sealContext(tenant, id)),
    async disable({ organizationId }, id, reason) {
      await pool.query(
        `UPDATE tenon.webhooks SET is_active = false, disabled_reason = $3, updated_at = now()
         WHERE organization_id = $1 AND id = $2`,
        [organizationId, id, reason],
      )
    },
    async noteAttempt({ organizationId }, id, eventId, { status, ms, error }) {
      await pool.query(`DELETE FROM tenon.webhook_attempts WHERE at < now() - $1 * interval '1 day'`, [keptDays])
      await pool.query(
        `INSERT INTO tenon.webhook_attempts (organization_id, webhook_id, event_id, status, ms, error)
         SELECT $1, id, $3, $4, $5, $6 FROM tenon.webhooks WHERE id = $2`,
        [organizationId, id, eventId, status, ms, error === null ? null : storableText(error).slice(0, 2_000)],
      )
    },
    async attemptsOf(id, eventIds) {
      const { rows } = await pool.query<Attempt & { event_id: string }>(
        `SELECT event_id, at, status, ms, error FROM tenon.webhook_attempts
         WHERE webhook_id = $1 AND event_id = ANY ($2::uuid[]) ORDER BY id`,
        [id, eventIds],
      )
      const found = new Map<string, Attempt[]>()
      for (const { event_id: eventId, ...attempt } of rows) found.set(eventId, [...(found.get(eventId) ?? []), attempt])
      return found
    },
  }
}

const notFound = () => new TenonError('NOT_FOUND', { message: 'Webhook not found' })

interface WebhookRow {
  id: number
  url: string
  events: string[]
  description: string
  sealed_secret: string
  is_active: boolean
  disabled_reason: string | null
  created_by: number
  created_at: Date
}

function toWebhook(row: WebhookRow): Webhook {
  return {
    id: row.id,
    url: row.url,
    events: row.events,
    description: row.description,
    isActive: row.is_active,
    disabledReason: row.disabled_reason,
    createdBy: row.created_by,
    createdAt: row.created_at,
  }
}
