import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { facadeOver } from '../testing/facade.js'
import { createTenancyDatabase, type TenancyDatabase, testRoleKey } from '../testing/tenancy-database.js'
import type { PluginRole, RolePermissions } from './index.js'
import { rolePassword } from './role-credentials.js'

/**
 * What a hostile plugin can reach. `raw` is a connection of the plugin's role without anything of ours in between, as
 * if the whole plugin process and the guard were gone: the role alone is the wall. `query` is the way through the guard.
 */
let database: TenancyDatabase
let mine: PluginRole
let theirs: PluginRole
let neighbour: PluginRole
let raw: pg.Client

const permissions: RolePermissions = {
  kind: 'declared',
  tenantSchema: true,
  tables: {
    risks: ['select', 'insert'],
    'public.users': ['select'],
    'public.slack_webhooks': ['select', 'insert', 'update', 'delete'],
  },
  publish: ['risk.imported'],
}

beforeAll(async () => {
  database = await createTenancyDatabase()
  const { tenancy, connection } = database
  await tenancy.createTenant(1)
  await tenancy.createTenant(2)
  mine = await tenancy.ensureRole(1, 'hostile', permissions)
  neighbour = await tenancy.ensureRole(1, 'neighbour', permissions)
  theirs = await tenancy.ensureRole(2, 'victim', permissions)
  raw = new pg.Client({ ...connection, user: mine.name, password: rolePassword(testRoleKey, mine.name) })
  raw.on('error', () => {})
  await raw.connect()
  await raw.query(`SET search_path = "${mine.schema}", public`)
  await query(theirs, `CREATE TABLE own (secret text); INSERT INTO own VALUES ('theirs')`)
  await query(theirs, `INSERT INTO risks (risk_name) VALUES ('their risk')`)
  await query(theirs, `INSERT INTO slack_webhooks (url) VALUES ('their hook')`)
  await query(neighbour, `CREATE TABLE neighbours (secret text)`)
  await query(neighbour, `INSERT INTO slack_webhooks (url) VALUES ('hook of the neighbour')`)
})
afterAll(async () => {
  await raw?.end()
  await database?.drop()
})

async function query(role: PluginRole, sql: string, options = {}): Promise<unknown> {
  const session = database.tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 20_000 })
  try {
    return await facadeOver(session).sequelize.query(sql, options)
  } finally {
    await session.end()
  }
}

