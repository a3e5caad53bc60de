import pg from 'pg'
import type { Queryable } from '../database/transaction.js'
import type { PluginRoleBackup } from './backup-manifest.js'
import { qualified } from './copy-file.js'

interface Scope {
  schema: string
  role: string
}

/**
 * How to make again what a plugin made: types, sequences, tables, constraints and indexes, which is all that plugins may
 * make. Nothing of a plugin is executed for this; the definitions are read from the catalogs.
 */
export async function pluginDefinitions(database: Queryable, scope: Scope): Promise<PluginRoleBackup['definitions']> {
  const constraints = await constraintsOf(database, scope)
  const add = (kinds: string) =>
    constraints.filter(({ kind }) => kinds.includes(kind)).map(({ statement }) => statement)
  return {
    before: [
      ...(await typesOf(database, scope)),
      ...(await sequencesOf(database, scope)),
      ...(await tablesOf(database, scope)),
    ],
    after: [...add('puxc'), ...(await indexesOf(database, scope)), ...(await sequenceOwnersOf(database, scope))],
    references: add('f'),
  }
}

/** Names of what is of a kind that {@link pluginDefinitions} passes over. */
export async function undefinable(database: Queryable, { schema, role }: Scope): Promise<string[]> {
  const { rows } = await database.query<{ name: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND pg_get_userbyid(c.relowner) = $2
       AND (c.relkind IN ('v', 'm', 'f', 'p') OR c.relispartition OR EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND c.relkind = 'r'))
     UNION ALL
     SELECT format('%I.%I', n.nspname, t.typname)
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE n.nspname = $1 AND pg_get_userbyid(t.typowner) = $2 AND t.typtype IN ('d', 'r')`,
    [schema, role],
  )
  return rows.map((row) => row.name)
}

async function statements(database: Queryable, sql: string, { schema, role }: Scope): Promise<string[]> {
  const { rows } = await database.query<{ statement: string }>(sql, [schema, role])
  return rows.map((row) => row.statement)
}

async function typesOf(database: Queryable, scope: Scope): Promise<string[]> {
  const enums = await statements(
    database,
    `SELECT format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname,
       (SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = t.oid)) AS statement
     FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
     WHERE n.nspname = $1 AND pg_get_userbyid(t.typowner) = $2 AND t.typtype = 'e' ORDER BY t.oid`,
    scope,
  )
  const composites = await statements(
    database,
    `SELECT format('CREATE TYPE %I.%I AS (%s)', n.nspname, c.relname,
       (SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' ORDER BY a.attnum)
        FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)) AS statement
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND pg_get_userbyid(c.relowner) = $2 AND c.relkind = 'c' ORDER BY c.oid`,
    scope,
  )
  return [...enums, ...composites]
}

/** Those of identity columns come with their table. */
function sequencesOf(database: Queryable, scope: Scope): Promise<string[]> {
  return statements(
    database,
    `SELECT format('CREATE SEQUENCE %I.%I AS %s INCREMENT %s MINVALUE %s MAXVALUE %s START %s CACHE %s %s', n.nspname, c.relname,
       format_type(s.seqtypid, NULL), s.seqincrement, s.seqmin, s.seqmax, s.seqstart, s.seqcache,
       CASE WHEN s.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) AS statement
     FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND pg_get_userbyid(c.relowner) = $2
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'i')
     ORDER BY c.oid`,
    scope,
  )
}

interface Column {
  name: string
  type: string
  required: boolean
  identity: '' | 'a' | 'd'
  generated: '' | 's' | 'v'
  expression: string | null
  collation: string | null
}

async function tablesOf(database: Queryable, { schema, role }: Scope): Promise<string[]> {
  const { rows } = await database.query<{ name: string; columns: Column[] | null }>(
    `SELECT c.relname AS name,
       (SELECT jsonb_agg(jsonb_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
          'required', a.attnotnull, 'identity', a.attidentity, 'generated', a.attgenerated,
          'expression', pg_get_expr(d.adbin, d.adrelid),
          'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END)
          ORDER BY a.attnum)
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND pg_get_userbyid(c.relowner) = $2 AND c.relkind = 'r' AND NOT c.relispartition
       AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
     ORDER BY c.oid`,
    [schema, role],
  )
  return rows.map(({ name, columns }) => {
    const definitions = (columns ?? []).map(columnDefinition).join(', ')
    return `CREATE TABLE ${qualified({ schema, name })} (${definitions})`
  })
}

function columnDefinition({ name, type, required, identity, generated, expression, collation }: Column): string {
  const parts = [pg.escapeIdentifier(name), type]
  if (collation) parts.push(`COLLATE ${collation}`)
  if (identity) parts.push(`GENERATED ${identity === 'a' ? 'ALWAYS' : 'BY DEFAULT'} AS IDENTITY`)
  if (generated) parts.push(`GENERATED ALWAYS AS (${expression}) ${generated === 's' ? 'STORED' : 'VIRTUAL'}`)
  if (!generated && expression) parts.push(`DEFAULT ${expression}`)
  if (required) parts.push('NOT NULL')
  return parts.join(' ')
}

async function constraintsOf(database: Queryable, { schema, role }: Scope) {
  const { rows } = await database.query<{ kind: string; statement: string }>(
    `SELECT k.contype AS kind,
       format('ALTER TABLE %I.%I ADD CONSTRAINT %I %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid)) AS statement
     FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND pg_get_userbyid(c.relowner) = $2 AND c.relkind = 'r' AND k.contype IN ('p', 'u', 'x', 'c', 'f')
     ORDER BY k.oid`,
    [schema, role],
  )
  return rows
}

function indexesOf(database: Queryable, scope: Scope): Promise<string[]> {
  return statements(
    database,
    `SELECT pg_get_indexdef(i.indexrelid) AS statement
     FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE n.nspname = $1 AND pg_get_userbyid(c.relowner) = $2 AND c.relkind = 'r'
       AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
     ORDER BY i.indexrelid`,
    scope,
  )
}

function sequenceOwnersOf(database: Queryable, scope: Scope): Promise<string[]> {
  return statements(
    database,
    `SELECT format('ALTER SEQUENCE %I.%I OWNED BY %I.%I.%I', n.nspname, s.relname, n.nspname, t.relname, a.attname) AS statement
     FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
     JOIN pg_class t ON t.oid = d.refobjid AND t.relnamespace = s.relnamespace
     JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
       AND n.nspname = $1 AND pg_get_userbyid(s.relowner) = $2`,
    scope,
  )
}
