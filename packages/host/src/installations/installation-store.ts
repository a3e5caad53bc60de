import { randomUUID } from 'node:crypto'
import { PluginInstallationStatus as Status, TenonError, grantedEntry, type CatalogEntry } from '@tenon/contract'
import type { ClientBase, Pool, PoolClient } from 'pg'
import type { TenantScope } from '../migrations/index.js'
import { storableJson, storableText } from '../migrations/sql-text.js'
import { inTransaction } from '../migrations/transaction.js'

/** The entry as it was consented to. Listing, loading and uninstalling use this, never the present marketplace. */
export type ConsentedManifest = CatalogEntry

export interface Installation {
  id: number
  pluginKey: string
  status: Status
  installedAt: Date | null
  errorMessage: string | null
  /** Sealed; see the configuration vault. */
  configuration: Record<string, unknown> | null
  metadata: Record<string, unknown> | null
  version: string | null
  /** SHA-256 of the artifact this installation is pinned to. */
  digest: string | null
  /** What is in force: of what was asked for, that which was granted, and nothing else. */
  manifest: ConsentedManifest | null
  /** With everything that the plugin asks for. To be shown, and to be stored again; never to be acted on. */
  asked: ConsentedManifest | null
  /** Ids of the permissions that were granted; null when all are. */
  grants: readonly string[] | null
  source: string | null
  createdAt: Date
  updatedAt: Date
}

/** What a finished operation leaves in the row; absent fields stay as they are. */
export interface SettledInstallation {
  status: Status
  errorMessage?: string | null
  configuration?: Record<string, unknown>
  metadata?: Record<string, unknown>
  version?: string
  digest?: string
  manifest?: ConsentedManifest
  grants?: readonly string[]
}

export interface NewInstallation {
  pluginKey: string
  version: string
  manifest: ConsentedManifest
  /** Ids of the permissions that are granted; null grants all. */
  grants?: readonly string[] | null
  source: string
  /** UUID of this attempt, kept in `metadata` until it has ended. */
  attempt: string
}

/** The right to work on one row. Each claim is another one, also of the same server. */
export interface Claim {
  tenant: TenantScope
  /** Of the installation. */
  id: number
  /** What the row says while the claim holds. */
  holder: string
}

export interface ClaimedInstallation {
  claim: Claim
  installation: Installation
}

export interface InstallationStore {
  /** How long a claim lives without renewal, in milliseconds. */
  claimMs: number
  list(tenant: TenantScope): Promise<Installation[]>
  find(tenant: TenantScope, id: number): Promise<Installation | undefined>
  findByKey(tenant: TenantScope, pluginKey: string): Promise<Installation | undefined>
  /**
   * The row first: creates it as `installing`, or takes over one that failed.
   * @throws TenonError ALREADY_INSTALLED, INSTALLATION_BUSY
   */
  claimNew(tenant: TenantScope, installation: NewInstallation): Promise<ClaimedInstallation>
  /**
   * Takes the row for one operation: from one of `from`, unclaimed, to `to`. `note` is kept in `metadata`, for whoever
   * has to go on when this server dies.
   * @throws TenonError INSTALLATION_NOT_FOUND, INSTALLATION_BUSY, STATUS_CHANGE_REFUSED
   */
  claim(
    tenant: TenantScope,
    id: number,
    from: readonly Status[],
    to?: Status,
    note?: Record<string, unknown>,
  ): Promise<ClaimedInstallation>
  /**
   * Adds to the `metadata` of a claimed row what an undo would need.
   * @throws TenonError INTERRUPTED when the claim was lost: then nothing may be committed any more.
   */
  note(claim: Claim, note: Record<string, unknown>): Promise<void>
  /** Keeps a claim alive. False when it was lost. */
  renew(claim: Claim): Promise<boolean>
  /**
   * Ends a claim with what came out of it.
   * @throws TenonError INTERRUPTED when the claim was lost
   */
  settle(claim: Claim, result: SettledInstallation): Promise<Installation>
  /**
   * Ends a claim by removing the row, and in the same transaction what goes with it.
   * @throws TenonError INTERRUPTED when the claim was lost, and what `others` throws: then nothing was removed
   */
  remove(claim: Claim, others?: (client: ClientBase) => Promise<void>): Promise<void>
  /**
   * Claims whose holder has died, taken over by the caller. One that cannot be taken is told to `onProblem`, and tried
   * again when it has run out once more.
   */
  takeExpired(onProblem: (tenant: TenantScope, problem: unknown) => void): Promise<ClaimedInstallation[]>
}

