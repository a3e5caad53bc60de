import type { Replacement, Sequelize } from '@tenon/sdk'
import { recordsTable } from './model-records'
import { readSyncState } from './sync-state'

/** What {@link listModels} accepts from a query string. */
type ListQuery = Record<string, unknown>

export interface ModelList {
  /** False until somebody has entered a server. */
  configured: boolean
  models: Record<string, unknown>[]
  total: number
  summary?: ModelSummary
  connected?: boolean
  /** Why the last synchronisation failed. */
  error?: string
  lastSyncedAt: string | null
}

/** Figures over everything that is not removed. */
export interface ModelSummary {
  models: number
  versions: number
  experiments: number
  production: number
  staging: number
}

const TEXT_COLUMNS = [
  'model_name',
  'version',
  'lifecycle_stage',
  'run_id',
  'description',
  'source',
  'status',
  'experiment_id',
  'experiment_name',
  'artifact_location',
  'training_status',
  'source_version',
]
const MOMENT_COLUMNS = [
  'training_started_at',
  'training_ended_at',
  'model_created_at',
  'model_updated_at',
  'last_synced_at',
  'removed_at',
]
const MAX_PAGE_SIZE = 1000
const MAX_CHARTED = 200
const VERSION_AS_NUMBER = "NULLIF(regexp_replace(version, '[^0-9].*', ''), '')::numeric"

/**
 * One page of the table. Without `page` and `pageSize` the first 1,000. `sort` is a column, with `-` in front for
 * descending; `filter.<column>` finds texts that contain the value, `group.<column>` those that are the value; removed
 * models only with `filter.removed=true`.
 */
export async function listModels(
  sequelize: Sequelize,
  tenantId: string,
  configured: boolean,
  query: ListQuery = {},
): Promise<ModelList> {
  const table = recordsTable(tenantId)
  const { where, replacements } = conditionsOf(query)
  const { limit, offset } = pageOf(query)
  const models = await sequelize.query(
    `SELECT * FROM ${table} WHERE ${where} ORDER BY ${orderOf(query.sort)} LIMIT :limit OFFSET :offset`,
    { replacements: { ...replacements, limit, offset }, type: 'SELECT' },
  )
  const total = await countOf(sequelize, table, where, replacements)
  const state = await readSyncState(sequelize, tenantId)
  return {
    configured,
    models,
    total,
    summary: await summaryOf(sequelize, table),
    ...(state.connected === null ? {} : { connected: state.connected }),
    ...(state.error === null ? {} : { error: state.error }),
    lastSyncedAt: state.lastSuccessAt?.toISOString() ?? null,
  }
}

/** One record, removed or not; undefined when there is none. */
export async function findModel(
  sequelize: Sequelize,
  tenantId: string,
  id: string,
): Promise<Record<string, unknown> | undefined> {
  if (!/^\d{1,9}$/.test(id)) return undefined
  const rows = await sequelize.query(`SELECT * FROM ${recordsTable(tenantId)} WHERE id = :id`, {
    replacements: { id: Number(id) },
    type: 'SELECT',
  })
  return rows[0]
}

export interface ModelGroups {
  groups: { value: string | null; count: number }[]
  total: number
}

/**
 * One page of the values that the column `by` has, each with the number of its records; those without one come last.
 * Filters are those of {@link listModels}. Undefined when there is no such column.
 */
export async function listGroups(
  sequelize: Sequelize,
  tenantId: string,
  query: ListQuery,
): Promise<ModelGroups | undefined> {
  const by = TEXT_COLUMNS.find((column) => column === query.by)
  if (by === undefined) return undefined
  const { where, replacements } = conditionsOf(query)
  const { limit, offset } = pageOf(query)
  const groups = `SELECT NULLIF(${by}, '') AS value, count(*)::integer AS count
    FROM ${recordsTable(tenantId)} WHERE ${where} GROUP BY 1`
  const rows = await sequelize.query<ModelGroups['groups'][number]>(
    `${groups} ORDER BY 1 NULLS LAST LIMIT :limit OFFSET :offset`,
    { replacements: { ...replacements, limit, offset }, type: 'SELECT' },
  )
  return { groups: rows, total: await countOf(sequelize, `(${groups}) AS found`, 'true', replacements) }
}

