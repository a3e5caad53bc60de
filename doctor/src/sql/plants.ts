import type { SqlPlant } from './attack.js'

const trap = `nextval('{evidence}')`

/**
 * Things that lie in wait in the attacker's own schema until the host does what it does: migrates, lists, configures,
 * uninstalls, copies. Each leaves a trace when somebody runs it; the attacker itself never does.
 */
export const plants: SqlPlant[] = [
  { name: 'a view', sql: `CREATE VIEW {plant} AS SELECT ${trap}` },
  { name: 'a materialized view', sql: `CREATE MATERIALIZED VIEW {plant} AS SELECT ${trap} WITH NO DATA` },
  {
    name: 'a rule',
    sql: [
      'CREATE TABLE {plant} (a int)',
      `CREATE RULE planted AS ON SELECT TO {plant} DO INSTEAD SELECT ${trap}::int AS a`,
    ],
  },
  { name: 'a rule on a host table', sql: `CREATE RULE planted AS ON INSERT TO {own}.risks DO ALSO SELECT ${trap}` },
  {
    name: 'a trigger function',
    sql: `CREATE FUNCTION {plant}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM ${trap}; RETURN NEW; END $$`,
  },
  {
    name: 'a trigger on a host table',
    sql: `CREATE TRIGGER planted BEFORE INSERT ON {own}.risks FOR EACH ROW EXECUTE FUNCTION public.tenon_same_organization('risk_owner')`,
  },
  {
    name: 'an event trigger',
    sql: `CREATE EVENT TRIGGER planted ON ddl_command_end EXECUTE FUNCTION public.tenon_same_organization()`,
  },
  { name: 'a column default', sql: `CREATE TABLE {plant} (id int, a bigint DEFAULT ${trap})` },
  { name: 'a check of a column', sql: `CREATE TABLE {plant} (id int CHECK (${trap} > 0))` },
  {
    name: 'a check that is not validated',
    sql: ['CREATE TABLE {plant} (id int)', `ALTER TABLE {plant} ADD CHECK (${trap} > 0) NOT VALID`],
  },
  { name: 'a generated column', sql: `CREATE TABLE {plant} (id int, a bigint GENERATED ALWAYS AS (${trap}) STORED)` },
  { name: 'an index on an expression', sql: ['CREATE TABLE {plant} (id int)', `CREATE INDEX ON {plant} ((${trap}))`] },
  {
    name: 'an index with a condition',
    sql: ['CREATE TABLE {plant} (id int)', `CREATE INDEX ON {plant} (id) WHERE ${trap} > 0`],
  },
  {
    name: 'extended statistics on an expression',
    sql: ['CREATE TABLE {plant} (id int)', `CREATE STATISTICS ON (${trap}), id FROM {plant}`],
  },
  {
    name: 'a row policy',
    sql: [
      'CREATE TABLE {plant} (id int)',
      'ALTER TABLE {plant} ENABLE ROW LEVEL SECURITY',
      `CREATE POLICY planted ON {plant} USING (${trap} > 0)`,
    ],
  },
  {
    name: 'a row policy that binds owners',
    sql: ['CREATE TABLE {plant} (id int)', 'ALTER TABLE {plant} FORCE ROW LEVEL SECURITY'],
  },
  { name: 'a row policy on a host table', sql: `CREATE POLICY planted ON {own}.risks USING (${trap} > 0)` },
  { name: 'a domain with a check', sql: `CREATE DOMAIN {plant} AS int CHECK (${trap} > 0)` },
  {
    name: 'an operator that hides a built-in one',
    sql: 'CREATE OPERATOR {own}.= (LEFTARG = text, RIGHTARG = text, FUNCTION = texteq)',
  },
  {
    name: 'a function that hides a built-in one',
    sql: `CREATE FUNCTION {own}.lower(text) RETURNS text LANGUAGE sql AS $$ SELECT ${trap}::text $$`,
  },
  { name: 'an implicit cast', sql: 'CREATE CAST (text AS int) WITH INOUT AS IMPLICIT' },
  { name: 'a type that hides a built-in one', sql: `CREATE TYPE {own}.text AS ENUM ('a')` },
  { name: 'a composite type that hides a table', sql: 'CREATE TYPE {plant} AS (a int)' },
  { name: 'a column of the type of a host table', sql: 'CREATE TABLE {plant} (a {own}.risks)' },
  { name: 'a list of rows of a host table', sql: 'CREATE TABLE {plant} (a {own}.projects[])' },
  { name: 'a collation', sql: `CREATE COLLATION {plant} FROM "C"` },
  { name: 'a conversion', sql: `CREATE DEFAULT CONVERSION {plant} FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1` },
  { name: 'a text search dictionary', sql: `CREATE TEXT SEARCH DICTIONARY {plant} (TEMPLATE = simple)` },
  { name: 'an operator class', sql: 'CREATE OPERATOR CLASS {plant} DEFAULT FOR TYPE int4 USING btree AS OPERATOR 1 <' },
  { name: 'a foreign table', sql: 'CREATE FOREIGN TABLE {plant} (a int) SERVER planted' },
  {
    name: 'a child of a host table',
    sql: `CREATE TABLE {plant} (extra bigint DEFAULT ${trap}) INHERITS ({own}.risks)`,
  },
  {
    name: 'a partitioned table with a computed key',
    sql: `CREATE TABLE {plant} (id int) PARTITION BY RANGE ((${trap}))`,
  },
  {
    name: 'a table under the name of a host table of another kind',
    sql: `CREATE TABLE {own}.tenants (id bigint DEFAULT ${trap})`,
  },
  {
    name: 'a table under the name of a catalog',
    sql: `CREATE TABLE {own}.pg_proc (proname text, id bigint DEFAULT ${trap})`,
  },
  {
    name: 'a sequence owned by a column of a host table',
    sql: ['CREATE SEQUENCE {plant}', 'ALTER SEQUENCE {plant} OWNED BY {own}.risks.id'],
  },
  {
    name: 'a default of a host table',
    sql: `ALTER TABLE {own}.risks ALTER COLUMN review_notes SET DEFAULT ${trap}::text`,
  },
  {
    name: 'a foreign key to a host table with actions',
    sql: 'CREATE TABLE {plant} (risk int REFERENCES {own}.risks (id) ON DELETE CASCADE)',
  },
  {
    name: 'a comment that looks like one of the host',
    sql: [`CREATE TABLE {plant} (id int)`, `COMMENT ON TABLE {plant} IS 'organization_id for x''); SELECT 1; --'`],
  },
  { name: 'a name with quotes in it', sql: `CREATE TABLE {own}."a""; SELECT nextval('x'); --" (id int)` },
  { name: 'a column with quotes in its name', sql: `CREATE TABLE {plant} ("a""; DROP TABLE x; --" int)` },
]