interface InstallationStoreOptions {
  pool: Pool
  /** Names this process among the replicas, and differs after each start. */
  replicaId: string
  /** How long a claim lives without renewal, in milliseconds. */
  claimMs: number
  /** Told in the transaction in which a plugin becomes, or stays, installed. */
  onInstalled?: (client: ClientBase, tenant: TenantScope, pluginKey: string) => Promise<void>
}

// TIMESTAMP columns (S17) hold times of the session's zone; the cast makes them instants whatever zone Node runs in.
const columns = `id, plugin_key, status, installed_at::timestamptz, error_message, configuration, metadata, version, digest,
  manifest, grants, source, created_at::timestamptz, updated_at::timestamptz`
const unclaimed = '(claimed_by IS NULL OR claim_expires_at < now())'

/**
 * `plugin_installations` of every tenant. The row is the lock: a claim with a heartbeat, so that nothing is pinned to a
 * connection and a live operation of another replica is never mistaken for a dead one.
 */
export function createInstallationStore({
  pool,
  replicaId,
  claimMs,
  onInstalled = async () => undefined,
}: InstallationStoreOptions): InstallationStore {
  const expiry = `now() + ${claimMs} * interval '1 millisecond'`

  /** The claim itself, and the platform's index of open claims, in one transaction. */
  async function inClaim(
    tenant: TenantScope,
    take: (client: PoolClient, holder: string) => Promise<Installation>,
  ): Promise<ClaimedInstallation> {
    const holder = newHolder()
    const installation = await inTransaction(pool, async (client) => {
      const taken = await take(client, holder)
      await client.query(
        `INSERT INTO tenon.open_claims (organization_id, installation_id, expires_at) VALUES ($1, $2, ${expiry})
         ON CONFLICT (organization_id, installation_id) DO UPDATE SET expires_at = excluded.expires_at`,
        [tenant.organizationId, taken.id],
      )
      return taken
    })
    return { claim: { tenant, id: installation.id, holder }, installation }
  }

  /** By claim, not by server: this server may have taken over a claim of its own that had run out. */
  const newHolder = () => `${replicaId} ${randomUUID()}`

  /** @throws TenonError INTERRUPTED when somebody took the claim over: what they make of it is what counts. */
  async function endClaim(
    { tenant, id }: Claim,
    end: (client: PoolClient) => Promise<InstallationRow[]>,
  ): Promise<InstallationRow> {
    return inTransaction(pool, async (client) => {
      const [row] = await end(client)
      // Before the entry of the open claim goes: it is the new holder's now.
      if (!row) throw new TenonError('INTERRUPTED')
      await client.query('DELETE FROM tenon.open_claims WHERE organization_id = $1 AND installation_id = $2', [
        tenant.organizationId,
        id,
      ])
      return row
    })
  }

  async function takeOver(expired: ExpiredClaim): Promise<ClaimedInstallation[]> {
    const { tenant, id, expiresAt } = expired
    const holder = newHolder()
    const { rows } = await pool.query<InstallationRow>(
      `UPDATE ${tableOf(tenant)} SET claimed_by = $2, claim_expires_at = ${expiry} WHERE id = $1 AND ${unclaimed} RETURNING ${columns}`,
      [id, holder],
    )
    if (rows[0]) return [{ claim: { tenant, id, holder }, installation: toInstallation(rows[0]) }]
    // Nothing holds it: the row has gone. The time tells apart an entry that a new claim has renewed meanwhile.
    await pool.query(
      `DELETE FROM tenon.open_claims c
       WHERE c.organization_id = $1 AND c.installation_id = $2 AND c.expires_at = $3::timestamptz
         AND NOT EXISTS (SELECT FROM ${tableOf(tenant)} i WHERE i.id = $2 AND i.claimed_by IS NOT NULL)`,
      [tenant.organizationId, id, expiresAt],
    )
    return []
  }

  return {
    claimMs,
    async list(tenant) {
      const { rows } = await pool.query<InstallationRow>(
        `SELECT ${columns} FROM ${tableOf(tenant)} ORDER BY installed_at DESC, id DESC`,
      )
      return rows.map(toInstallation)
    },
    find: (tenant, id) => findWhere(pool, tenant, 'id = $1', id),
    findByKey: (tenant, pluginKey) => findWhere(pool, tenant, 'plugin_key = $1', pluginKey),

    async claimNew(tenant, { pluginKey, version, manifest, grants = null, source, attempt }) {
      return inClaim(tenant, async (client, holder) => {
        const { rows } = await client.query<InstallationRow>(
          `INSERT INTO ${tableOf(tenant)} AS i
             (plugin_key, status, installed_at, version, manifest, source, claimed_by, metadata, grants, claim_expires_at)
           VALUES ($1, 'installing', NULL, $2, $3, $4, $5, $6, $7, ${expiry})
           ON CONFLICT (plugin_key) DO UPDATE SET
             status = 'installing', version = $2, manifest = $3, source = $4, digest = NULL, error_message = NULL,
             claimed_by = $5, metadata = $6, grants = $7, claim_expires_at = ${expiry}, updated_at = now()
           WHERE i.status = 'failed' AND (i.claimed_by IS NULL OR i.claim_expires_at < now())
           RETURNING ${columns}`,
          [
            pluginKey,
            version,
            JSON.stringify(manifest),
            source,
            holder,
            JSON.stringify({ attempt }),
            grants && JSON.stringify(grants),
          ],
        )
        if (rows[0]) return toInstallation(rows[0])
        const existing = await findWhere(client, tenant, 'plugin_key = $1', pluginKey)
        const settled = existing?.status === Status.INSTALLED || existing?.status === Status.DISABLED
        if (settled) throw new TenonError('ALREADY_INSTALLED', { plugin: manifest.displayName })
        throw new TenonError('INSTALLATION_BUSY', {
          plugin: manifest.displayName,
          status: existing?.status ?? 'uninstalling',
        })
      })
    },

    async claim(tenant, id, from, to, note = {}) {
      return inClaim(tenant, async (client, holder) => {
        const { rows } = await client.query<InstallationRow>(
          `UPDATE ${tableOf(tenant)} SET status = coalesce($3::varchar, status), claimed_by = $4, claim_expires_at = ${expiry},
             metadata = CASE WHEN $5::jsonb = '{}' THEN metadata ELSE coalesce(metadata, '{}') || $5::jsonb END, updated_at = now()
           WHERE id = $1 AND status = ANY ($2) AND ${unclaimed} RETURNING ${columns}`,
          [id, from, to ?? null, holder, JSON.stringify(note)],
        )
        if (rows[0]) return toInstallation(rows[0])
        const existing = await findWhere(client, tenant, 'id = $1', id)
        if (!existing) throw new TenonError('INSTALLATION_NOT_FOUND', { id })
        const plugin = existing.manifest?.displayName ?? existing.pluginKey
        if (from.includes(existing.status))
          throw new TenonError('INSTALLATION_BUSY', { plugin, status: 'another change is under way' })
        if (isUnderWay(existing.status)) throw new TenonError('INSTALLATION_BUSY', { plugin, status: existing.status })
        throw new TenonError('STATUS_CHANGE_REFUSED', { from: existing.status, to: to ?? existing.status })
      })
    },

    async note({ tenant, id, holder }, note) {
      const { rowCount } = await pool.query(
        `UPDATE ${tableOf(tenant)} SET metadata = coalesce(metadata, '{}') || $3::jsonb WHERE id = $1 AND claimed_by = $2`,
        [id, holder, storableJson(note)],
      )
      if (rowCount !== 1) throw new TenonError('INTERRUPTED')
    },

    async renew({ tenant, id, holder }) {
      const { rowCount } = await pool.query(
        `WITH renewed AS (
           UPDATE ${tableOf(tenant)} SET claim_expires_at = ${expiry} WHERE id = $1 AND claimed_by = $2 RETURNING id)
         UPDATE tenon.open_claims SET expires_at = ${expiry}
         WHERE organization_id = $3 AND installation_id IN (SELECT id FROM renewed)`,
        [id, holder, tenant.organizationId],
      )
      return rowCount === 1
    },

    async settle(claim, result) {
      const { tenant, id, holder } = claim
      const row = await endClaim(claim, async (client) => {
        const { rows } = await client.query<InstallationRow>(
          `UPDATE ${tableOf(tenant)} SET
             status = $3::varchar, error_message = $4,
             configuration = coalesce($5::jsonb, configuration), metadata = coalesce($6::jsonb, metadata),
             digest = coalesce($7, digest), manifest = coalesce($8::jsonb, manifest),
             grants = coalesce($9::jsonb, grants), version = coalesce($10, version),
             installed_at = CASE WHEN $3::varchar = 'installed' THEN coalesce(installed_at, now()) ELSE installed_at END, claimed_by = NULL, claim_expires_at = NULL, updated_at = now()
           WHERE id = $1 AND claimed_by = $2 RETURNING ${columns}`,
          [
            id,
            holder,
            result.status,
            storableText(result.errorMessage ?? '') || null,
            result.configuration ? JSON.stringify(result.configuration) : null,
            result.metadata ? storableJson(result.metadata) : null,
            result.digest ?? null,
            result.manifest ? storableJson(result.manifest) : null,
            result.grants ? JSON.stringify(result.grants) : null,
            result.version ?? null,
          ],
        )
        if (rows[0] && result.status === Status.INSTALLED) await onInstalled(client, tenant, rows[0].plugin_key)
        return rows
      })
      return toInstallation(row)
    },

    async remove(claim, others = async () => undefined) {
      const { tenant, id, holder } = claim
      await endClaim(claim, async (client) => {
        const { rows } = await client.query<InstallationRow>(
          `DELETE FROM ${tableOf(tenant)} WHERE id = $1 AND claimed_by = $2 RETURNING ${columns}`,
          [id, holder],
        )
        if (rows[0]) await others(client)
        return rows
      })
    },

    async takeExpired(onProblem) {
      const { rows } = await pool.query<OpenClaimRow>(
        `UPDATE tenon.open_claims c SET expires_at = ${expiry} FROM tenon.tenants t
         WHERE t.organization_id = c.organization_id AND t.state <> 'removing' AND c.expires_at < now()
         RETURNING c.organization_id, c.installation_id, t.schema, c.expires_at::text`,
      )
      const taken = await Promise.all(
        rows.map(({ organization_id: organizationId, schema, installation_id: id, expires_at: expiresAt }) => {
          const tenant = { organizationId, schema }
          return takeOver({ tenant, id, expiresAt }).catch((problem: unknown) => {
            onProblem(tenant, problem)
            return []
          })
        }),
      )
      return taken.flat()
    },
  }
}

