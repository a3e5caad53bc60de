import type { ClientBase } from 'pg'
import type { GrantableTables, TableGrant } from './grantable.js'
import { quoteIdentifier as quote } from '../migrations/sql-text.js'

interface GrantTarget {
  role: string
  schema: string
  /** A table that is missing is passed over (the compatibility list), or an error (a declared table). */
  whenMissing: 'skip' | 'throw'
}

/** Gives a role exactly these grants; what it had before on tables of the ceiling is taken away first. */
export async function applyGrants(
  client: ClientBase,
  grants: TableGrant[],
  grantable: GrantableTables,
  target: GrantTarget & { isNew: boolean },
): Promise<void> {
  if (!target.isNew) await revokeAll(client, grantable, target)
  for (const grant of grants) await grantOne(client, grant, target)
}

async function grantOne(client: ClientBase, grant: TableGrant, { role, schema, whenMissing }: GrantTarget) {
  const relation = qualified(grant.scope, schema, grant.table)
  if (!(await isOwnTable(client, relation))) {
    if (whenMissing === 'skip') return
    throw new Error(`The table ${relation} is grantable to plugins, but the host owns no such table.`)
  }
  const listed = grant.columns ?? (grant.privilege === 'insert' ? await columnsToFill(client, relation) : undefined)
  const columns = listed ? ` (${listed.map(quote).join(', ')})` : ''
  await client.query(`GRANT ${grant.privilege.toUpperCase()}${columns} ON ${relation} TO ${quote(role)}`)
  if (grant.privilege === 'insert') await grantSequences(client, relation, role)
}

/**
 * Not the numbers that a table gives to its rows: who could choose them could take those that come next, and nobody else
 * could add a row any more.
 */
async function columnsToFill(client: ClientBase, relation: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT a.attname AS name FROM pg_attribute a
     WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
         WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i')
           AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum)
     ORDER BY a.attnum`,
    [relation],
  )
  return rows.map((row) => row.name)
}

/** `serial` columns take their values from sequences, which have privileges of their own. */
async function grantSequences(client: ClientBase, relation: string, role: string): Promise<void> {
  for (const sequence of await sequencesOf(client, relation)) {
    await client.query(`GRANT USAGE ON SEQUENCE ${sequence} TO ${quote(role)}`)
  }
}

async function revokeAll(client: ClientBase, grantable: GrantableTables, { role, schema }: GrantTarget) {
  for (const [name, table] of Object.entries(grantable)) {
    const relation = qualified(table.scope, schema, name.replace(/^public\./, ''))
    if (!(await isOwnTable(client, relation))) continue
    await client.query(`REVOKE ALL ON ${relation} FROM ${quote(role)}`)
    for (const sequence of await sequencesOf(client, relation)) {
      await client.query(`REVOKE ALL ON SEQUENCE ${sequence} FROM ${quote(role)}`)
    }
  }
}

/** A plugin can take the name of a table that does not exist yet; that one is not granted to anybody. */
async function isOwnTable(client: ClientBase, relation: string): Promise<boolean> {
  const { rows } = await client.query(
    `SELECT FROM pg_class WHERE oid = to_regclass($1) AND relkind IN ('r', 'p')
     AND pg_has_role(current_user, relowner, 'USAGE') AND relowner = (SELECT oid FROM pg_roles WHERE rolname = current_user)`,
    [relation],
  )
  return rows.length > 0
}

async function sequencesOf(client: ClientBase, relation: string): Promise<string[]> {
  const { rows } = await client.query<{ sequence: string }>(
    `SELECT format('%I.%I', n.nspname, s.relname) AS sequence
     FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_namespace n ON n.oid = s.relnamespace
     WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'a'
       AND d.refobjid = to_regclass($1)`,
    [relation],
  )
  return rows.map((row) => row.sequence)
}

function qualified(scope: 'tenant' | 'public', schema: string, table: string): string {
  return `${quote(scope === 'public' ? 'public' : schema)}.${quote(table)}`
}
