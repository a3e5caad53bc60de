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
}

export type NewConnection = Omit<Connection, 'id' | 'createdAt' | 'isActive'> & { tokens: ConnectionTokens }

export interface ConnectionStore {
  list(owner: ConnectionOwner): Promise<Connection[]>
  /** @throws TenonError CONNECTION_NOT_FOUND */
  get(owner: ConnectionOwner, id: number): Promise<Connection>
  /** Adds a connection, or renews the tokens of the one for the same account and the same details. */
  save(owner: ConnectionOwner, connection: NewConnection): Promise<Connection>
  update(owner: ConnectionOwner, id: number, change: { settings?: JsonObject; isActive?: boolean }): Promise<Connection>
  /** @throws TenonError CONNECTION_NOT_FOUND */
  remove(owner: ConnectionOwner, id: number): Promise<void>
  removeAll(owner: ConnectionOwner): Promise<number>
  /** Whether any organization is still connected to this account with this plugin. */
  isAccountUsed(pluginKey: string, account: Pick<Connection, 'provider' | 'account'>): Promise<boolean>
  /** Keys of the plugins that an organization has connected accounts for. */
  pluginsOf(organizationId: number): Promise<string[]>
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

    async save(owner, { account, tokens, ...connection }) {
      const sealed = sealer.seal(JSON.stringify(tokens), sealContext(owner))
      const renewed = await pool.query<ConnectionRow>(
        `UPDATE tenon.connections SET sealed_tokens = $6, account_name = $7, is_active = true, updated_at = now()
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
        ],
      )
      if (renewed.rows[0]) return toConnection(renewed.rows[0])
      const inserted = await one(
        `INSERT INTO tenon.connections
           (organization_id, plugin_key, contribution_id, provider, account_id, account_name, details, settings, sealed_tokens, connected_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING *`,
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
        ],
      )
      return toConnection(inserted)
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
  }
}