/** `database` is the client of the caller's transaction where there is one: a second connection could wait for the first. */
async function findWhere(
  database: Pick<Pool, 'query'>,
  tenant: TenantScope,
  condition: string,
  value: unknown,
): Promise<Installation | undefined> {
  const { rows } = await database.query<InstallationRow>(
    `SELECT ${columns} FROM ${tableOf(tenant)} WHERE ${condition}`,
    [value],
  )
  return rows[0] && toInstallation(rows[0])
}

const isUnderWay = (status: Status): boolean =>
  [Status.INSTALLING, Status.UPDATING, Status.UNINSTALLING].includes(status)

interface ExpiredClaim {
  tenant: TenantScope
  id: number
  /** To the microsecond, as the database writes it. */
  expiresAt: string
}

interface OpenClaimRow {
  organization_id: number
  installation_id: number
  schema: string
  expires_at: string
}

interface InstallationRow {
  id: number
  plugin_key: string
  status: Status
  installed_at: Date | null
  error_message: string | null
  configuration: Record<string, unknown> | null
  metadata: Record<string, unknown> | null
  version: string | null
  digest: string | null
  manifest: ConsentedManifest | null
  grants: string[] | null
  source: string | null
  created_at: Date
  updated_at: Date
}

function toInstallation(row: InstallationRow): Installation {
  return {
    id: row.id,
    pluginKey: row.plugin_key,
    status: row.status,
    installedAt: row.installed_at,
    errorMessage: row.error_message,
    configuration: row.configuration,
    metadata: row.metadata,
    version: row.version,
    digest: row.digest,
    manifest: row.manifest && grantedEntry(row.manifest, row.grants),
    asked: row.manifest,
    grants: row.grants,
    source: row.source,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  }
}

/** Always with its schema: a plugin can create tables of this name in no other place that the host would read. */
function tableOf({ schema }: TenantScope): string {
  return `"${schema.replaceAll('"', '""')}".plugin_installations`
}
