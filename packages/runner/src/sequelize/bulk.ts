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
   * Inserts many rows, 5,000 to a statement, all or none. The columns are those of all rows together; a row without one
   * of them gets NULL. Answers the number of rows that were inserted.
   */
  insertMany(table: string, rows: Record<string, unknown>[], options?: InsertOptions): Promise<number>
  /** Inserts or updates many rows, all or none. Answers the number of rows that were inserted or changed. */
  upsertMany(table: string, rows: Record<string, unknown>[], options: UpsertOptions): Promise<number>
}

const ROWS_PER_STATEMENT = 5_000

interface Column {
  name: string
  type: string
  isArray: boolean
}

/** Rows as a few arrays instead of many placeholders: about six times as fast as multi-row VALUES of Sequelize. */
export function createDatabase(requests: Requests): PluginDatabase {
  const known = new Map<string, Promise<Map<string, Column>>>()

  async function columnsOf(table: string, transaction: string | undefined): Promise<Map<string, Column>> {
    const columns = known.get(table) ?? readColumns(requests, table, transaction)
    known.set(table, columns)
    // A table that is made later has columns then.
    columns.catch(() => known.delete(table))
    return columns
  }

  async function write(
    table: string,
    rows: Record<string, unknown>[],
    ending: (columns: Column[]) => string,
    outer: Transaction | undefined,
  ): Promise<number> {
    if (rows.length === 0) return 0
    const key = outer && Transaction.keyOf(outer)
    const columns = namesIn(rows).map(pick(table, await columnsOf(table, key)))
    const insert = insertText(table, columns) + ending(columns)
    if (outer || rows.length <= ROWS_PER_STATEMENT) return writeBatches(insert, columns, rows, key)
    const own = await Transaction.begin(requests)
    try {
      const written = await writeBatches(insert, columns, rows, Transaction.keyOf(own))
      await own.commit()
      return written
    } catch (error) {
      if (!own.finished) await own.rollback().catch(() => {})
      throw error
    }
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
      write(table, rows, () => (ignoreConflicts ? ' ON CONFLICT DO NOTHING' : ''), transaction),
    upsertMany: (table, rows, options) =>
      write(table, rows, (columns) => conflictText(table, columns, options), options.transaction),
  }
}

interface Results {
  results: WireResult[]
}

async function readColumns(requests: Requests, table: string, transaction: string | undefined) {
  const sql = `
    SELECT a.attname, format_type(a.atttypid, a.atttypmod), t.typcategory = 'A'
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`
  const params = { sql, bind: [quoteTable(table)], transaction }
  const { results } = await ask<Results>(requests, 'db.query', params, sql)
  const rows = results[0]?.rows ?? []
  if (rows.length === 0) throw new Error(`relation "${table}" does not exist`)
  return new Map(
    rows.map(([name, type, isArray]) => [
      String(name),
      { name: String(name), type: String(type), isArray: isArray === true },
    ]),
  )
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

function textOf(value: unknown, column: Column): string | null {
  if (value === undefined || value === null) return null
  if (Array.isArray(value) && column.isArray) return arrayText(value)
  if (value instanceof Date) return value.toISOString()
  if (ArrayBuffer.isView(value))
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
  if (column.type === 'json' || column.type === 'jsonb')
    return typeof value === 'string' ? value : JSON.stringify(value)
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function arrayText(values: unknown[]): string {
  const items = values.map((value) => {
    if (value === undefined || value === null) return 'NULL'
    if (Array.isArray(value)) return arrayText(value)
    const text = textOf(value, { name: '', type: '', isArray: false }) ?? ''
    return `"${text.replace(/(["\\])/g, '\\$1')}"`
  })
  return `{${items.join(',')}}`
}

/** `name` or `schema.name`. */
function quoteTable(table: string): string {
  return table.split('.').map(quote).join('.')
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
