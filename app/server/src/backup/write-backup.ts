import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Sealer } from '@tenon/host'
import type { Pool, PoolClient } from 'pg'
import pg from 'pg'
import { StartError } from '../start/start-error.js'
import { version } from '../version.js'
import {
  type BackupManifest,
  type DataFile,
  makeKeyCheck,
  manifestPath,
  type PluginRoleBackup,
} from './backup-manifest.js'
import { sequencesOf, tablesOf } from './catalog-queries.js'
import { copyToFile } from './copy-file.js'
import { pluginDefinitions, undefinable } from './plugin-definitions.js'

/**
 * Kept by other means: the ledger is what the migrations leave, and object ids differ in every database. Not kept:
 * counters of the last hour, whose table the rate limiter makes when it needs it.
 */
const notCopied = ['tenon.migrations', 'tenon.created_relations', 'tenon.rate_limits', 'public.request_limits']

/**
 * Writes everything of an installation into an empty folder: one moment of the whole database, whatever goes on
 * meanwhile. Secrets stay sealed. The keys that open them are not part of it.
 *
 * @throws StartError when the folder has something in it.
 */
export async function writeBackup(options: { pool: Pool; sealer: Sealer; directory: string }): Promise<BackupManifest> {
  const directory = resolve(options.directory)
  await mkdir(join(directory, 'data'), { recursive: true, mode: 0o700 }).catch(() => undefined)
  if ((await readdir(directory)).length > 1 || (await readdir(join(directory, 'data'))).length > 0) {
    throw new StartError(`${directory} is not empty. Name a new folder for the backup.`)
  }
  const client = await options.pool.connect()
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY')
    const manifest = await readEverything({ ...options, directory, client })
    // Last, so that a folder with a manifest is a whole backup.
    await writeFile(manifestPath(directory), JSON.stringify(manifest, null, 2), { mode: 0o600 })
    return manifest
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
}

interface Work {
  pool: Pool
  client: PoolClient
  sealer: Sealer
  directory: string
}

async function readEverything({ pool, client, sealer, directory }: Work): Promise<BackupManifest> {
  const snapshot = await valueOf(client, 'SELECT pg_export_snapshot() AS value')
  const owner = await valueOf(client, 'SELECT current_user AS value')
  const { rows: tenants } = await client.query<{ organizationId: number; schema: string }>(
    'SELECT organization_id AS "organizationId", schema FROM tenon.tenants ORDER BY organization_id',
  )
  const schemas = ['tenon', 'public', ...tenants.map((tenant) => tenant.schema)]
  const nextFile = fileNames()
  const data: DataFile[] = []
  for (const table of await tablesOf(client, schemas, owner)) {
    if (notCopied.includes(`${table.schema}.${table.name}`)) continue
    data.push({ ...table, file: nextFile() })
  }
  for (const file of data) await copyToFile(client, directory, file)

  const roles: PluginRoleBackup[] = []
  const leftOut: string[] = []
  for (const role of await pluginRolesOf(client)) {
    leftOut.push(...(await undefinable(client, role)))
    roles.push(await backUpRole(pool, client, snapshot, role, { directory, nextFile }))
  }
  return {
    format: 1,
    version,
    createdAt: new Date().toISOString(),
    keyCheck: makeKeyCheck(sealer),
    migrations: await migrationsOf(client),
    tenants,
    data,
    sequences: await sequencesOf(client, schemas, owner),
    roles,
    leftOut,
  }
}

type RoleFacts = Pick<
  PluginRoleBackup,
  'role' | 'organizationId' | 'schema' | 'login' | 'connectionLimit' | 'settings' | 'memberOf'
>

async function pluginRolesOf(client: PoolClient): Promise<RoleFacts[]> {
  const { rows } = await client.query<RoleFacts>(
    `SELECT p.role, p.organization_id AS "organizationId", t.schema, r.rolcanlogin AS login,
       r.rolconnlimit AS "connectionLimit", coalesce(r.rolconfig, '{}') AS settings,
       array(SELECT pg_get_userbyid(m.roleid)::text FROM pg_auth_members m WHERE m.member = r.oid) AS "memberOf"
     FROM tenon.plugin_roles p JOIN tenon.tenants t USING (organization_id) JOIN pg_roles r ON r.rolname = p.role
     ORDER BY p.role`,
  )
  return rows
}

