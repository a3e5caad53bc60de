import type { Sequelize } from '@tenon/sdk'
import { tableOf } from './records'

const COLUMNS = ['external_id', 'name', 'updated_at']
const MAX_PAGE_SIZE = 1_000

/** One page: `page`, `pageSize`, `sort` (a column, with `-` in front for descending), `filter.name`. */
export async function listRecords(sequelize: Sequelize, tenantId: string, query: Record<string, unknown>) {
  const pageSize = within(query.pageSize, 1, MAX_PAGE_SIZE, 25)
  const offset = (within(query.page, 1, 1_000_000, 1) - 1) * pageSize
  const name = typeof query['filter.name'] === 'string' ? query['filter.name'] : ''
  const replacements = { pattern: `%${name.replace(/[\\%_]/g, '\\$&')}%` }
  const from = `FROM ${tableOf(tenantId)} WHERE name ILIKE :pattern`
  const records = await sequelize.query(
    `SELECT * ${from} ORDER BY ${orderOf(query.sort)} LIMIT ${pageSize} OFFSET ${offset}`,
    {
      replacements,
      type: 'SELECT',
    },
  )
  const counted = await sequelize.query<{ total: string }>(`SELECT count(*) AS total ${from}`, {
    replacements,
    type: 'SELECT',
  })
  return { records, total: Number(counted[0]?.total ?? 0) }
}

function orderOf(sort: unknown): string {
  const [, minus, column = ''] = /^(-?)([a-z_]+)$/.exec(typeof sort === 'string' ? sort : '') ?? []
  return COLUMNS.includes(column) ? `${column} ${minus === '-' ? 'DESC' : 'ASC'}, id` : 'name, id'
}

function within(value: unknown, least: number, most: number, otherwise: number): number {
  const number = Math.trunc(Number(value ?? Number.NaN))
  return Number.isFinite(number) ? Math.min(Math.max(number, least), most) : otherwise
}
