import { NotFoundException, TenonError } from '@tenon/contract'
import pg, { type Pool } from 'pg'
import type { Queryable } from '../database/transaction.js'
import type { ListQuery } from '../http/fields.js'

export interface RegisterDefinition {
  table: string
  /** What one row is called, for "Risk not found". */
  noun: string
  /** Columns that answers carry, each as its SQL; most are just their name. */
  columns: Record<string, string>
  searched: readonly string[]
  /** Which rows exist as far as people are concerned. */
  visible?: string
  /** Columns that name a user, who must be of the same organization. */
  userColumns?: readonly string[]
  /** What every change sets, such as `updated_at = now()`: times are always those of the database. */
  changeStamp: string
  /** What marks a row as deleted. Absent: rows cannot be deleted here. */
  deletion?: string
}

type Values = Record<string, unknown>

/** One table in the schema of each tenant. Which tenant is always the caller's own. */
export interface RegisterStore<Row> {
  list(tenantId: string, query: ListQuery): Promise<{ items: Row[]; total: number }>
  /** @throws NotFoundException */
  find(tenantId: string, id: number): Promise<Row>
  insert(tenantId: string, organizationId: number, values: Values): Promise<Row>
  /** @throws NotFoundException */
  update(tenantId: string, organizationId: number, id: number, values: Values): Promise<Row>
  /** @throws NotFoundException */
  remove(tenantId: string, id: number): Promise<void>
}

/** `Row` is what the definition's columns make, as the driver gives it. */
export function createRegisterStore<Row extends object>(
  pool: Pool,
  definition: RegisterDefinition,
): RegisterStore<Row> {
  const { table, noun, columns, searched, visible = 'true', userColumns = [], changeStamp, deletion } = definition
  const selected = Object.entries(columns)
    .map(([name, sql]) => `${sql} AS ${quote(name)}`)
    .join(', ')
  const haystack = searched.map((column) => `coalesce(${column}, '')`).join(` || ' ' || `)
  const tableOf = (tenantId: string) => `${quote(tenantId)}.${table}`
  const missing = (id: number) => new NotFoundException(`${noun} not found`, noun.toLowerCase(), id)

  return {
    async list(tenantId, { page, pageSize, sort, q }) {
      const from = `FROM ${tableOf(tenantId)} WHERE ${visible} AND strpos(lower(${haystack}), lower($1)) > 0`
      const direction = sort.startsWith('-') ? 'DESC' : 'ASC'
      const [{ rows }, counted] = await Promise.all([
        pool.query<Row>(
          `SELECT ${selected} ${from} ORDER BY ${quote(sort.replace('-', ''))} ${direction} NULLS LAST, id ${direction}
           LIMIT $2 OFFSET $3`,
          [q, pageSize, (page - 1) * pageSize],
        ),
        pool.query<{ total: string }>(`SELECT count(*) AS total ${from}`, [q]),
      ])
      return { items: rows, total: Number(counted.rows[0]?.total ?? 0) }
    },

    async find(tenantId, id) {
      const { rows } = await pool.query<Row>(
        `SELECT ${selected} FROM ${tableOf(tenantId)} WHERE id = $1 AND ${visible}`,
        [id],
      )
      if (!rows[0]) throw missing(id)
      return rows[0]
    },

    async insert(tenantId, organizationId, values) {
      await assertColleagues(pool, organizationId, values, userColumns)
      const names = Object.keys(values)
      const { rows } = await pool.query<Row>(
        `INSERT INTO ${tableOf(tenantId)} (${names.map(quote).join(', ')})
         VALUES (${names.map((_, index) => `$${index + 1}`).join(', ')}) RETURNING ${selected}`,
        names.map((name) => values[name]),
      )
      if (!rows[0]) throw new Error(`an inserted row of ${table} was not returned`)
      return rows[0]
    },

    async update(tenantId, organizationId, id, values) {
      await assertColleagues(pool, organizationId, values, userColumns)
      const names = Object.keys(values)
      const { rows } = await pool.query<Row>(
        `UPDATE ${tableOf(tenantId)} SET ${[...names.map((name, index) => `${quote(name)} = $${index + 2}`), changeStamp].join(', ')}
         WHERE id = $1 AND ${visible} RETURNING ${selected}`,
        [id, ...names.map((name) => values[name])],
      )
      if (!rows[0]) throw missing(id)
      return rows[0]
    },

    async remove(tenantId, id) {
      if (!deletion) throw new Error(`rows of ${table} cannot be deleted`)
      const { rowCount } = await pool.query(
        `UPDATE ${tableOf(tenantId)} SET ${deletion}, ${changeStamp} WHERE id = $1 AND ${visible}`,
        [id],
      )
      if (rowCount === 0) throw missing(id)
    },
  }
}

/** The same sentence whether a user is of another organization or does not exist, so that ids tell nothing. */
async function assertColleagues(
  database: Queryable,
  organizationId: number,
  values: Values,
  userColumns: readonly string[],
): Promise<void> {
  for (const column of userColumns) {
    const id = values[column]
    if (id === undefined || id === null) continue
    const { rowCount } = await database.query('SELECT FROM public.users WHERE id = $1 AND organization_id = $2', [
      id,
      organizationId,
    ])
    if (rowCount === 0) {
      const message = `${column}: user ${String(id)} is not a member of this organization`
      throw new TenonError('VALIDATION_FAILED', { message, problems: [{ field: column, message }] })
    }
  }
}

function quote(name: string): string {
  return pg.escapeIdentifier(name)
}