async function backUpRole(
  pool: Pool,
  client: PoolClient,
  snapshot: string,
  role: RoleFacts,
  { directory, nextFile }: { directory: string; nextFile: () => string },
): Promise<PluginRoleBackup> {
  const data = (await tablesOf(client, [role.schema], role.role)).map((table) => ({ ...table, file: nextFile() }))
  const sequences = await asRole(pool, snapshot, role.role, async (reader) => {
    for (const file of data) await copyToFile(reader, directory, file)
    return sequencesOf(reader, [role.schema], role.role)
  })
  const { rows: createdRelations } = await client.query<PluginRoleBackup['createdRelations'][number]>(
    `SELECT c.relname AS name, r.plugin_key AS "pluginKey", r.created_at::text AS "createdAt"
     FROM tenon.created_relations r JOIN pg_class c ON c.oid = r.relation WHERE r.role = $1`,
    [role.role],
  )
  return {
    ...role,
    grants: await grantsOf(client, role),
    definitions: await pluginDefinitions(client, role),
    data,
    sequences,
    createdRelations,
  }
}

/**
 * Reads what a plugin owns with no more than the plugin's own rights, in the same moment as everything else. Rows that a
 * policy would hide are an error instead of a function of the plugin that runs.
 */
async function asRole<T>(
  pool: Pool,
  snapshot: string,
  role: string,
  work: (reader: PoolClient) => Promise<T>,
): Promise<T> {
  const reader = await pool.connect()
  try {
    await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    await reader.query(`SET TRANSACTION SNAPSHOT ${pg.escapeLiteral(snapshot)}`)
    await reader.query(`GRANT ${pg.escapeIdentifier(role)} TO CURRENT_USER`)
    await reader.query(`SET LOCAL row_security = off; SET LOCAL ROLE ${pg.escapeIdentifier(role)}`)
    return await work(reader)
  } finally {
    // The membership goes with it.
    await reader.query('ROLLBACK')
    reader.release()
  }
}

async function grantsOf(client: PoolClient, { role }: RoleFacts): Promise<string[]> {
  const { rows } = await client.query<{ statement: string }>(
    `SELECT format('GRANT %s ON %s %I.%I TO %I', x.privilege_type, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
       n.nspname, c.relname, $1::text) AS statement
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) x
     WHERE x.grantee = $1::regrole AND c.relowner = current_user::regrole
     UNION ALL
     SELECT format('GRANT %s (%I) ON TABLE %I.%I TO %I', x.privilege_type, a.attname, n.nspname, c.relname, $1::text)
     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(a.attacl) x
     WHERE x.grantee = $1::regrole AND c.relowner = current_user::regrole
     UNION ALL
     SELECT format('GRANT %s ON SCHEMA %I TO %I', x.privilege_type, n.nspname, $1::text)
     FROM pg_namespace n, aclexplode(n.nspacl) x WHERE x.grantee = $1::regrole
     ORDER BY 1`,
    [role],
  )
  return rows.map((row) => row.statement)
}

async function migrationsOf(client: PoolClient): Promise<BackupManifest['migrations']> {
  const { rows } = await client.query<{ platform: boolean; names: string[] }>(
    `SELECT scope = 'platform' AS platform, array_agg(DISTINCT name ORDER BY name) AS names
     FROM tenon.migrations GROUP BY 1`,
  )
  const namesOf = (platform: boolean) => rows.find((row) => row.platform === platform)?.names ?? []
  return { platform: namesOf(true), tenant: namesOf(false) }
}

async function valueOf(client: PoolClient, sql: string): Promise<string> {
  const { rows } = await client.query<{ value: string }>(sql)
  return rows[0]?.value ?? ''
}

function fileNames(): () => string {
  let count = 0
  return () => `data/${String(++count).padStart(5, '0')}.copy.gz`
}
