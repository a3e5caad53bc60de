import { createHash } from 'node:crypto'
import { createTestDatabase } from '@tenon/embedded-postgres/testing'
import pg from 'pg'
import { createMigrator, hostPlatformMigrations, hostTenantMigrations } from '../migrations/index.js'
import type { Migrator, PlatformMigration, TenantMigration } from '../migrations/index.js'
import {
  createTenancy,
  type GrantableTables,
  hardenDatabase,
  hostConnectionOptions,
  sameOrganizationTrigger,
  type Tenancy,
  type TenancyLimits,
} from '../tenancy/index.js'
import { quoteIdentifier as quote } from '../migrations/sql-text.js'

/** The tables of a small application, as an embedder would declare them. */
export const applicationTables: PlatformMigration = {
  name: 'app-0001',
  async up(client) {
    await client.query(`
      CREATE TABLE public.organizations (id serial PRIMARY KEY, name text NOT NULL);
      CREATE TABLE public.users (
        id serial PRIMARY KEY, name text NOT NULL, surname text NOT NULL, email text NOT NULL UNIQUE,
        password_hash text NOT NULL, organization_id int NOT NULL REFERENCES public.organizations ON DELETE CASCADE
      );
      CREATE TYPE public.enum_projectrisks_risk_category AS ENUM ('Privacy', 'Bias, and more', 'Safety');
      CREATE TABLE public.slack_webhooks (
        id serial PRIMARY KEY, organization_id int NOT NULL DEFAULT public.current_org(),
        owner_role text NOT NULL DEFAULT session_user, url text, is_active boolean NOT NULL DEFAULT true
      );
      INSERT INTO public.organizations (name) SELECT 'Organization ' || n FROM generate_series(1, 9) n;
      INSERT INTO public.users (name, surname, email, password_hash, organization_id)
        SELECT 'User', n::text, n || '@example.org', 'secret hash ' || n, n FROM generate_series(1, 9) n`)
  },
  async down(client) {
    await client.query('DROP TABLE public.slack_webhooks, public.users, public.organizations')
  },
}

export const applicationTenantTables: TenantMigration = {
  name: 'app-tenant-0001',
  async up(client, { schema }) {
    await client.query(`
      CREATE TABLE ${quote(schema)}.risks (
        id serial PRIMARY KEY, risk_name text NOT NULL, risk_owner int REFERENCES public.users ON DELETE SET NULL,
        risk_category public.enum_projectrisks_risk_category[], created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE TABLE ${quote(schema)}.projects (id serial PRIMARY KEY, project_title text NOT NULL);
      ${sameOrganizationTrigger(schema, 'risks', ['risk_owner'])}`)
  },
  async down(client, { schema }) {
    await client.query(`DROP TABLE ${quote(schema)}.risks, ${quote(schema)}.projects`)
  },
}

export const applicationGrantable: GrantableTables = {
  risks: { scope: 'tenant', privileges: { select: true, insert: true, references: ['id'] } },
  projects: { scope: 'tenant', privileges: { select: true, insert: true, update: ['project_title'] } },
  'public.users': {
    scope: 'public',
    privileges: { select: ['id', 'name', 'surname', 'email', 'organization_id'] },
    organizationColumn: 'organization_id',
  },
  'public.slack_webhooks': {
    scope: 'public',
    privileges: { select: true, insert: true, update: ['url', 'is_active'], delete: true },
    organizationColumn: 'organization_id',
    ownerColumn: 'owner_role',
  },
}

export interface TenancyDatabase {
  pool: pg.Pool
  connection: { host: string; port: number; database: string }
  migrator: Migrator
  tenancy: Tenancy
  hardened: boolean
  /** Another wall over the same database, as a second replica has it. */
  openTenancy(limits?: Partial<TenancyLimits>): Promise<Tenancy>
  drop(): Promise<void>
}

export const testRoleKey = createHash('sha256').update('role key of the tests').digest()

/** The database's owner hardens it, where the test server has a superuser. */
export async function hardenForTests(superuser: pg.Client): Promise<void> {
  const { rows } = await superuser.query<{ owner: string }>(
    'SELECT pg_get_userbyid(datdba) AS owner FROM pg_database WHERE datname = current_database()',
  )
  await hardenDatabase(superuser, { hostRole: rows[0]?.owner ?? '' })
}

/** An empty database with a host's pool. */
export async function createHostDatabase() {
  const database = await createTestDatabase({ prepare: hardenForTests })
  const pool = new pg.Pool({ ...database.connection, max: 10, options: hostConnectionOptions })
  pool.on('error', () => {})
  return {
    pool,
    connection: database.connection,
    hardened: database.hardened,
    async drop() {
      await pool.end()
      await database.drop()
    },
  }
}

/** A migrated database with the wall up and no tenant. */
export async function createTenancyDatabase(limits: Partial<TenancyLimits> = {}): Promise<TenancyDatabase> {
  const { pool, connection, hardened, drop } = await createHostDatabase()
  const migrator = createMigrator({
    pool,
    platform: [...hostPlatformMigrations, applicationTables],
    tenant: [...hostTenantMigrations, applicationTenantTables],
  })
  await migrator.up()
  const { host, port, database } = connection as Required<typeof connection>
  const opened: Tenancy[] = []
  const openTenancy = async (overrides: Partial<TenancyLimits> = {}) => {
    const tenancy = await createTenancy({
      pool,
      connection: { host, port, database },
      migrator,
      roleKey: testRoleKey,
      grantable: applicationGrantable,
      limits: overrides,
    })
    opened.push(tenancy)
    return tenancy
  }
  const tenancy = await openTenancy(limits)
  return {
    pool,
    connection: { host, port, database },
    migrator,
    tenancy,
    hardened,
    openTenancy,
    async drop() {
      // Roles outlive a database; on a server that is not ours they would stay.
      for (const tenant of await tenancy.listTenants()) await tenancy.removeTenant(tenant.organizationId)
      for (const each of opened) await each.close()
      await drop()
    },
  }
}