describe('the role alone', () => {
  test.each([
    ['rows of another tenant', () => `SELECT * FROM "${theirs.schema}".own`],
    ['host tables of another tenant', () => `SELECT * FROM "${theirs.schema}".risks`],
    ['writing to another tenant', () => `INSERT INTO "${theirs.schema}".risks (risk_name) VALUES ('x')`],
    ['a table in another tenant', () => `CREATE TABLE "${theirs.schema}".mine (a int)`],
    ['host tables that were not granted', () => 'SELECT * FROM plugin_installations'],
    ['changing a granted host table', () => 'UPDATE risks SET risk_name = 1::text'],
    ['altering a host table', () => 'ALTER TABLE risks DISABLE TRIGGER ALL'],
    ['dropping a host table', () => 'DROP TABLE risks'],
    ['tables of another plugin in the tenant', () => 'SELECT * FROM neighbours'],
    ['a column that was not granted', () => 'SELECT password_hash FROM public.users'],
    ['a column that was not granted, in a condition', () => `SELECT id FROM public.users WHERE password_hash > 'a'`],
    ['a whole row with a column that was not granted', () => 'SELECT u FROM public.users u'],
    ['a table of public that was not granted', () => 'SELECT * FROM public.organizations'],
    ['a table in public', () => 'CREATE TABLE public.mine (a int)'],
    ['a temporary table', () => 'CREATE TEMPORARY TABLE mine (a int)'],
    ['a schema', () => 'CREATE SCHEMA mine'],
    ['the tables of the platform', () => 'SELECT * FROM tenon.plugin_roles'],
    [
      'the outbox',
      () => `INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES (2, 'x', 'x', '{}')`,
    ],
    ['the password table', () => 'SELECT * FROM pg_authid'],
    ['files', () => `SELECT pg_read_file('/etc/passwd')`],
    ['programs', () => `COPY (SELECT 1) TO PROGRAM 'id'`],
    ['another role', () => `SET ROLE "${theirs.name}"`],
    ['another role of the tenant', () => `SET ROLE "${neighbour.name}"`],
    ['the host', () => 'SET ROLE "' + hostRole + '"'],
    ['another session user', () => `SET SESSION AUTHORIZATION "${theirs.name}"`],
    ['making roles', () => 'CREATE ROLE mine LOGIN'],
    ['a foreign key to users', () => 'CREATE TABLE spy (u int REFERENCES public.users(id))'],
    ['the sequence of a host table', () => `SELECT setval('risks_id_seq', 1)`],
    ['another organization in a shared table', () => `INSERT INTO slack_webhooks (organization_id) VALUES (2)`],
    ['another role in a shared table', () => `INSERT INTO slack_webhooks (owner_role) VALUES ('x')`],
    ['moving a row to another organization', () => 'UPDATE slack_webhooks SET organization_id = 2'],
  ])('does not reach %s', async (_, sql) => {
    await expect(raw.query(sql())).rejects.toMatchObject({ code: '42501' })
  })

  test('stays itself through every way of becoming somebody else', async () => {
    for (const sql of ['RESET ROLE', 'SET ROLE NONE', 'RESET SESSION AUTHORIZATION', 'RESET ALL', 'DISCARD ALL']) {
      await raw.query(sql)
      const { rows } = await raw.query('SELECT current_user, session_user, public.current_org()')
      expect(rows).toEqual([{ current_user: mine.name, session_user: mine.name, current_org: 1 }])
    }
    await raw.query(`SET search_path = "${mine.schema}", public`)
    await expect(raw.query(`SELECT set_config('role', '${theirs.name}', false)`)).rejects.toThrow()
    await expect(raw.query(`DO $$ BEGIN EXECUTE 'SET ROLE "${theirs.name}"'; END $$`)).rejects.toThrow()
  })

  test.each([
    ['a row of a shared table', 'CREATE TABLE spy (u public.users)'],
    ['a row of a table of its tenant', 'CREATE TABLE spy (r risks)'],
    ['a list of such rows', 'CREATE TABLE spy (r public.users[])'],
    ['a type of the application', 'CREATE TABLE spy (c public.enum_projectrisks_risk_category)'],
  ])('cannot make what the host wants to change depend on a table of its own: %s', async (_, sql) => {
    await expect(raw.query(sql)).rejects.toMatchObject({ code: '42501' })
  })

  test('reads and compares such types all the same', async () => {
    await raw.query(`SELECT u FROM (SELECT id, name FROM public.users) u`)
    await raw.query(`SELECT 'Privacy'::public.enum_projectrisks_risk_category, NULL::public.users`)
  })

  test('cannot choose the numbers that a host table gives to its rows', async () => {
    await expect(raw.query(`INSERT INTO risks (id, risk_name) VALUES (1000, 'x')`)).rejects.toMatchObject({
      code: '42501',
    })
    await expect(raw.query(`INSERT INTO risks (risk_name) VALUES ('x') RETURNING id`)).resolves.toMatchObject({
      rowCount: 1,
    })
  })

  test('is the same organization under the role of the group', async () => {
    const { rows } = await database.pool.query(
      `SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
       WHERE r.rolname = $1`,
      [mine.name],
    )
    await raw.query(`SET ROLE "${rows[0].rolname}"`).catch(() => {})
    expect((await raw.query('SELECT public.current_org()')).rows).toEqual([{ current_org: 1 }])
    await raw.query('RESET ROLE')
  })

  test('cannot tell an address of another organization from one that nobody has', async ({ skip }) => {
    if (!database.hardened) skip('only a superuser can take the mark from the comparisons')
    await raw.query('SET enable_seqscan = off')
    const touched = async (): Promise<number> => {
      const { rows } = await raw.query(
        `SELECT idx_tup_fetch::int AS touched FROM pg_stat_xact_user_tables WHERE relid = 'public.users'::regclass`,
      )
      return rows[0].touched
    }
    const rowsTouched = async (email: string): Promise<number> => {
      await raw.query('BEGIN')
      const before = await touched()
      await raw.query('SELECT id FROM public.users WHERE email = $1', [email])
      const after = await touched()
      await raw.query('ROLLBACK')
      return after - before
    }
    expect(await rowsTouched('2@example.org')).toBe(await rowsTouched('nobody@example.org'))
    await raw.query('RESET enable_seqscan')
  })

  test('sees users of its own organization, and of them the granted columns', async () => {
    const { rows } = await raw.query('SELECT id, name, surname, email, organization_id FROM public.users')
    expect(rows).toEqual([{ id: 1, name: 'User', surname: '1', email: '1@example.org', organization_id: 1 }])
  })

  test('sees its own rows of a shared table, and neither those of other tenants nor of other plugins', async () => {
    await raw.query(`INSERT INTO slack_webhooks (url) VALUES ('mine')`)
    expect((await raw.query('SELECT url, organization_id FROM slack_webhooks')).rows).toEqual([
      { url: 'mine', organization_id: 1 },
    ])
    expect((await raw.query(`UPDATE slack_webhooks SET url = 'changed'`)).rowCount).toBe(1)
    expect((await raw.query('DELETE FROM slack_webhooks')).rowCount).toBe(1)
    const { rows } = await database.pool.query('SELECT url FROM public.slack_webhooks ORDER BY id')
    expect(rows).toEqual([{ url: 'their hook' }, { url: 'hook of the neighbour' }])
  })

  test('cannot name a user of another organization, nor learn whether one exists', async () => {
    const insert = 'INSERT INTO risks (risk_name, risk_owner) VALUES ($1, $2)'
    await raw.query(insert, ['own user', 1])
    for (const id of [2, 4711]) {
      await expect(raw.query(insert, ['x', id])).rejects.toThrow(
        `User ${id} is not a member of this organization (column "risk_owner").`,
      )
    }
  })

  test('publishes events that it declared, as itself, of 64 kB at most', async () => {
    const publish = 'SELECT tenon_api.publish($1, $2) AS id'
    await raw.query(publish, ['risk.imported', { count: 3 }])
    const { rows } = await database.pool.query('SELECT organization_id, source, name, payload FROM tenon.outbox')
    expect(rows).toEqual([{ organization_id: 1, source: 'hostile', name: 'risk.imported', payload: { count: 3 } }])
    await expect(raw.query(publish, ['user.deleted', {}])).rejects.toThrow(/did not declare/)
    const payload = (bytes: number) => ({ text: 'x'.repeat(bytes - '{"text": ""}'.length) })
    await raw.query(publish, ['risk.imported', payload(65_536)])
    await expect(raw.query(publish, ['risk.imported', payload(65_537)])).rejects.toThrow(/64 kB at most/)
  })

  test('puts an event into its own transaction', async () => {
    const before = await countOutbox()
    await raw.query('BEGIN')
    await raw.query(`SELECT tenon_api.publish('risk.imported', '{}')`)
    await raw.query('ROLLBACK')
    expect(await countOutbox()).toBe(before)
  })
})

