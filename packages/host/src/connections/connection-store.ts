import { TenonError, type JsonObject } from '@tenon/contract'
import type { Pool } from 'pg'

/** Whose connections: the organization and the plugin it connected them for. */
export interface ConnectionOwner {
  organizationId: number
  tenantId: string
  pluginKey: string
}

/** What only the plugin's call may see, and no answer ever. */
export interface ConnectionTokens {
  accessToken?: string
  refreshToken?: string
  secrets: Record<string, string>
}

export interface Connection {
  id: number
  contributionId: string
  provider: string
  account: { id: string; name: string }
  details: JsonObject
  settings: JsonObject
  isActive: boolean
  connectedBy: number
  createdAt: Date
  /** Since when the service no longer accepts the sign-in; null while it does. */
  needsReauthSince: Date | null
  /** What the plugin says is wrong with it, and since when; null while it works. */
  problem: { message: string; since: Date } | null
}

export type NewConnection = Omit<Connection, 'id' | 'createdAt' | 'isActive' | 'needsReauthSince' | 'problem'> & {
  tokens: ConnectionTokens
  /** When the access token ends; absent or null when it does not. */
  expiresAt?: Date | null
}

/** Tokens, and whether they are still good. */
export interface TokenState extends Pick<Connection, 'provider' | 'account' | 'needsReauthSince'> {
  tokens: ConnectionTokens
  expiresAt: Date | null
}

export interface ConnectionStore {
  list(owner: ConnectionOwner): Promise<Connection[]>
  /** @throws TenonError CONNECTION_NOT_FOUND */
  get(owner: ConnectionOwner, id: number): Promise<Connection>
  /** Adds a connection, or renews the tokens of the one for the same account and the same details. */
  save(owner: ConnectionOwner, connection: NewConnection): Promise<Connection>
  /** Gives a connection, whose account signed in again, other tokens. @throws TenonError CONNECTION_NOT_FOUND */
  reconnect(owner: ConnectionOwner, id: number, connection: NewConnection): Promise<Connection>
  update(owner: ConnectionOwner, id: number, change: { settings?: JsonObject; isActive?: boolean }): Promise<Connection>
  /** @throws TenonError CONNECTION_NOT_FOUND */
  remove(owner: ConnectionOwner, id: number): Promise<void>
  removeAll(owner: ConnectionOwner): Promise<number>
  /** Whether any organization is still connected to this account with this plugin. */
  isAccountUsed(pluginKey: string, account: Pick<Connection, 'provider' | 'account'>): Promise<boolean>
  /** Keys of the plugins that an organization has connected accounts for. */
  pluginsOf(organizationId: number): Promise<string[]>
  tokenState(owner: ConnectionOwner, id: number): Promise<TokenState>
  /** The right to renew the tokens, for so many milliseconds; undefined while somebody else has it. */
  claimRefresh(owner: ConnectionOwner, id: number, forMs: number): Promise<Date | undefined>
  releaseRefresh(id: number, claim: Date): Promise<void>
  /** Ends the right as well. False, and nothing is changed, when a person has signed in again meanwhile. */
  saveTokens(
    owner: ConnectionOwner,
    id: number,
    renewed: { tokens: ConnectionTokens; expiresAt: Date | null },
    claim: Date,
  ): Promise<boolean>
  /**
   * Notes that a person has to sign in again, and announces it to the organization, once. False, and nothing is changed,
   * when a person has done so meanwhile.
   */
  markRefused(owner: ConnectionOwner, id: number, claim: Date): Promise<boolean>
  /** Notes what is wrong with a connection, or that nothing is any more, and announces it to the organization, once. */
  report(owner: ConnectionOwner, id: number, problem: string | null): Promise<void>
  /** Of an organization, those whose sign-in is no longer accepted, or that do not work though they are switched on. */
  listFailing(organizationId: number): Promise<(Connection & { pluginKey: string })[]>
  /** The tokens in clear, for one call. */
  open(owner: ConnectionOwner, id: number): Promise<ConnectionTokens>
}

/** Seals text for one owner; the secrets engine has one. */
interface TokenSealer {
  seal(plaintext: string, context: { tenantId: string; pluginKey: string; field: string }): string
  open(sealed: string, context: { tenantId: string; pluginKey: string; field: string }): string
}

interface ConnectionRow {
  id: number
  contribution_id: string
  provider: string
  account_id: string
  account_name: string
  details: JsonObject
  settings: JsonObject
  sealed_tokens: string
  is_active: boolean
  connected_by: number
  created_at: Date
  expires_at: Date | null
  needs_reauth_since: Date | null
  problem: string | null
  problem_since: Date | null
}

