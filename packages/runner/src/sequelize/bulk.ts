import { copyRows, inOwnTransaction } from './copy.js'
import { type Column, textOf } from './column-text.js'
import type { Requests } from './requests.js'
import { ask } from './requests.js'
import type { WireResult } from './results.js'
import { Transaction } from './transaction.js'

export interface InsertOptions {
  /** Rows that meet a unique constraint are left out instead of failing the statement. */
  ignoreConflicts?: boolean
  transaction?: Transaction
}

export interface UpsertOptions {
  /** Columns of the unique constraint that decides whether a row is there already. */
  conflict: string[]
  /** Columns that an existing row gets; default: all but those of `conflict`. */
  update?: string[]
  /** Write also rows that would not change. Default false: an hourly sync then leaves no dead rows. */
  writeUnchanged?: boolean
  transaction?: Transaction
}

export interface PluginDatabase {
  /**
   * Inserts many rows, all or none, as a stream of COPY; with `ignoreConflicts`, and where Postgres has no COPY (views,
   * row-level security), 5,000 to a statement. The columns are those of all rows together; a row without one of them
   * gets NULL. Answers the number of rows that were inserted.
   */
  insertMany(table: string, rows: Record<string, unknown>[], options?: InsertOptions): Promise<number>
  /** Inserts or updates many rows, all or none. Answers the number of rows that were inserted or changed. */
  upsertMany(table: string, rows: Record<string, unknown>[], options: UpsertOptions): Promise<number>
}

const ROWS_PER_STATEMENT = 5_000

interface Table {
  columns: Map<string, Column>
  /** Postgres has no COPY into views, nor where row-level security holds. */
  takesCopy: boolean
}

/** Encoded rows as COPY, or rows as a few arrays: both are many times as fast as multi-row VALUES of Sequelize. */
export function createDatabase(requests: Requests): PluginDatabase {
  const known = new Map<string, Promise<Table>>()

  async function describe(table: string, transaction: string | undefined): Promise<Table> {
    const described = known.get(table) ?? readTable(requests, table, transaction)
    known.set(table, described)
    // A table that is made later has columns then.
    described.catch(() => known.delete(table))
    return described
  }

  async function write(
    table: string,
    rows: Record<string, unknown>[],
    /** What follows INSERT; undefined when rows are only added. */
    ending: ((columns: Column[]) => string) | undefined,
    outer: Transaction | undefined,
  ): Promise<number> {
    if (rows.length === 0) return 0
    const key = outer && Transaction.keyOf(outer)
    const { columns: all, takesCopy } = await describe(table, key)
    const columns = namesIn(rows).map(pick(table, all))
    if (ending === undefined && takesCopy) return copyRows(requests, table, columns, rows, outer)
    const insert = insertText(table, columns) + (ending?.(columns) ?? '')
    if (outer || rows.length <= ROWS_PER_STATEMENT) return writeBatches(insert, columns, rows, key)
    return inOwnTransaction(requests, (own) => writeBatches(insert, columns, rows, Transaction.keyOf(own)))
  }

  async function writeBatches(
    sql: string,
    columns: Column[],
    rows: Record<string, unknown>[],
    transaction: string | undefined,
  ): Promise<number> {
    let written = 0
    for (let start = 0; start < rows.length; start += ROWS_PER_STATEMENT) {
      const batch = rows.slice(start, start + ROWS_PER_STATEMENT)
      const bind = columns.map((column) => batch.map((row) => textOf(row[column.name], column)))
      const { results } = await ask<Results>(requests, 'db.query', { sql, bind, transaction }, sql)
      written += results[0]?.rowCount ?? 0
    }
    return written
  }

  return {
    insertMany: (table, rows, { ignoreConflicts = false, transaction } = {}) =>
      write(table, rows, ignoreConflicts ? () => ' ON CONFLICT DO NOTHING' : undefined, transaction),
    upsertMany: (table, rows, options) =>
      write(table, rows, (columns) => conflictText(table, columns, options), options.transaction),
  }
}

interface Results {
  results: WireResult[]
}

async function readTable(requests: Requests, table: string, transaction: string | undefined): Promise<Table> {
  const sql = `
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory = 'A',
      c.relkind IN ('r', 'p') AND NOT c.relrowsecurity
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`
  const params = { sql, bind: [quoteTable(table)], transaction }
  const { results } = await ask<Results>(requests, 'db.query', params, sql)
  const rows = results[0]?.rows ?? []
  if (rows.length === 0) throw new Error(`relation "${table}" does not exist`)
  const columns = rows.map(([name, type, isArray]): [string, Column] => [
    String(name),
    { name: String(name), type: String(type), isArray: isArray === true },
  ])
  return { columns: new Map(columns), takesCopy: rows[0]?.[3] === true }
}

function namesIn(rows: Record<string, unknown>[]): string[] {
  const names = new Set<string>()
  for (const row of rows) for (const name of Object.keys(row)) names.add(name)
  return [...names]
}

function pick(table: string, columns: Map<string, Column>) {
  return (name: string): Column => {
    const column = columns.get(name)
    if (!column) throw new Error(`column "${name}" of relation "${table}" does not exist`)
    return column
  }
}

/** Every column travels as text and is cast, because unnest would flatten arrays of arrays. */
function insertText(table: string, columns: Column[]): string {
  const names = columns.map((column) => quote(column.name))
  const casts = columns.map((column, i) => `u.c${i}::${column.type}`)
  const parameters = columns.map((_, i) => `$${i + 1}::text[]`)
  const aliases = columns.map((_, i) => `c${i}`)
  return (
    `INSERT INTO ${quoteTable(table)} AS t (${names.join(', ')}) ` +
    `SELECT ${casts.join(', ')} FROM unnest(${parameters.join(', ')}) AS u(${aliases.join(', ')})`
  )
}

function conflictText(_table: string, columns: Column[], { conflict, update, writeUnchanged }: UpsertOptions): string {
  const keys = conflict.map(quote).join(', ')
  const changed = (update ?? columns.map((column) => column.name).filter((name) => !conflict.includes(name))).map(quote)
  if (changed.length === 0) return ` ON CONFLICT (${keys}) DO NOTHING`
  const sets = changed.map((name) => `${name} = excluded.${name}`).join(', ')
  const old = changed.map((name) => `t.${name}`).join(', ')
  const fresh = changed.map((name) => `excluded.${name}`).join(', ')
  const condition = writeUnchanged ? '' : ` WHERE (${old}) IS DISTINCT FROM (${fresh})`
  return ` ON CONFLICT (${keys}) DO UPDATE SET ${sets}${condition}`
}

/** `name` or `schema.name`. */
function quoteTable(table: string): string {
  return table.split('.').map(quote).join('.')
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
