import type { ClientBase, Pool } from 'pg'
import { storableText } from '../migrations/sql-text.js'
import { writeForInstalled } from './installed.js'
import { keyOf, type RecordOwner, type RecordSource, sourceKeyOf } from './log-buffer.js'
import type { RecordLimits } from './record-limits.js'

/** How often a plugin used one of its permissions, and when last. */
export interface PermissionUse {
  permission: string
  uses: number
  lastUsedAt: string | null
  refusals: number
  lastRefusedAt: string | null
}

interface Attempt {
  /** Whether the manifest asks for it; of other names, which a plugin can make up, only so many are kept. */
  isAsked: boolean
}

export interface PermissionCounts {
  use(source: RecordSource, permission: string, attempt: Attempt): void
  refusal(source: RecordSource, permission: string, attempt: Attempt): void
  /** Adds what was counted to what the database has. Never throws: what cannot be written is lost. */
  write(): Promise<void>
  of(owner: RecordOwner): Promise<PermissionUse[]>
  /** Removes what was only ever refused, and not for a month. */
  tidy(): Promise<void>
}

interface PermissionCountsOptions {
  pool: Pool
  limits: Pick<RecordLimits, 'maxCountedPermissions'>
  onFailure: (error: unknown) => void
}

interface Counted extends RecordSource, Attempt {
  permission: string
  uses: number
  refusals: number
  usedAt: Date | null
  refusedAt: Date | null
}

/** What stands for all made-up names beyond the limit. */
const others = 'others'
/** Four bytes each at most: it is part of a key, which must fit into a page of an index. */
const maxNameLength = 300
const keptRefusalDays = 30

export function createPermissionCounts({ pool, limits, onFailure }: PermissionCountsOptions): PermissionCounts {
  let counted = new Map<string, Counted>()
  let madeUp = new Map<string, number>()

  function rowOf(
    { organizationId, pluginKey, installationId }: RecordSource,
    name: string,
    { isAsked }: Attempt,
  ): Counted {
    const source = { organizationId, pluginKey, installationId }
    const sourceKey = sourceKeyOf(source)
    const permission = storableText(name.slice(0, maxNameLength))
    const key = `${sourceKey} ${permission}`
    const known = counted.get(key)
    if (known) return known
    if (!isAsked && permission !== others) {
      const different = madeUp.get(sourceKey) ?? 0
      if (different >= limits.maxCountedPermissions) return rowOf(source, others, { isAsked })
      madeUp.set(sourceKey, different + 1)
    }
    const nothing = { uses: 0, refusals: 0, usedAt: null, refusedAt: null }
    const fresh: Counted = { ...source, permission, isAsked, ...nothing }
    counted.set(key, fresh)
    return fresh
  }

  async function keep(batch: readonly Counted[]): Promise<void> {
    await writeForInstalled(
      pool,
      batch,
      async (client, rows) => add(client, await withOthers(client, rows, limits.maxCountedPermissions)),
      (_rows, reason) => onFailure(reason),
    )
  }

  return {
    use(source, permission, attempt) {
      const row = rowOf(source, permission, attempt)
      row.uses += 1
      row.usedAt = new Date()
    },
    refusal(source, permission, attempt) {
      const row = rowOf(source, permission, attempt)
      row.refusals += 1
      row.refusedAt = new Date()
    },

    async write() {
      const batch = [...counted.values()]
      counted = new Map()
      madeUp = new Map()
      if (batch.length === 0) return
      try {
        await keep(batch)
      } catch (error) {
        onFailure(error)
        // Each plugin for itself, so that what is wrong with one costs no other its counts.
        const owners = new Set(batch.map(keyOf))
        if (owners.size < 2) return
        for (const owner of owners) {
          const own = batch.filter((row) => keyOf(row) === owner)
          await keep(own).catch(onFailure)
        }
      }
    },

    async of({ organizationId, pluginKey }) {
      const { rows } = await pool.query<PermissionRow>(
        `SELECT permission, uses, last_used_at, refusals, last_refused_at FROM tenon.permission_uses
         WHERE organization_id = $1 AND plugin_key = $2 ORDER BY permission`,
        [organizationId, pluginKey],
      )
      return rows.map((row) => ({
        permission: row.permission,
        uses: Number(row.uses),
        lastUsedAt: row.last_used_at?.toISOString() ?? null,
        refusals: Number(row.refusals),
        lastRefusedAt: row.last_refused_at?.toISOString() ?? null,
      }))
    },

    async tidy() {
      await pool
        .query(`DELETE FROM tenon.permission_uses WHERE uses = 0 AND last_refused_at < now() - $1 * interval '1 day'`, [
          keptRefusalDays,
        ])
        .catch(onFailure)
    },
  }
}