export function createConnectionStore({ pool, sealer }: { pool: Pool; sealer: TokenSealer }): ConnectionStore {
  const sealContext = ({ tenantId, pluginKey }: ConnectionOwner) => ({ tenantId, pluginKey, field: 'connection' })

  async function one(text: string, values: unknown[]): Promise<ConnectionRow> {
    const { rows } = await pool.query<ConnectionRow>(text, values)
    if (!rows[0]) throw new TenonError('CONNECTION_NOT_FOUND')
    return rows[0]
  }

  const find = (owner: ConnectionOwner, id: number) =>
    one('SELECT * FROM tenon.connections WHERE organization_id = $1 AND plugin_key = $2 AND id = $3', [
      owner.organizationId,
      owner.pluginKey,
      id,
    ])

  return {
    async list(owner) {
      const { rows } = await pool.query<ConnectionRow>(
        'SELECT * FROM tenon.connections WHERE organization_id = $1 AND plugin_key = $2 ORDER BY created_at, id',
        [owner.organizationId, owner.pluginKey],
      )
      return rows.map(toConnection)
    },
    get: async (owner, id) => toConnection(await find(owner, id)),

    async save(owner, { account, tokens, expiresAt = null, ...connection }) {
      const sealed = sealer.seal(JSON.stringify(tokens), sealContext(owner))
      const renewed = await pool.query<ConnectionRow>(
        `UPDATE tenon.connections SET sealed_tokens = $6, account_name = $7, is_active = true, expires_at = $8, needs_reauth_since = NULL,
           problem = NULL, problem_since = NULL, refreshing_until = NULL, updated_at = now()
         WHERE organization_id = $1 AND plugin_key = $2 AND contribution_id = $3 AND account_id = $4 AND details = $5
         RETURNING *`,
        [
          owner.organizationId,
          owner.pluginKey,
          connection.contributionId,
          account.id,
          JSON.stringify(connection.details),
          sealed,
          account.name,
          expiresAt,
        ],
      )
      if (renewed.rows[0]) return toConnection(renewed.rows[0])
      const inserted = await one(
        `INSERT INTO tenon.connections
           (organization_id, plugin_key, contribution_id, provider, account_id, account_name, details, settings, sealed_tokens, connected_by, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) RETURNING *`,
        [
          owner.organizationId,
          owner.pluginKey,
          connection.contributionId,
          connection.provider,
          account.id,
          account.name,
          JSON.stringify(connection.details),
          JSON.stringify(connection.settings),
          sealed,
          connection.connectedBy,
          expiresAt,
        ],
      )
      return toConnection(inserted)
    },

    async reconnect(owner, id, { account, tokens, details, expiresAt = null }) {
      const row = await one(
        `UPDATE tenon.connections
         SET sealed_tokens = $4, account_name = $5, details = $6, is_active = true, expires_at = $7,
           needs_reauth_since = NULL, problem = NULL, problem_since = NULL, refreshing_until = NULL, updated_at = now()
         WHERE organization_id = $1 AND plugin_key = $2 AND id = $3 RETURNING *`,
        [
          owner.organizationId,
          owner.pluginKey,
          id,
          sealer.seal(JSON.stringify(tokens), sealContext(owner)),
          account.name,
          JSON.stringify(details),
          expiresAt,
        ],
      )
      return toConnection(row)
    },

    async tokenState(owner, id) {
      const row = await find(owner, id)
      const { provider, account, needsReauthSince } = toConnection(row)
      const tokens = JSON.parse(sealer.open(row.sealed_tokens, sealContext(owner))) as ConnectionTokens
      return { provider, account, needsReauthSince, tokens, expiresAt: row.expires_at }
    },

    async claimRefresh(owner, id, forMs) {
      // Milliseconds, because that is all that comes back as a Date.
      const { rows } = await pool.query<{ refreshing_until: Date }>(
        `UPDATE tenon.connections
         SET refreshing_until = date_trunc('milliseconds', now() + $4 * interval '1 millisecond')
         WHERE organization_id = $1 AND plugin_key = $2 AND id = $3 AND needs_reauth_since IS NULL
           AND (refreshing_until IS NULL OR refreshing_until < now()) RETURNING refreshing_until`,
        [owner.organizationId, owner.pluginKey, id, forMs],
      )
      return rows[0]?.refreshing_until
    },

    async releaseRefresh(id, claim) {
      await pool.query('UPDATE tenon.connections SET refreshing_until = NULL WHERE id = $1 AND refreshing_until = $2', [
        id,
        claim,
      ])
    },

    async saveTokens(owner, id, { tokens, expiresAt }, claim) {
      const { rowCount } = await pool.query(
        `UPDATE tenon.connections SET sealed_tokens = $4, expires_at = $5, refreshing_until = NULL, updated_at = now()
         WHERE organization_id = $1 AND plugin_key = $2 AND id = $3 AND refreshing_until = $6`,
        [
          owner.organizationId,
          owner.pluginKey,
          id,
          sealer.seal(JSON.stringify(tokens), sealContext(owner)),
          expiresAt,
          claim,
        ],
      )
      return rowCount === 1
    },

    async markRefused(owner, id, claim) {
      const { rowCount } = await pool.query(
        `WITH refused AS (
           UPDATE tenon.connections SET needs_reauth_since = now(), refreshing_until = NULL, updated_at = now()
           WHERE organization_id = $1 AND plugin_key = $2 AND id = $3 AND refreshing_until = $4
           RETURNING id, organization_id, plugin_key, account_name, provider)
         INSERT INTO tenon.outbox (organization_id, source, name, payload)
         SELECT organization_id, 'host', 'plugin.failing', jsonb_build_object('pluginKey', plugin_key,
           'connection', jsonb_build_object('id', id, 'account', account_name, 'provider', provider),
           'error', jsonb_build_object('code', 'CONNECTION_NEEDS_REAUTH', 'kind', 'configuration'))
         FROM refused`,
        [owner.organizationId, owner.pluginKey, id, claim],
      )
      return rowCount === 1
    },

    async report(owner, id, problem) {
      // The row is locked before it is compared: of many that say the same at once, one announces it.
      await pool.query(
        `WITH old AS (
           SELECT id, problem FROM tenon.connections
           WHERE organization_id = $1 AND plugin_key = $2 AND id = $3 FOR UPDATE),
         changed AS (
           UPDATE tenon.connections c SET problem = $4,
             problem_since = CASE WHEN $4::text IS NOT NULL THEN coalesce(c.problem_since, now()) END
           FROM old WHERE c.id = old.id AND old.problem IS DISTINCT FROM $4
           RETURNING c.*, old.problem AS old_problem)
         INSERT INTO tenon.outbox (organization_id, source, name, payload)
         SELECT organization_id, 'host', CASE WHEN $4::text IS NULL THEN 'plugin.recovered' ELSE 'plugin.failing' END,
           jsonb_build_object('pluginKey', plugin_key,
             'connection', jsonb_build_object('id', id, 'account', account_name, 'provider', provider),
             'error', jsonb_build_object('code', 'PLUGIN_REFUSED', 'kind', 'configuration',
               'message', coalesce($4, old_problem)))
         FROM changed WHERE (old_problem IS NULL) <> ($4::text IS NULL)`,
        [owner.organizationId, owner.pluginKey, id, problem],
      )
    },

    async listFailing(organizationId) {
      const { rows } = await pool.query<ConnectionRow & { plugin_key: string }>(
        `SELECT * FROM tenon.connections
         WHERE organization_id = $1 AND (needs_reauth_since IS NOT NULL OR (problem IS NOT NULL AND is_active))
         ORDER BY id`,
        [organizationId],
      )
      return rows.map((row) => ({ ...toConnection(row), pluginKey: row.plugin_key }))
    },

    async update(owner, id, { settings, isActive }) {
      const row = await one(
        `UPDATE tenon.connections
         SET settings = coalesce($4::jsonb, settings), is_active = coalesce($5, is_active), updated_at = now()
         WHERE organization_id = $1 AND plugin_key = $2 AND id = $3 RETURNING *`,
        [
          owner.organizationId,
          owner.pluginKey,
          id,
          settings === undefined ? null : JSON.stringify(settings),
          isActive ?? null,
        ],
      )
      return toConnection(row)
    },

    async remove(owner, id) {
      await one(
        'DELETE FROM tenon.connections WHERE organization_id = $1 AND plugin_key = $2 AND id = $3 RETURNING *',
        [owner.organizationId, owner.pluginKey, id],
      )
    },

    async removeAll(owner) {
      const { rowCount } = await pool.query(
        'DELETE FROM tenon.connections WHERE organization_id = $1 AND plugin_key = $2',
        [owner.organizationId, owner.pluginKey],
      )
      return rowCount ?? 0
    },

    async isAccountUsed(pluginKey, { provider, account }) {
      const { rowCount } = await pool.query(
        'SELECT FROM tenon.connections WHERE plugin_key = $1 AND provider = $2 AND account_id = $3 LIMIT 1',
        [pluginKey, provider, account.id],
      )
      return rowCount !== 0
    },

    async pluginsOf(organizationId) {
      const { rows } = await pool.query<{ plugin_key: string }>(
        'SELECT DISTINCT plugin_key FROM tenon.connections WHERE organization_id = $1',
        [organizationId],
      )
      return rows.map(({ plugin_key: pluginKey }) => pluginKey)
    },

    async open(owner, id) {
      const row = await find(owner, id)
      return JSON.parse(sealer.open(row.sealed_tokens, sealContext(owner))) as ConnectionTokens
    },
  }
}

function toConnection(row: ConnectionRow): Connection {
  return {
    id: row.id,
    contributionId: row.contribution_id,
    provider: row.provider,
    account: { id: row.account_id, name: row.account_name },
    details: row.details,
    settings: row.settings,
    isActive: row.is_active,
    connectedBy: row.connected_by,
    createdAt: row.created_at,
    needsReauthSince: row.needs_reauth_since,
    problem: row.problem === null ? null : { message: row.problem, since: row.problem_since ?? row.created_at },
  }
}
