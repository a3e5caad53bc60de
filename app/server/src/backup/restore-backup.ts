import { randomBytes } from 'node:crypto'
import { resolve } from 'node:path'
import { createHostMigrator, hostConnectionOptions, type Migrator, type Sealer } from '@tenon/host'
import pg, { type ClientConfig, type Pool } from 'pg'
import { inTransaction, type Queryable } from '../database/transaction.js'
import { appMigrations } from '../migrations/index.js'
import { StartError } from '../start/start-error.js'
import { assertSameKey, type BackupManifest, type PluginRoleBackup, readManifest } from './backup-manifest.js'
import { inReferenceOrder, restoreSequences } from './catalog-queries.js'
import { copyFromFile, qualified } from './copy-file.js'

interface RestoreOptions {
  pool: Pool
  /** How roles connect: the same server and database. */
  connection: ClientConfig
  sealer: Sealer
  directory: string
}

/**
 * Brings a backup into an empty database. When it fails, the database is empty again.
 *
 * @throws StartError when the database is not empty, or the backup needs another key or release.
 */
export async function restoreBackup(options: RestoreOptions): Promise<BackupManifest> {
  const { pool, sealer } = options
  const directory = resolve(options.directory)
  const manifest = await readManifest(directory)
  assertSameKey(manifest, sealer)
  await assertEmpty(pool, manifest)
  const migrator = createHostMigrator({ pool, application: appMigrations })
  try {
    await migrator.up()
    await assertSameRelease(pool, manifest)
    await makeTenants(pool, migrator, manifest)
    await inTransaction(pool, async (client) => {
      await loadHostData(client, directory, manifest)
      for (const role of manifest.roles) await makeRole(client, role)
    })
    await loadPluginData({ ...options, directory }, manifest)
  } catch (error) {
    await empty(pool, migrator, manifest).catch((failure: unknown) => {
      const sentence =
        'The restore failed, and the database could not be emptied again. Make a new one before the next try.'
      throw new AggregateError([error, failure], `${sentence} (${String(error)})`)
    })
    throw error
  }
  return manifest
}

async function assertEmpty(pool: Pool, { roles }: BackupManifest): Promise<void> {
  const { rows } = await pool.query<{ used: boolean; roles: string[] }>(
    `SELECT to_regclass('tenon.migrations') IS NOT NULL OR to_regclass('public.users') IS NOT NULL AS used,
       array(SELECT rolname::text FROM pg_roles WHERE rolname = ANY ($1)) AS roles`,
    [roles.map(({ role }) => role)],
  )
  if (rows[0]?.used) throw new StartError('The database is in use already. A backup is restored into an empty one.')
  if (rows[0] && rows[0].roles.length > 0) {
    throw new StartError(
      'The installation that this backup was made of is on the same database server; its roles are in the way.',
    )
  }
}

async function assertSameRelease(pool: Pool, { migrations, version }: BackupManifest): Promise<void> {
  const { rows } = await pool.query<{ name: string }>(`SELECT name FROM tenon.migrations WHERE scope = 'platform'`)
  const [here, there] = [new Set(rows.map((row) => row.name)), new Set(migrations.platform)]
  const same = here.size === there.size && [...here].every((name) => there.has(name))
  if (!same) {
    throw new StartError(
      `This backup was made by release ${version} and fits only that one. Restore it with release ${version}, then update.`,
    )
  }
}

async function makeTenants(pool: Pool, migrator: Migrator, { tenants }: BackupManifest): Promise<void> {
  for (const { organizationId, schema } of tenants) {
    const name = pg.escapeIdentifier(schema)
    await pool.query(`CREATE SCHEMA ${name}; REVOKE ALL ON SCHEMA ${name} FROM PUBLIC`)
    await migrator.migrateTenant({ organizationId, schema })
  }
}

/** Without the application's triggers: what is loaded happened long ago and is not announced again. */
async function loadHostData(client: pg.PoolClient, directory: string, manifest: BackupManifest): Promise<void> {
  const tables = await inReferenceOrder(client, manifest.data)
  const names = tables.map(qualified)
  // Rows that the migrations wrote; TRUNCATE would refuse tables that others refer to.
  for (const name of names.toReversed()) await client.query(`DELETE FROM ${name}`)
  for (const name of names) await client.query(`ALTER TABLE ${name} DISABLE TRIGGER USER`)
  for (const table of tables) await copyFromFile(client, directory, table)
  for (const name of names) await client.query(`ALTER TABLE ${name} ENABLE TRIGGER USER`)
  await restoreSequences(client, manifest.sequences)
}