const hardening: [string, string][] = [
  ['DO blocks', `DO $$ BEGIN PERFORM 1; END $$`],
  ['functions in SQL', `CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'`],
  ['functions in PL/pgSQL', `CREATE FUNCTION mine() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'`],
  ['views', 'CREATE VIEW mine AS SELECT 1 AS one'],
  ['materialized views', 'CREATE MATERIALIZED VIEW mine AS SELECT 1 AS one'],
  ['triggers', 'CREATE TRIGGER mine BEFORE INSERT ON own EXECUTE FUNCTION suppress_redundant_updates_trigger()'],
  ['operators', 'CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)'],
  ['row policies', 'CREATE POLICY mine ON own USING (true)'],
  ['rules', 'CREATE RULE mine AS ON INSERT TO own DO INSTEAD NOTHING'],
  ['grants', 'GRANT ALL ON own TO PUBLIC'],
  ['default privileges', 'ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC'],
  ['domains', 'CREATE DOMAIN mine AS int'],
  ['casts', 'CREATE CAST (int AS mine) WITHOUT FUNCTION'],
  ['aggregates', 'CREATE AGGREGATE mine (int) (SFUNC = int4pl, STYPE = int)'],
  ['waiting', 'SELECT pg_sleep(1)'],
  ['advisory locks', 'SELECT pg_advisory_lock(1)'],
  ['advisory locks of transactions', 'SELECT pg_try_advisory_xact_lock(1)'],
  ['settings by function', `SELECT set_config('statement_timeout', '0', false)`],
  ['SQL in XML functions', `SELECT query_to_xml('SELECT 1', true, false, '')`],
  ['SQL in text search', `SELECT * FROM ts_stat('SELECT 1')`],
  ['SQL in query rewriting', `SELECT ts_rewrite('a'::tsquery, 'SELECT 1')`],
  ['notifications by function', `SELECT pg_notify('x', 'y')`],
  ['large objects', 'SELECT lo_create(0)'],
  ['ending sessions', 'SELECT pg_terminate_backend(1)'],
  ['other sessions', 'SELECT * FROM pg_stat_activity'],
  ['locks of others', 'SELECT * FROM pg_locks'],
  ['settings of the server', 'SELECT * FROM pg_settings'],
]

