import type { ClientBase } from 'pg'
import { isPostgresError, quoteIdentifier as quote } from './sql-text.js'
import { withRoleOf } from './role-membership.js'
import type { TenantScope } from './migration.js'

// duplicate_table (also indexes, sequences and views) and duplicate_object (types)
const NAME_TAKEN = new Set(['42P07', '42710'])
const MAX_RENAMES = 50

interface Squatter {
  name: string
  owner: string
  kind: 'TABLE' | 'INDEX' | 'SEQUENCE' | 'VIEW' | 'TYPE'
}

/**
 * Runs one tenant migration. A name that a plugin took in the tenant's schema does not stop it: the plugin's thing is
 * renamed to `<name>__plugin_<n>`, the fact is recorded, and the migration runs again. `IF NOT EXISTS` is no way
 * around that, because the host would go on to use a table that a plugin owns.
 */
export async function runPastSquatters(
  client: ClientBase,
  scope: TenantScope,
  migration: string,
  run: () => Promise<void>,
): Promise<void> {
  for (let renames = 0; ; renames++) {
    await client.query('SAVEPOINT tenon_migration')
    const taken = await nameTaken(client, run)
    if (taken === undefined) {
      await client.query('RELEASE SAVEPOINT tenon_migration')
      return
    }
    const squatter = await findSquatter(client, scope, taken.message, renames < MAX_RENAMES)
    if (!squatter) throw taken
    await renameSquatter(client, scope, migration, squatter)
  }
}

/** Runs the step; answers the error (or the notice) that says "this name exists", undefined when it went well. */
async function nameTaken(client: ClientBase, run: () => Promise<void>): Promise<Error | undefined> {
  const skipped: Error[] = []
  const onNotice = (notice: { code?: string | undefined; message?: string | undefined }) => {
    if (NAME_TAKEN.has(notice.code ?? '')) skipped.push(new Error(notice.message ?? ''))
  }
  client.on('notice', onNotice)
  try {
    await run()
    for (const notice of skipped) if (await mentionsSquatter(client, notice.message)) return notice
    return undefined
  } catch (error) {
    if (isPostgresError(error) && NAME_TAKEN.has(error.code)) return error
    throw error
  } finally {
    client.removeListener('notice', onNotice)
  }
}

async function mentionsSquatter(client: ClientBase, message: string): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>(
    `SELECT EXISTS (
       SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN tenon.tenants t ON t.schema = n.nspname
       WHERE c.relowner <> n.nspowner AND strpos($1, '"' || c.relname || '"') > 0) AS taken`,
    [message],
  )
  return rows[0]?.taken === true
}

/**
 * The plugin's thing that the message is about. The message is in the server's language, so it is searched for the
 * names that exist instead of being parsed; the longest name wins.
 */
async function findSquatter(
  client: ClientBase,
  scope: TenantScope,
  message: string,
  mayRename: boolean,
): Promise<Squatter | undefined> {
  await client.query('ROLLBACK TO SAVEPOINT tenon_migration')
  await client.query('RELEASE SAVEPOINT tenon_migration')
  if (!mayRename) return undefined
  const { rows } = await client.query<Squatter>(
    `WITH things AS (
       SELECT c.relname AS name, c.relowner AS owner, CASE c.relkind WHEN 'i' THEN 'INDEX' WHEN 'S' THEN 'SEQUENCE'
         WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind, c.relnamespace AS schema
       FROM pg_class c
       UNION ALL
       SELECT t.typname, t.typowner, 'TYPE', t.typnamespace FROM pg_type t WHERE t.typrelid = 0 AND t.typelem = 0
     )
     SELECT things.name, pg_get_userbyid(things.owner) AS owner, things.kind
     FROM things JOIN pg_namespace n ON n.oid = things.schema
     WHERE n.nspname = $1 AND things.owner <> n.nspowner AND strpos($2, things.name) > 0
     ORDER BY length(things.name) DESC LIMIT 1`,
    [scope.schema, message],
  )
  return rows[0]
}

async function renameSquatter(client: ClientBase, scope: TenantScope, migration: string, squatter: Squatter) {
  const renamedTo = await freeName(client, scope.schema, squatter.name)
  const from = `${quote(scope.schema)}.${quote(squatter.name)}`
  await withRoleOf(client, squatter.owner, () =>
    client.query(`ALTER ${squatter.kind} ${from} RENAME TO ${quote(renamedTo)}`).then(() => undefined),
  )
  await client.query(
    `INSERT INTO tenon.renamed_relations (organization_id, name, renamed_to, role, migration) VALUES ($1, $2, $3, $4, $5)`,
    [scope.organizationId, squatter.name, renamedTo, squatter.owner, migration],
  )
}

async function freeName(client: ClientBase, schema: string, name: string): Promise<string> {
  for (let n = 1; ; n++) {
    const suffix = `__plugin_${n}`
    const candidate = truncate(name, 63 - suffix.length) + suffix
    const { rows } = await client.query(
      `SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2
       UNION ALL
       SELECT FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = $1 AND t.typname = $2`,
      [schema, candidate],
    )
    if (rows.length === 0) return candidate
  }
}

// Postgres cuts names at 63 bytes, not characters
function truncate(name: string, bytes: number): string {
  let text = name
  while (Buffer.byteLength(text) > bytes) text = text.slice(0, -1)
  return text
}