interface PermissionRow {
  permission: string
  uses: string
  last_used_at: Date | null
  refusals: string
  last_refused_at: Date | null
}

/** The same counts, with made-up names that a plugin has no row for, and gets none any more, under one name. */
async function withOthers(client: ClientBase, batch: readonly Counted[], most: number): Promise<Counted[]> {
  const owners = [...new Map(batch.filter(({ isAsked }) => !isAsked).map((row) => [keyOf(row), row])).values()]
  if (owners.length === 0) return [...batch]
  const { rows } = await client.query<{ organization_id: number; plugin_key: string; names: string[] }>(
    `SELECT organization_id, plugin_key, array_agg(permission) AS names FROM tenon.permission_uses
     WHERE (organization_id, plugin_key) IN (SELECT * FROM unnest($1::integer[], $2::text[])) GROUP BY 1, 2`,
    [owners.map(({ organizationId }) => organizationId), owners.map(({ pluginKey }) => pluginKey)],
  )
  const known = new Map(
    rows.map((row) => [keyOf({ organizationId: row.organization_id, pluginKey: row.plugin_key }), new Set(row.names)]),
  )
  const bounded = new Map<string, Counted>()
  for (const row of batch) {
    const names = known.get(keyOf(row)) ?? new Set()
    known.set(keyOf(row), names)
    const isKept = row.isAsked || names.has(row.permission) || names.size < most
    const permission = isKept ? row.permission : others
    if (isKept && !row.isAsked) names.add(permission)
    const key = `${keyOf(row)} ${permission}`
    const same = bounded.get(key)
    bounded.set(key, same ? sumOf(same, row) : { ...row, permission })
  }
  return [...bounded.values()]
}

const later = (a: Date | null, b: Date | null): Date | null => (a && b ? (a > b ? a : b) : (a ?? b))

const sumOf = (a: Counted, b: Counted): Counted => ({
  ...a,
  uses: a.uses + b.uses,
  refusals: a.refusals + b.refusals,
  usedAt: later(a.usedAt, b.usedAt),
  refusedAt: later(a.refusedAt, b.refusedAt),
})

async function add(client: ClientBase, counted: readonly Counted[]): Promise<void> {
  const rows = inOrder(counted, ({ permission }) => permission)
  await client.query(
    `INSERT INTO tenon.permission_uses AS p
       (organization_id, plugin_key, permission, uses, last_used_at, refusals, last_refused_at)
     SELECT n.* FROM unnest($1::integer[], $2::text[], $3::text[], $4::bigint[], $5::timestamptz[], $6::bigint[], $7::timestamptz[])
       AS n (organization_id, plugin_key, permission, uses, last_used_at, refusals, last_refused_at)
     ON CONFLICT (organization_id, plugin_key, permission) DO UPDATE SET
       uses = p.uses + excluded.uses, refusals = p.refusals + excluded.refusals,
       last_used_at = greatest(p.last_used_at, excluded.last_used_at),
       last_refused_at = greatest(p.last_refused_at, excluded.last_refused_at)`,
    [
      rows.map(({ organizationId }) => organizationId),
      rows.map(({ pluginKey }) => pluginKey),
      rows.map(({ permission }) => permission),
      rows.map(({ uses }) => uses),
      rows.map(({ usedAt }) => usedAt),
      rows.map(({ refusals }) => refusals),
      rows.map(({ refusedAt }) => refusedAt),
    ],
  )
}

/** Always in the same order, so that two replicas that count the same do not wait for each other in a circle. */
export const inOrder = <Row extends RecordOwner>(rows: readonly Row[], rest: (row: Row) => string): Row[] =>
  rows.toSorted((a, b) => {
    const [one, other] = [`${keyOf(a)} ${rest(a)}`, `${keyOf(b)} ${rest(b)}`]
    return one < other ? -1 : one > other ? 1 : 0
  })