describe('a hardened server refuses a bare role', () => {
  test.each(hardening)('%s', async (_, sql) => {
    if (!database.hardened) return
    await raw.query('CREATE TABLE IF NOT EXISTS own (a int)')
    await expect(raw.query(sql)).rejects.toMatchObject({ code: expect.stringMatching(/^(42501|42704)$/) })
  })

  test('and still lets it make tables, indexes, sequences, enums and comments', async () => {
    await raw.query(`
      CREATE TYPE allowed_mood AS ENUM ('sad'); ALTER TYPE allowed_mood ADD VALUE 'happy';
      CREATE TABLE allowed (id serial PRIMARY KEY, a int, CHECK (a > 0), m allowed_mood);
      CREATE INDEX ON allowed (a); ALTER TABLE allowed ADD COLUMN b text DEFAULT now()::text;
      CREATE TABLE allowed_copy AS SELECT * FROM allowed; CREATE SEQUENCE allowed_numbers;
      COMMENT ON TABLE allowed IS 'x'; DROP TABLE allowed, allowed_copy; DROP SEQUENCE allowed_numbers;
      DROP TYPE allowed_mood`)
  })
})

describe('the guard refuses on every server', () => {
  test.each(hardening)('%s', async (_, sql) => {
    await expect(query(mine, sql)).rejects.toThrow(/Plugins may not run this statement/)
  })

  test.each([
    ['BEGIN', /use sequelize.transaction\(\)/],
    ['SELECT 1; COMMIT', /use sequelize.transaction\(\)/],
    ['SAVEPOINT x', /use sequelize.transaction\(\)/],
    ['SET statement_timeout = 0', /settings of the connection/],
    ['SET LOCAL role TO x', /settings of the connection/],
    ['RESET ROLE', /settings of the connection/],
    ['SHOW data_directory', /settings of the connection/],
    ['LOCK TABLE public.slack_webhooks', /LOCK TABLE would stop other tenants/],
    ['LISTEN x', /LISTEN and NOTIFY/],
    ['COPY own TO STDOUT', /insertMany/],
    ["ALTER ROLE CURRENT_USER PASSWORD 'x'", /not for plugins/],
    ['CREATE EXTENSION dblink', /operator/],
    ['DISCARD ALL', /not for plugins/],
    ['PREPARE x AS SELECT 1', /not for plugins/],
    ['DECLARE c CURSOR FOR SELECT 1', /not for plugins/],
    ['EXPLAIN ANALYZE SELECT 1', /not for plugins/],
    ['VACUUM', /vacuums/],
    ['ALTER TABLE own OWNER TO CURRENT_USER', /change owner/],
    ['ALTER TABLE own ENABLE ROW LEVEL SECURITY', /enable row security/],
    ['ALTER TABLE own SET SCHEMA public', /not for plugins/],
    ['CREATE TABLE x (u int REFERENCES public.users(id))', /lock rows of other tenants/],
    ['CREATE TABLE x (a int DEFAULT pg_backend_pid())', /pg_backend_pid/],
    ['SELECT U&"\\0070g_sleep"(1)', /pg_sleep/],
    ['SELECT/**/"pg_catalog"."pg_sleep"(1)', /pg_sleep/],
    ['WITH x AS (SELECT pg_sleep(1)) SELECT * FROM x', /pg_sleep/],
    ["SELECT * FROM pg_ls_dir('.')", /pg_ls_dir/],
    ["SELECT nextval('public.slack_webhooks_id_seq')", /public/],
    ["SELECT nextval('public' || '.slack_webhooks_id_seq')", /plain text/],
    ['SELECT public.tenon_same_organization()', /not for plugins/],
    ['SELECT 1 \0 ; SELECT 2', /U\+0000/],
  ])('%s', async (sql, reason) => {
    await expect(query(mine, sql)).rejects.toThrow(reason)
  })

  test('a statement that is too long, and one that is nested too deeply', async () => {
    await expect(query(mine, `SELECT '${'x'.repeat(4 * 1024 * 1024)}'`)).rejects.toThrow(/the limit is 4194304/)
    await expect(query(mine, `SELECT ${'('.repeat(4000)}1${')'.repeat(4000)}`)).resolves.toBeDefined()
    await expect(query(mine, `SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`)).rejects.toThrow()
    await expect(query(mine, `SELECT ${'1+'.repeat(7_000)}1`)).rejects.toThrow(/nested too deeply/)
    await expect(query(mine, `SELECT ${'1+'.repeat(30_000)}1`)).rejects.toThrow()
    expect(await query(mine, 'SELECT 1 AS one', { type: 'SELECT' })).toEqual([{ one: 1 }])
  })
})

let hostRole: string
beforeAll(async () => {
  hostRole = (await database.pool.query('SELECT current_user AS name')).rows[0].name
})

async function countOutbox(): Promise<number> {
  return (await database.pool.query('SELECT count(*)::int AS count FROM tenon.outbox')).rows[0].count
}
