import { readerOf, type WireField } from './values.js'

/** One statement's answer as it crossed the wire: rows as arrays, in the order of the fields. */
export interface WireResult {
  command: string
  rowCount: number | null
  fields: WireField[]
  rows: unknown[][]
}

export type Row = Record<string, unknown>

/** What pg's Result has and plugins read. */
export interface QueryResult {
  command: string
  rowCount: number | null
  oid: null
  rows: Row[]
  fields: { name: string; dataTypeID: number }[]
}

interface ShapeOptions {
  type: string
  plain: boolean
  nest: boolean
}

/** The value that `sequelize.query` gives for these results: it depends on the type and on how the text starts. */
export function shapeResults(wire: WireResult[], sql: string, { type, plain, nest }: ShapeOptions): unknown {
  const results = wire.map(toQueryResult)
  const [only] = results
  const rows = results.length === 1 && only ? only.rows : results.flatMap((result) => result.rows)
  const rowCount = results.reduce((sum, result) => sum + (result.rowCount ?? 0), 0)
  const start = sql.slice(0, 11).toLowerCase()

  if (type === 'SELECT') {
    const selected = nest ? rows.map(nested) : rows
    return plain ? (selected[0] ?? null) : selected
  }
  if (start.startsWith('show') || start.startsWith('describe')) return rows
  if (type === 'BULKUPDATE' || type === 'BULKDELETE') return rowCount
  if (type === 'UPSERT') return [undefined, null]
  if (type === 'INSERT' || type === 'UPDATE' || start === 'insert into') return [rows, rowCount]
  if (type === 'RAW') return [rows, results.length === 1 ? only : results]
  return rows
}

function readColumns(fields: WireField[], rows: unknown[][]): void {
  fields.forEach((field, column) => {
    const read = readerOf(field)
    if (!read) return
    for (const row of rows) if (typeof row[column] === 'string') row[column] = read(row[column])
  })
}

function toQueryResult({ command, rowCount, fields, rows }: WireResult): QueryResult {
  readColumns(fields, rows)
  return {
    command,
    rowCount,
    oid: null,
    rows: rows.map((values) => rowOf(fields, values)),
    fields: fields.map(({ name, type }) => ({ name, dataTypeID: type })),
  }
}

function rowOf(fields: WireResult['fields'], values: unknown[]): Row {
  const row: Row = {}
  for (let i = 0; i < fields.length; i++) {
    const name = fields[i]?.name ?? ''
    // A column may be called __proto__; assigning it would change the object's prototype instead.
    if (name === '__proto__') Object.defineProperty(row, name, { value: values[i], enumerable: true })
    else row[name] = values[i]
  }
  return row
}

const dangerous = new Set(['__proto__', 'constructor', 'prototype'])

/** `{ 'a.b': 1 }` → `{ a: { b: 1 } }` */
function nested(row: Row): Row {
  const result: Row = {}
  for (const [key, value] of Object.entries(row)) {
    const path = key.split('.')
    if (path.length > 1 && path.some((piece) => dangerous.has(piece))) break
    setDeep(result, path, value)
  }
  return result
}

function setDeep(target: Row, path: string[], value: unknown): void {
  const [piece = '', ...rest] = path
  if (rest.length === 0) {
    target[piece] = value
    return
  }
  if (!Object.hasOwn(target, piece)) target[piece] = {}
  const inner = target[piece]
  if (typeof inner === 'object' && inner !== null) setDeep(inner as Row, rest, value)
}