/** Without a password: the host gives every role its own when it first connects. */
async function makeRole(client: Queryable, backup: PluginRoleBackup): Promise<void> {
  const role = pg.escapeIdentifier(backup.role)
  await client.query(
    `CREATE ROLE ${role} ${backup.login ? 'LOGIN' : 'NOLOGIN'} INHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION
     CONNECTION LIMIT ${backup.connectionLimit}`,
  )
  for (const grant of backup.grants) await client.query(grant)
  // Where they do not exist, the host makes them when it starts, and their members.
  const { rows } = await client.query<{ rolname: string }>('SELECT rolname FROM pg_roles WHERE rolname = ANY ($1)', [
    backup.memberOf,
  ])
  for (const { rolname } of rows) await client.query(`GRANT ${pg.escapeIdentifier(rolname)} TO ${role}`)
  await applySettings(client, role, backup.settings)
}

/** Some settings need a right that the server's superuser did not give here; the host works without them. */
async function applySettings(client: Queryable, role: string, settings: readonly string[]): Promise<void> {
  for (const setting of settings) {
    const [name = '', value = ''] = setting.split(/=(.*)/s)
    const { rows } = await client.query<{ allowed: boolean }>(
      `SELECT has_parameter_privilege($1, 'SET') OR coalesce((SELECT context = 'user' FROM pg_settings s WHERE s.name = $1), false) AS allowed`,
      [name],
    )
    if (rows[0]?.allowed)
      await client.query(`ALTER ROLE ${role} SET ${pg.escapeIdentifier(name)} = ${pg.escapeLiteral(value)}`)
  }
}

/**
 * What plugins defined is made over sessions of their own roles, because a definition of theirs (a check, a generated
 * column) runs with the rights of the session that loads it.
 */
async function loadPluginData(options: RestoreOptions, { roles }: BackupManifest): Promise<void> {
  const owning = roles.filter(({ definitions }) => definitions.before.length > 0)
  for (const role of owning) {
    await withSessionOf(options, role, async (session) => {
      for (const statement of role.definitions.before) await session.query(statement)
      for (const data of role.data) await copyFromFile(session, options.directory, data)
      await restoreSequences(session, role.sequences)
      for (const statement of role.definitions.after) await session.query(statement)
    })
  }
  for (const role of owning.filter(({ definitions }) => definitions.references.length > 0)) {
    await withSessionOf(options, role, async (session) => {
      for (const statement of role.definitions.references) await session.query(statement)
    })
  }
  for (const role of owning) await recordRelations(options.pool, role)
}

async function withSessionOf(
  { pool, connection }: RestoreOptions,
  { role, login }: PluginRoleBackup,
  work: (session: pg.Client) => Promise<void>,
): Promise<void> {
  const name = pg.escapeIdentifier(role)
  const password = randomBytes(32).toString('base64url')
  const { rows } = await pool.query<{ database: string }>('SELECT quote_ident(current_database()) AS database')
  const database = rows[0]?.database ?? ''
  await pool.query(
    `ALTER ROLE ${name} LOGIN PASSWORD ${pg.escapeLiteral(password)}; GRANT CONNECT ON DATABASE ${database} TO ${name}; GRANT USAGE ON SCHEMA public TO ${name}`,
  )
  const session = new pg.Client({ ...connection, user: role, password, options: hostConnectionOptions })
  try {
    await session.connect()
    await session.query('BEGIN')
    await work(session)
    await session.query('COMMIT')
  } finally {
    await session.end()
    await pool.query(
      `REVOKE CONNECT ON DATABASE ${database} FROM ${name}; REVOKE USAGE ON SCHEMA public FROM ${name}; ALTER ROLE ${name} ${login ? 'LOGIN' : 'NOLOGIN'} PASSWORD NULL`,
    )
  }
}

async function recordRelations(
  pool: Pool,
  { role, organizationId, schema, createdRelations }: PluginRoleBackup,
): Promise<void> {
  for (const { name, pluginKey, createdAt } of createdRelations) {
    await pool.query(
      `INSERT INTO tenon.created_relations (relation, organization_id, role, plugin_key, created_at)
       VALUES (to_regclass($1), $2, $3, $4, $5)`,
      [qualified({ schema, name }), organizationId, role, pluginKey, createdAt],
    )
  }
}

/** The database was empty before, so everything in it is ours to take away again. */
async function empty(pool: Pool, migrator: Migrator, { roles, tenants }: BackupManifest): Promise<void> {
  for (const { role } of roles) {
    const { rows } = await pool.query('SELECT FROM pg_roles WHERE rolname = $1', [role])
    if (rows.length === 0) continue
    const name = pg.escapeIdentifier(role)
    await pool.query(`GRANT ${name} TO CURRENT_USER; DROP OWNED BY ${name} CASCADE; DROP ROLE ${name}`)
  }
  for (const { schema } of tenants) await pool.query(`DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(schema)} CASCADE`)
  await migrator.down({ scope: 'platform', to: 0 })
  await pool.query('DROP SCHEMA IF EXISTS tenon CASCADE')
}
