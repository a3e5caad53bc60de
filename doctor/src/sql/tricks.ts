import type { SqlAttack } from './attack.js'

const nested = (depth: number) => `SELECT ${'('.repeat(depth)}1${')'.repeat(depth)}`

/** Ways of saying something that the guard, the façade or the parser might take for something else. */
export const tricks: SqlAttack[] = [
  { name: 'hides a statement behind a harmless one', sql: 'SELECT 1; SELECT * FROM {victim}.risks', hole: 'row' },
  {
    name: 'hides a statement behind a comment',
    sql: `SELECT 1 -- \n; SET ROLE {host}; SELECT * FROM tenon.tenants`,
    hole: 'done',
  },
  { name: 'hides a statement between nested comments', sql: '/* /* */ SELECT 1 */ SET ROLE {host}', hole: 'done' },
  {
    name: 'hides a statement in a dollar quote that ends early',
    sql: `SELECT $a$ $b$ $a$; SET ROLE {host} --$b$`,
    hole: 'done',
  },
  { name: 'hides a statement behind a backslash quote', sql: `SELECT 'a\\'; SET ROLE {host}; --'`, hole: 'done' },
  { name: 'hides a name in Unicode escapes', sql: `SELECT U&"\\0073et_config"('role', '{host}', false)`, hole: 'row' },
  {
    name: 'hides a name in Unicode escapes with another mark',
    sql: `SELECT U&"!0070g_read_file" UESCAPE '!' ('/etc/passwd')`,
    hole: 'row',
  },
  { name: 'hides a function behind its schema', sql: `SELECT pg_catalog.pg_read_file('/etc/passwd')`, hole: 'row' },
  { name: 'hides a function in FROM', sql: `SELECT * FROM pg_read_file('PG_VERSION')`, hole: 'row' },
  {
    name: 'hides a function in ROWS FROM',
    sql: `SELECT * FROM ROWS FROM (pg_ls_dir('.'), generate_series(1, 2))`,
    hole: 'row',
  },
  { name: 'hides a function in VALUES', sql: `VALUES (set_config('role', '{host}', false))`, hole: 'row' },
  {
    name: 'hides a function in a window',
    sql: `SELECT row_number() OVER (ORDER BY set_config('role', '{host}', false))`,
    hole: 'row',
  },
  { name: 'hides a function in CASE', sql: `SELECT CASE WHEN true THEN pg_read_file('PG_VERSION') END`, hole: 'row' },
  {
    name: 'hides a function in a table function of XML',
    sql: `SELECT * FROM XMLTABLE('/a' PASSING xmlparse(content pg_read_file('/etc/passwd')) COLUMNS a text)`,
    hole: 'row',
  },
  {
    name: 'hides a function in a default',
    sql: [
      `CREATE TABLE sly (a text DEFAULT pg_read_file('PG_VERSION'))`,
      'INSERT INTO sly DEFAULT VALUES',
      'SELECT * FROM sly',
    ],
    hole: 'row',
  },
  {
    name: 'hides a function in ALTER TABLE',
    sql: [`ALTER TABLE loot ADD COLUMN b text DEFAULT set_config('role', '{host}', false)`],
    hole: 'done',
  },
  {
    name: 'hides a function in a conversion of a column',
    sql: [`ALTER TABLE loot ALTER COLUMN a TYPE text USING pg_read_file('PG_VERSION')`],
    hole: 'done',
  },
  {
    name: 'hides a function in ON CONFLICT',
    sql: `INSERT INTO loot VALUES (1) ON CONFLICT DO NOTHING RETURNING pg_read_file('PG_VERSION')`,
    hole: 'row',
  },
  {
    name: 'hides a function in the bound of a partition',
    sql: [
      `CREATE TABLE p (a text) PARTITION BY LIST (a)`,
      `CREATE TABLE p1 PARTITION OF p FOR VALUES IN (pg_read_file('PG_VERSION'))`,
    ],
    hole: 'done',
  },
  {
    name: 'hides a function in an identity option',
    sql: `CREATE TABLE ident (a int GENERATED ALWAYS AS (length(pg_read_file('PG_VERSION'))) STORED)`,
    hole: 'done',
  },
  {
    name: 'names a function by its number',
    sql: `SELECT 'pg_read_file(text)'::regprocedure::oid`,
    residue: 'numbers of functions',
  },
  {
    name: 'runs SQL from a text with query_to_xml',
    sql: `SELECT query_to_xml('SELECT * FROM {victim}.risks', true, false, '')`,
    hole: 'row',
  },
  {
    name: 'runs SQL from a text with table_to_xml',
    sql: `SELECT table_to_xml('{victim}.risks', true, false, '')`,
    hole: 'row',
  },
  {
    name: 'runs SQL from a text with schema_to_xml',
    sql: `SELECT schema_to_xml('{victimName}', true, false, '')`,
    hole: 'row',
  },
  { name: 'runs SQL from a text with database_to_xml', sql: `SELECT database_to_xml(true, false, '')`, hole: 'row' },
  {
    name: 'runs SQL from a text with ts_stat',
    sql: `SELECT * FROM ts_stat('SELECT to_tsvector(risk_name) FROM {victim}.risks')`,
    hole: 'row',
  },
  {
    name: 'runs SQL from a text with ts_rewrite',
    sql: `SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, risk_name::tsquery FROM {victim}.risks')`,
    hole: 'row',
  },
  {
    name: 'runs SQL from a text with EXECUTE in DO',
    sql: `DO $$ BEGIN EXECUTE 'SET ROLE {host}'; END $$`,
    hole: 'done',
  },
  {
    name: 'runs a DO block from configure()',
    sql: `DO $$ BEGIN PERFORM set_config('role', '{host}', false); END $$`,
    send: 'lifecycle',
    hole: 'done',
  },
  {
    name: 'hides PERFORM in an allowed DO block',
    sql: `DO $$ BEGIN IF EXISTS (SELECT 1) THEN PERFORM pg_sleep(10); END IF; END $$`,
    hole: 'done',
  },
  {
    name: 'hides a function in the condition of an allowed DO block',
    sql: `DO $$ BEGIN IF EXISTS (SELECT set_config('role', '{host}', false)) THEN CREATE TABLE d1 (a int); END IF; END $$`,
    hole: 'done',
  },
  {
    name: 'hides a second condition in an allowed DO block',
    sql: `DO $$ BEGIN IF EXISTS (SELECT 1) AND pg_read_file('PG_VERSION') IS NOT NULL THEN CREATE TABLE d2 (a int); END IF; END $$`,
    hole: 'done',
  },
  {
    name: 'hides a statement in the branch of an allowed DO block',
    sql: `DO $$ BEGIN IF EXISTS (SELECT 1) THEN SET ROLE {host}; END IF; END $$`,
    hole: 'done',
  },
  {
    name: 'ends the condition of an allowed DO block early',
    sql: `DO $$ BEGIN IF EXISTS (SELECT 1)); SET ROLE {host}; SELECT (true THEN CREATE TABLE d3 (a int); END IF; END $$`,
    hole: 'done',
  },
  {
    name: 'catches errors in a DO block',
    sql: `DO $$ BEGIN IF EXISTS (SELECT 1) THEN CREATE TABLE d4 (a int); END IF; EXCEPTION WHEN OTHERS THEN SET ROLE {host}; END $$`,
    hole: 'done',
  },
  { name: 'uses another language in DO', sql: `DO LANGUAGE plpython3u $$ import os $$`, hole: 'done' },
  {
    name: 'puts elements into CREATE SCHEMA',
    sql: `CREATE SCHEMA IF NOT EXISTS {own} CREATE VIEW planted AS SELECT 1`,
    hole: 'done',
  },
  {
    name: 'makes its schema anew for itself',
    sql: `CREATE SCHEMA IF NOT EXISTS {own} AUTHORIZATION {role}`,
    onlyGuarded: true,
    hole: /"owner":true/,
  },
  {
    name: 'names another schema of almost the same name',
    sql: [`CREATE SCHEMA IF NOT EXISTS "{ownName}x"`, `SELECT 1 FROM pg_namespace WHERE nspname = '{ownName}x'`],
    hole: 'row',
  },
  {
    name: 'cuts a name at 63 bytes to meet another',
    sql: `SELECT * FROM {victim}."risks${' '.repeat(70)}"`,
    hole: 'row',
  },
  {
    name: 'ends its text with the character zero',
    sql: `SELECT 1\u0000; SET ROLE {host}`,
    onlyGuarded: true,
    hole: 'done',
  },
  { name: 'sends half a character', sql: `SELECT '\ud800'; SET ROLE {host}`, hole: 'done' },
  {
    name: 'changes the encoding of the connection',
    sql: [`SET client_encoding = 'SJIS'`, `SELECT '\u00a5''; SET ROLE {host}; --'`],
    onlyGuarded: true,
    hole: 'done',
  },
  { name: 'uses letters that look like others', sql: 'SELECT * FROM {victim}.r\u0456sks', hole: 'row' },
  {
    name: 'breaks out of a replacement',
    sql: 'SELECT :value::text AS value',
    replacements: { value: `'; SET ROLE {host}; SELECT '` },
    onlyGuarded: true,
    hole: /insufficient|permission denied to set role/,
  },
  {
    name: 'breaks out of a replacement with a backslash',
    sql: `SELECT E'\\\\' || :value AS value`,
    replacements: { value: `'; SELECT * FROM {victim}.risks; --` },
    onlyGuarded: true,
  },
  {
    name: 'smuggles a list where a value belongs',
    sql: 'SELECT * FROM risks WHERE risk_name = (:value)',
    replacements: { value: [`x') UNION SELECT * FROM {victim}.risks --`] },
    onlyGuarded: true,
  },
  {
    name: 'binds a name of a table',
    sql: 'SELECT $1::regclass',
    bind: ['{victim}.risks'],
    onlyGuarded: true,
    residue: 'names of tables',
  },
  { name: 'casts a text to a function', sql: `SELECT 'set_config'::regproc`, residue: 'numbers of functions' },
  { name: 'asks EXPLAIN about another tenant', sql: 'EXPLAIN SELECT * FROM {victim}.risks', hole: 'row' },
  { name: 'lets EXPLAIN ANALYZE delete', sql: 'EXPLAIN ANALYZE DELETE FROM {victim}.risks', hole: 'row' },
  { name: 'calls a procedure', sql: 'CALL planted()', hole: 'done' },
  { name: 'nests ten thousand brackets', sql: nested(10_000), onlyGuarded: true },
  { name: 'chains fifty thousand operators', sql: `SELECT 1${' + 1'.repeat(50_000)}`, onlyGuarded: true },
  {
    name: 'shadows a table of the catalog',
    sql: ['CREATE TABLE pg_class (relname text, relnamespace oid, relowner oid, oid oid)', 'SELECT 1'],
  },
  {
    name: 'shadows a table of the catalog with one of its own name in configure()',
    sql: ['CREATE TABLE pg_namespace (nspname text, oid oid)'],
    send: 'lifecycle',
  },
  {
    name: 'puts the canary of others into an error',
    sql: `SELECT (SELECT risk_name FROM {victim}.risks LIMIT 1)::int`,
  },
  {
    name: 'meets a value of others in a unique column',
    sql: `UPDATE projects SET uc_id = (SELECT uc_id FROM {victim}.projects LIMIT 1)`,
    hole: 'done',
  },
]
