import type { SqlExhaustion, SqlHold } from './attack.js'

const writeRisk = `INSERT INTO {own}.risks (risk_name, risk_description, ai_lifecycle_phase, likelihood, severity) VALUES ('of a person', 'x', 'Model development & training', 'Rare', 'Minor')`
const writeUser = `UPDATE public.users SET last_login = now() WHERE id = {victimUser}`

/** Locks that a plugin keeps, while a person or the host wants to work. */
export const holds: SqlHold[] = [
  {
    name: 'keeps a lock on users by reading them, while the host migrates',
    sql: 'SELECT id FROM public.users',
    meanwhile:
      'ALTER TABLE public.users ADD COLUMN tenon_doctor int; ALTER TABLE public.users DROP COLUMN tenon_doctor',
  },
  {
    name: 'keeps a lock on users, while another organization signs in',
    sql: 'SELECT id FROM public.users',
    meanwhile: writeUser,
  },
  { name: 'locks the rows of users', sql: 'SELECT id FROM public.users FOR UPDATE', meanwhile: writeUser },
  { name: 'locks the table of users', sql: 'LOCK TABLE public.users IN ACCESS EXCLUSIVE MODE', meanwhile: writeUser },
  {
    name: 'locks the table of webhooks',
    sql: 'LOCK TABLE public.slack_webhooks IN ACCESS EXCLUSIVE MODE',
    meanwhile: 'UPDATE public.slack_webhooks SET updated_at = now() WHERE organization_id = {victimOrganization}',
  },
  {
    name: 'keeps rows of its own tenant that a person changes',
    sql: 'UPDATE projects SET goal = goal',
    meanwhile: `UPDATE {own}.projects SET goal = 'of a person'`,
  },
  {
    name: 'keeps rows of its own tenant with FOR UPDATE',
    sql: 'SELECT id FROM projects FOR UPDATE',
    meanwhile: `UPDATE {own}.projects SET goal = 'of a person'`,
  },
  {
    name: 'keeps a table of its own tenant by reading it, while the host migrates',
    sql: 'SELECT id FROM risks',
    meanwhile: 'ALTER TABLE {own}.risks ADD COLUMN tenon_doctor int; ALTER TABLE {own}.risks DROP COLUMN tenon_doctor',
  },
  { name: 'locks a host table of its own tenant', sql: 'LOCK TABLE risks IN EXCLUSIVE MODE', meanwhile: writeRisk },
  {
    name: 'keeps a lock with a row that it inserts into a host table',
    sql: `INSERT INTO projects (uc_id, project_title, start_date, goal) VALUES ('taken', 'x', now(), 'x')`,
    meanwhile: `INSERT INTO {own}.projects (uc_id, project_title, start_date, goal) VALUES ('taken', 'x', now(), 'x') ON CONFLICT DO NOTHING`,
  },
  {
    name: 'keeps a lock with a table that it is making, while the host makes another',
    sql: 'CREATE TABLE lingering (a int)',
    meanwhile: 'CREATE TABLE {own}.of_the_host (a int); DROP TABLE {own}.of_the_host',
  },
  {
    name: 'holds more locks than the server has room for',
    sql: [
      'CREATE TABLE crowd (a int) PARTITION BY LIST (a)',
      ...Array.from({ length: 60 }, (_, at) => `CREATE INDEX crowd_${at} ON crowd (a)`),
      ...Array.from({ length: 300 }, (_, at) => `CREATE TABLE crowd_of_${at} PARTITION OF crowd FOR VALUES IN (${at})`),
      'SELECT count(*) FROM crowd',
    ],
    meanwhile: writeRisk,
  },
  {
    name: 'keeps a name in the schema that the host wants',
    sql: 'CREATE TABLE wanted (a int)',
    meanwhile: 'CREATE TABLE {own}.wanted (a int); DROP TABLE {own}.wanted',
  },
  {
    name: 'keeps a lock by inserting a risk, while the host adds a column',
    sql: `INSERT INTO risks (risk_name, risk_description, ai_lifecycle_phase, likelihood, severity) VALUES ('x', 'x', 'Model development & training', 'Rare', 'Minor')`,
    meanwhile: 'ALTER TABLE {own}.risks ADD COLUMN tenon_doctor int; ALTER TABLE {own}.risks DROP COLUMN tenon_doctor',
  },
]

/** What would last for ever, or take everything. */
export const exhaustions: SqlExhaustion[] = [
  {
    name: 'compares long lists, in which the server looks at no clock',
    sql: 'SELECT array_fill(1, ARRAY[45000]) <@ (array_fill(0, ARRAY[45000]) || 1)',
    times: 2,
  },
  { name: 'counts for ever', sql: 'SELECT count(*) FROM generate_series(1, 1000000000000)' },
  {
    name: 'recurs for ever',
    sql: 'WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT max(n) FROM r',
  },
  {
    name: 'fills the disk with temporary files',
    sql: `SELECT count(*) FROM (SELECT repeat('x', 1000) || n FROM generate_series(1, 100000000) n ORDER BY 1) x`,
  },
  {
    name: 'fills the memory with one text',
    sql: `SELECT length(string_agg(repeat('x', 1000000), '')) FROM generate_series(1, 2000)`,
  },
  { name: 'answers with more rows than anybody wants', sql: 'SELECT n FROM generate_series(1, 100000000) n' },
  {
    name: 'answers with more bytes than anybody wants',
    sql: `SELECT repeat('x', 1000000) FROM generate_series(1, 1000)`,
  },
  { name: 'tries a pattern that never ends', sql: `SELECT repeat('a', 5000) ~ '^(a+)+$(b|c)*((a?){20})\\1d'` },
  { name: 'takes every connection', sql: 'SELECT count(*) FROM generate_series(1, 100000000)', times: 20 },
  {
    name: 'multiplies tables with each other',
    sql: 'SELECT count(*) FROM pg_class a, pg_class b, pg_class c, pg_class d',
  },
  {
    name: 'sends what is too deep to be read, again and again',
    sql: `SELECT ${'1+'.repeat(8_100)}1`,
    times: 60,
  },
  { name: 'sends more statements than the host can judge', sql: 'SELECT 1;'.repeat(400_000), times: 4 },
  {
    name: 'names more tables than the host can judge',
    sql: `SELECT 1 FROM ${'risks,'.repeat(400_000)}risks`,
    times: 4,
  },
  {
    name: 'answers with megabytes of JSON that the host would parse',
    sql: `SELECT ('{' || string_agg(format('"%s":1', n), ',') || '}')::json FROM generate_series(1, 1500000) n`,
    times: 4,
  },
  { name: 'sends what is far too deep to be read', sql: `SELECT ${'1+'.repeat(200_000)}1`, times: 20 },
]
