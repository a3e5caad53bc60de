import type { SqlAttack } from './attack.js'

/** Reading and changing what belongs to another tenant, to the host, or to another plugin of the same tenant. */
export const rowsOfOthers: SqlAttack[] = [
  // Reading another tenant
  { name: 'selects from a table of another tenant', sql: 'SELECT * FROM {victim}.risks', hole: 'row' },
  { name: 'reads another tenant with TABLE', sql: 'TABLE {victim}.risks', hole: 'row' },
  { name: 'counts the rows of another tenant', sql: 'SELECT count(*) FROM {victim}.risks', hole: 'row' },
  { name: 'asks whether another tenant has rows', sql: 'SELECT EXISTS (SELECT FROM {victim}.risks)', hole: 'row' },
  {
    name: 'reads another tenant in a scalar subquery',
    sql: 'SELECT (SELECT risk_name FROM {victim}.risks LIMIT 1)',
    hole: 'row',
  },
  {
    name: 'reads another tenant in WITH',
    sql: 'WITH x AS (SELECT * FROM {victim}.risks) SELECT * FROM x',
    hole: 'row',
  },
  {
    name: 'reads another tenant in a UNION with its own rows',
    sql: 'SELECT risk_name FROM risks UNION ALL SELECT risk_name FROM {victim}.risks',
    hole: 'row',
  },
  {
    name: 'joins another tenant laterally',
    sql: 'SELECT r.* FROM risks, LATERAL (SELECT * FROM {victim}.risks) r',
    hole: 'row',
  },
  {
    name: 'reads another tenant in ORDER BY',
    sql: 'SELECT 1 ORDER BY (SELECT risk_name FROM {victim}.risks LIMIT 1)',
    hole: 'row',
  },
  { name: 'reads another tenant in LIMIT', sql: 'SELECT 1 LIMIT (SELECT count(*) FROM {victim}.risks)', hole: 'row' },
  {
    name: 'reads another tenant in RETURNING',
    sql: 'INSERT INTO loot VALUES (1) RETURNING (SELECT risk_name FROM {victim}.risks LIMIT 1)',
    hole: 'row',
  },
  {
    name: 'copies rows of another tenant into its own table',
    sql: ['INSERT INTO loot SELECT risk_name FROM {victim}.risks', 'SELECT * FROM loot'],
  },
  {
    name: 'makes a table of rows of another tenant',
    sql: ['CREATE TABLE taken AS SELECT * FROM {victim}.risks', 'SELECT * FROM taken'],
    hole: 'done',
  },
  {
    name: 'makes a table with SELECT INTO from another tenant',
    sql: ['SELECT * INTO taken2 FROM {victim}.risks', 'SELECT * FROM taken2'],
    hole: 'done',
  },
  {
    name: 'reads another tenant from configure()',
    sql: 'SELECT * FROM {victim}.risks',
    send: 'lifecycle',
    hole: 'row',
  },
  {
    name: 'reads another tenant inside a transaction',
    sql: 'SELECT * FROM {victim}.risks',
    send: 'transaction',
    hole: 'row',
  },
  { name: 'reads the table of a plugin of another tenant', sql: 'SELECT * FROM {victim}.treasure', hole: 'row' },
  { name: 'reads the table of another plugin of its own tenant', sql: 'SELECT * FROM {own}.neighbours', hole: 'row' },
  {
    name: 'changes the table of another plugin of its own tenant',
    sql: `UPDATE {own}.neighbours SET secret = 'x'`,
    hole: 'done',
  },
  { name: 'drops the table of another plugin of its own tenant', sql: 'DROP TABLE {own}.neighbours', hole: 'done' },
  {
    name: 'unmasks another tenant by a row type',
    sql: `SELECT r FROM (SELECT NULL::{victim}.risks AS r) x WHERE r IS NOT NULL`,
    hole: 'row',
  },

  // Changing another tenant
  {
    name: 'inserts into another tenant',
    sql: `INSERT INTO {victim}.projects (project_title, start_date, goal) VALUES ('x', now(), 'x')`,
    hole: 'done',
  },
  { name: 'updates another tenant', sql: `UPDATE {victim}.risks SET risk_name = 'x'`, hole: 'done' },
  { name: 'deletes from another tenant', sql: 'DELETE FROM {victim}.risks', hole: 'done' },
  { name: 'truncates a table of another tenant', sql: 'TRUNCATE {victim}.risks CASCADE', hole: 'done' },
  {
    name: 'merges into another tenant',
    sql: `MERGE INTO {victim}.risks r USING (SELECT 1 AS id) s ON r.id = s.id WHEN MATCHED THEN DELETE`,
    hole: 'done',
  },
  {
    name: 'deletes from another tenant in WITH',
    sql: 'WITH gone AS (DELETE FROM {victim}.risks RETURNING *) SELECT * FROM gone',
    hole: 'row',
  },
  {
    name: 'updates another tenant from configure()',
    sql: `UPDATE {victim}.risks SET risk_name = 'x'`,
    send: 'lifecycle',
    hole: 'done',
  },
  { name: 'locks rows of another tenant', sql: 'SELECT * FROM {victim}.risks FOR UPDATE', hole: 'row' },
  {
    name: 'takes numbers of a sequence of another tenant',
    sql: `SELECT nextval('{victim}.risks_id_seq')`,
    hole: 'row',
  },
  { name: 'sets a sequence of another tenant', sql: `SELECT setval('{victim}.risks_id_seq', 1000000)`, hole: 'row' },
  {
    name: 'reads where a sequence of another tenant is',
    sql: 'SELECT last_value FROM {victim}.risks_id_seq',
    hole: 'row',
  },
  {
    name: 'reads where a sequence of another tenant is, by function',
    sql: `SELECT 1 WHERE pg_sequence_last_value('{victim}.risks_id_seq') IS NOT NULL`,
    hole: 'row',
  },

  // Structure of another tenant
  { name: 'makes a table in the schema of another tenant', sql: 'CREATE TABLE {victim}.planted (a int)', hole: 'done' },
  {
    name: 'makes a type in the schema of another tenant',
    sql: `CREATE TYPE {victim}.planted AS ENUM ('a')`,
    hole: 'done',
  },
  {
    name: 'moves its own table into the schema of another tenant',
    sql: 'ALTER TABLE loot SET SCHEMA {victim}',
    hole: 'done',
  },
  { name: 'drops a table of another tenant', sql: 'DROP TABLE {victim}.risks CASCADE', hole: 'done' },
  {
    name: 'adds a column to a table of another tenant',
    sql: 'ALTER TABLE {victim}.risks ADD COLUMN planted int',
    hole: 'done',
  },
  { name: 'renames a table of another tenant', sql: 'ALTER TABLE {victim}.risks RENAME TO planted', hole: 'done' },
  {
    name: 'makes an index on a table of another tenant',
    sql: 'CREATE INDEX ON {victim}.risks (risk_name)',
    hole: 'done',
  },
  { name: 'comments on a table of another tenant', sql: `COMMENT ON TABLE {victim}.risks IS 'planted'`, hole: 'done' },
  { name: 'drops the schema of another tenant', sql: 'DROP SCHEMA {victim} CASCADE', hole: 'done' },
  { name: 'renames the schema of another tenant', sql: 'ALTER SCHEMA {victim} RENAME TO planted', hole: 'done' },
  {
    name: 'inherits from a table of another tenant',
    sql: 'CREATE TABLE child () INHERITS ({victim}.risks)',
    hole: 'done',
  },
  {
    name: 'makes its table a child of one of another tenant',
    sql: 'ALTER TABLE loot INHERIT {victim}.risks',
    hole: 'done',
  },
  {
    name: 'copies the structure of a table of another tenant',
    sql: 'CREATE TABLE likeness (LIKE {victim}.risks INCLUDING ALL)',
    hole: 'done',
  },
  {
    name: 'refers to a table of another tenant',
    sql: 'CREATE TABLE oracle (id int REFERENCES {victim}.risks (id))',
    hole: 'done',
  },
  {
    name: 'attaches a table of another tenant as a partition',
    sql: [
      'CREATE TABLE parts (id int) PARTITION BY RANGE (id)',
      'ALTER TABLE parts ATTACH PARTITION {victim}.risks DEFAULT',
    ],
    hole: 'done',
  },

  // Tables of the host
  { name: 'reads which tenants there are', sql: 'SELECT * FROM tenon.tenants', hole: 'row' },
  { name: 'reads the roles of plugins', sql: 'SELECT * FROM tenon.plugin_roles', hole: 'row' },
  { name: 'reads the sealed keys of the host', sql: 'SELECT * FROM tenon.data_keys', hole: 'row' },
  { name: 'reads connected accounts', sql: 'SELECT * FROM tenon.connections', hole: 'done' },
  { name: 'reads states of OAuth round trips', sql: 'SELECT * FROM tenon.oauth_states', hole: 'done' },
  { name: 'reads the code of other plugins', sql: 'SELECT * FROM tenon.artifacts', hole: 'done' },
  { name: 'reads the events of other tenants', sql: 'SELECT * FROM tenon.outbox', hole: 'done' },
  { name: 'reads what work waits', sql: 'SELECT * FROM tenon_queue._private_jobs', hole: 'done' },
  { name: 'reads what work waits through the view', sql: 'SELECT * FROM tenon_queue.jobs', hole: 'done' },
  {
    name: 'has the host do the work of another tenant',
    sql: `SELECT tenon_queue.add_job('run', json_build_object('runId', gen_random_uuid()))`,
    hole: 'done',
  },
  {
    name: 'takes the work of all from the queue',
    sql: 'SELECT tenon_queue.force_unlock_workers(array_agg(locked_by)) FROM tenon_queue.jobs',
    hole: 'done',
  },
  { name: 'reads the history of other tenants', sql: 'SELECT * FROM tenon.plugin_events', hole: 'done' },
  {
    name: 'makes itself the role of another organization',
    sql: `UPDATE tenon.plugin_roles SET organization_id = {victimOrganization} WHERE role = session_user`,
    hole: 'done',
  },
  {
    name: 'writes an event of another organization',
    sql: `INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES ({victimOrganization}, 'x', 'x', '{}')`,
    hole: 'done',
  },
  {
    name: 'publishes an event that it did not declare',
    sql: `SELECT tenon_api.publish('risk.deleted', '{}')`,
    hole: 'row',
  },
  { name: 'calls a trigger function of the host', sql: 'SELECT public.tenon_same_organization()', hole: 'row' },
  {
    name: 'reads the configurations of other plugins of its tenant',
    sql: 'SELECT * FROM plugin_installations',
    hole: 'done',
  },
  {
    name: 'changes the installations of its tenant',
    sql: `UPDATE plugin_installations SET status = 'disabled'`,
    hole: 'done',
  },
  { name: 'reads the contents of files', sql: 'SELECT content FROM files', hole: 'done' },
  { name: 'reads the contents of files as a whole row', sql: 'SELECT f FROM files f', hole: 'done' },
  { name: 'changes a host table that it may only read', sql: `UPDATE risks SET risk_name = 'x'`, hole: 'done' },
  { name: 'deletes from a host table that it may only read', sql: 'DELETE FROM risks', hole: 'done' },
  {
    name: 'adds a column to a host table of its tenant',
    sql: 'ALTER TABLE risks ADD COLUMN planted int',
    hole: 'done',
  },
  { name: 'switches off the triggers of a host table', sql: 'ALTER TABLE risks DISABLE TRIGGER ALL', hole: 'done' },
  { name: 'drops a host table of its tenant', sql: 'DROP TABLE risks CASCADE', hole: 'done' },
  { name: 'drops a host table from configure()', sql: 'DROP TABLE risks CASCADE', send: 'lifecycle', hole: 'done' },
  {
    name: 'takes over a host table with CREATE TABLE IF NOT EXISTS',
    sql: ['CREATE TABLE IF NOT EXISTS risks (id int)'],
    hole: 'done',
    onlyGuarded: true,
  },
  { name: 'makes an index on a host table', sql: 'CREATE INDEX planted ON risks (risk_name)', hole: 'done' },
  { name: 'comments on a host table', sql: `COMMENT ON TABLE risks IS 'planted'`, hole: 'done' },
  {
    name: 'refers to a host table',
    sql: 'CREATE TABLE blocker (id int REFERENCES risks (id) ON DELETE RESTRICT)',
    hole: 'done',
  },
  { name: 'inherits from a host table of its tenant', sql: 'CREATE TABLE child () INHERITS (risks)', hole: 'done' },
  { name: 'makes a table in public', sql: 'CREATE TABLE public.planted (a int)', hole: 'done' },
  { name: 'makes a schema', sql: 'CREATE SCHEMA planted', hole: 'done' },

  // Shared tables under row-level security
  { name: 'reads all columns of all users', sql: 'SELECT * FROM public.users', hole: 'done' },
  { name: 'reads password hashes', sql: 'SELECT password_hash FROM public.users', hole: 'done' },
  {
    name: 'asks for users of another organization',
    sql: 'SELECT id FROM public.users WHERE organization_id = {victimOrganization}',
    hole: 'row',
  },
  { name: 'counts users of other organizations', sql: 'SELECT 1 FROM public.users HAVING count(*) > 1', hole: 'row' },
  {
    name: 'asks for a user of another organization by id',
    sql: 'SELECT * FROM (SELECT id, email FROM public.users) u WHERE id = {victimUser}',
    hole: 'row',
  },
  { name: 'makes a cast fail on rows that it may not see', sql: 'SELECT id FROM public.users WHERE surname::int > 0' },
  {
    name: 'divides by zero on rows that it may not see',
    sql: 'SELECT id FROM public.users WHERE 1 / (organization_id - {victimOrganization}) > 0',
    hole: /division by zero/,
  },
  {
    name: 'filters with a comparison that reports its operands',
    sql: `SELECT id FROM public.users WHERE ('{"a":"' || email || '"')::json IS NOT NULL`,
  },
  {
    name: 'sorts by an expression that fails on rows that it may not see',
    sql: 'SELECT id FROM public.users ORDER BY email::xml::text::int',
  },
  { name: 'reads organizations', sql: 'SELECT * FROM public.organizations', hole: 'row' },
  { name: 'reads who tried to sign in', sql: 'SELECT * FROM public.request_limits', hole: 'done' },
  {
    name: 'writes a user',
    sql: `INSERT INTO public.users (name, surname, email, password_hash, role_id, organization_id) VALUES ('x', 'x', 'x@x', 'x', 1, {organization})`,
    hole: 'done',
  },
  { name: 'changes a user', sql: `UPDATE public.users SET name = 'x'`, hole: 'done' },
  {
    name: 'reads webhooks of another organization',
    sql: 'SELECT * FROM public.slack_webhooks WHERE organization_id = {victimOrganization}',
    hole: 'row',
  },
  {
    name: 'reads webhooks of another plugin of its organization',
    sql: 'SELECT * FROM public.slack_webhooks WHERE owner_role <> session_user',
    hole: 'row',
  },
  {
    name: 'changes webhooks of others',
    sql: `UPDATE public.slack_webhooks SET url = 'https://attacker.example' WHERE organization_id <> {organization} RETURNING id`,
    hole: 'row',
  },
  {
    name: 'deletes webhooks of others',
    sql: 'DELETE FROM public.slack_webhooks WHERE organization_id <> {organization} RETURNING id',
    hole: 'row',
  },
  {
    name: 'writes a webhook for another organization',
    sql: `INSERT INTO public.slack_webhooks (access_token, scope, team_name, team_id, channel, channel_id, configuration_url, url, organization_id) VALUES ('x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', {victimOrganization})`,
    hole: 'done',
  },
  {
    name: 'gives a webhook to the role of another organization',
    sql: [
      `INSERT INTO public.slack_webhooks (access_token, scope, team_name, team_id, channel, channel_id, configuration_url, url) VALUES ('x', 'x', 'x', 'x', 'x', 'x', 'x', 'x')`,
      'UPDATE public.slack_webhooks SET organization_id = {victimOrganization}',
    ],
    hole: 'done',
  },
  {
    name: 'reads a webhook of others through ON CONFLICT',
    sql: `INSERT INTO public.slack_webhooks (id, access_token, scope, team_name, team_id, channel, channel_id, configuration_url, url) SELECT w, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x' FROM generate_series(1, 50) w ON CONFLICT (id) DO UPDATE SET url = 'x' RETURNING access_token`,
    hole: 'done',
  },
  {
    name: 'occupies the numbers that the next webhooks of others would get',
    sql: `INSERT INTO public.slack_webhooks (id, access_token, scope, team_name, team_id, channel, channel_id, configuration_url, url) VALUES (2000000000, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x')`,
    hole: 'done',
  },
  {
    name: 'uses up the numbers of a shared table',
    sql: `SELECT max(nextval('public.slack_webhooks_id_seq')) FROM generate_series(1, 1000)`,
    hole: 'row',
  },
  {
    name: 'names a user of another organization as the owner of a risk',
    sql: `INSERT INTO risks (risk_name, risk_description, ai_lifecycle_phase, likelihood, severity, risk_owner) VALUES ('x', 'x', 'Model development & training', 'Rare', 'Minor', {victimUser})`,
    hole: 'done',
  },
  {
    name: 'makes a user of another organization the owner of a project',
    sql: 'UPDATE projects SET owner = {victimUser}',
    hole: 'done',
  },
  {
    name: 'tells a user of another organization from one who does not exist',
    sql: ['UPDATE projects SET owner = {victimUser}', 'UPDATE projects SET owner = 2147483000'],
    hole: /(?=.*not a member)(?=.*not present in table)/s,
  },
  {
    name: 'refers to users from its own table',
    sql: ['CREATE TABLE spy (id int REFERENCES public.users (id))', 'INSERT INTO spy VALUES ({victimUser})'],
    hole: 'done',
  },
]