/** The newest versions of the model that a record is a version of, in their order; undefined when there is no record. */
export async function listVersions(
  sequelize: Sequelize,
  tenantId: string,
  id: string,
): Promise<Record<string, unknown>[] | undefined> {
  const record = await findModel(sequelize, tenantId, id)
  if (!record) return undefined
  const versions = await sequelize.query(
    `SELECT version, lifecycle_stage, metrics, model_created_at FROM ${recordsTable(tenantId)}
     WHERE model_name = :name AND removed_at IS NULL
     ORDER BY model_created_at DESC NULLS LAST, ${VERSION_AS_NUMBER} DESC NULLS LAST, id DESC LIMIT ${MAX_CHARTED}`,
    { replacements: { name: String(record.model_name) }, type: 'SELECT' },
  )
  return versions.reverse()
}

function conditionsOf(query: ListQuery): { where: string; replacements: Record<string, Replacement> } {
  const filters = namedIn(query, 'filter')
  const removed = filters.get('removed') === 'true'
  const conditions = [`removed_at IS ${removed ? 'NOT ' : ''}NULL`]
  const replacements: Record<string, Replacement> = {}
  for (const [column, value] of filters) {
    if (!TEXT_COLUMNS.includes(column) || value === '') continue
    conditions.push(`${column} ILIKE :${column}`)
    replacements[column] = `%${value.replace(/[\\%_]/g, '\\$&')}%`
  }
  for (const [column, value] of namedIn(query, 'group')) {
    if (!TEXT_COLUMNS.includes(column)) continue
    conditions.push(`coalesce(${column}, '') = :group_${column}`)
    replacements[`group_${column}`] = value
  }
  return { where: conditions.join(' AND '), replacements }
}

/** From `filter.name=x`, and from `filter[name]=x` where the parser made an object of it. */
function namedIn(query: ListQuery, kind: 'filter' | 'group'): Map<string, string> {
  const given = query[kind]
  const nested = typeof given === 'object' && given !== null ? Object.entries(given) : []
  const flat = Object.entries(query).filter(([name]) => name.startsWith(`${kind}.`))
  const entries = [...nested, ...flat.map(([name, value]): [string, unknown] => [name.slice(kind.length + 1), value])]
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

function orderOf(sort: unknown): string {
  const [, minus, column = ''] = /^(-?)([a-z_]+)$/.exec(typeof sort === 'string' ? sort : '') ?? []
  const direction = minus === '-' ? 'DESC NULLS LAST' : 'ASC NULLS LAST'
  if (column === 'version') return `${VERSION_AS_NUMBER} ${direction}, version ${direction}, id`
  if (TEXT_COLUMNS.includes(column) || MOMENT_COLUMNS.includes(column)) return `${column} ${direction}, id`
  return `model_name, ${VERSION_AS_NUMBER} DESC NULLS LAST, id`
}

function pageOf(query: ListQuery): { limit: number; offset: number } {
  const limit = within(query.pageSize, 1, MAX_PAGE_SIZE, query.page === undefined ? MAX_PAGE_SIZE : 25)
  return { limit, offset: (within(query.page, 1, 1_000_000, 1) - 1) * limit }
}

function within(value: unknown, least: number, most: number, otherwise: number): number {
  const number = Math.trunc(Number(value ?? NaN))
  return Number.isFinite(number) ? Math.min(Math.max(number, least), most) : otherwise
}

async function countOf(
  sequelize: Sequelize,
  table: string,
  where: string,
  replacements: Record<string, Replacement>,
): Promise<number> {
  const rows = await sequelize.query<{ count: string }>(`SELECT count(*) AS count FROM ${table} WHERE ${where}`, {
    replacements,
    type: 'SELECT',
  })
  return Number(rows[0]?.count ?? 0)
}

async function summaryOf(sequelize: Sequelize, table: string): Promise<ModelSummary> {
  const rows = await sequelize.query<Record<keyof ModelSummary, string>>(
    `SELECT count(DISTINCT model_name) AS models, count(*) AS versions, count(DISTINCT experiment_id) AS experiments,
       count(*) FILTER (WHERE lower(lifecycle_stage) = 'production') AS production,
       count(*) FILTER (WHERE lower(lifecycle_stage) = 'staging') AS staging
     FROM ${table} WHERE removed_at IS NULL`,
    { type: 'SELECT' },
  )
  const [figures] = rows
  return {
    models: Number(figures?.models ?? 0),
    versions: Number(figures?.versions ?? 0),
    experiments: Number(figures?.experiments ?? 0),
    production: Number(figures?.production ?? 0),
    staging: Number(figures?.staging ?? 0),
  }
}
