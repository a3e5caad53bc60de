import type { Queryable } from '../database/transaction.js'
import type { SequenceState } from './backup-manifest.js'
import { qualified } from './copy-file.js'

export interface TableFacts {
  schema: string
  name: string
  /** Columns that have values of their own: generated ones are made again. */
  columns: string[]
}

/** Ordinary tables of one owner in these schemas, in the order in which they were made. */
export async function tablesOf(database: Queryable, schemas: readonly string[], owner: string): Promise<TableFacts[]> {
  const { rows } = await database.query<TableFacts>(
    `SELECT n.nspname AS schema, c.relname AS name,
       array(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0
         AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum) AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY ($1) AND c.relkind = 'r' AND NOT c.relispartition AND pg_get_userbyid(c.relowner) = $2
       AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
     ORDER BY c.oid`,
    [schemas, owner],
  )
  return rows
}

/** Where the sequences of one owner stand. */
export async function sequencesOf(
  database: Queryable,
  schemas: readonly string[],
  owner: string,
): Promise<SequenceState[]> {
  const { rows } = await database.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = ANY ($1) AND c.relkind = 'S' AND pg_get_userbyid(c.relowner) = $2 ORDER BY c.oid`,
    [schemas, owner],
  )
  const states: SequenceState[] = []
  for (const sequence of rows) {
    const { rows: found } = await database.query<{ lastValue: string; isCalled: boolean }>(
      `SELECT last_value::text AS "lastValue", is_called AS "isCalled" FROM ${qualified(sequence)}`,
    )
    if (found[0]) states.push({ ...sequence, ...found[0] })
  }
  return states
}

export async function restoreSequences(database: Queryable, sequences: readonly SequenceState[]): Promise<void> {
  for (const sequence of sequences) {
    await database.query('SELECT pg_catalog.setval($1::regclass, $2, $3)', [
      qualified(sequence),
      sequence.lastValue,
      sequence.isCalled,
    ])
  }
}

/** Tables so that each comes after those it refers to. */
export async function inReferenceOrder<Table extends { schema: string; name: string }>(
  database: Queryable,
  tables: readonly Table[],
): Promise<Table[]> {
  const { rows } = await database.query<{ from: string; to: string }>(
    `SELECT DISTINCT conrelid::regclass::text AS "from", confrelid::regclass::text AS "to"
     FROM (SELECT conrelid, confrelid FROM pg_constraint WHERE contype = 'f' AND conrelid <> confrelid) references_`,
  )
  const names = new Map<string, Table>()
  for (const table of tables) {
    const { rows: found } = await database.query<{ name: string | null }>('SELECT to_regclass($1)::text AS name', [
      qualified(table),
    ])
    names.set(found[0]?.name ?? qualified(table), table)
  }
  const ordered = new Set<Table>()
  const visit = (name: string, path: readonly string[]): void => {
    const table = names.get(name)
    if (!table || ordered.has(table) || path.includes(name)) return
    for (const reference of rows) if (reference.from === name) visit(reference.to, [...path, name])
    ordered.add(table)
  }
  for (const name of names.keys()) visit(name, [])
  return [...ordered]
}
