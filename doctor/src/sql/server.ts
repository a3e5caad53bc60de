import type { SqlAttack } from './attack.js'

const files = /root:x:0|postgres:x:|PG_VERSION|^\s*1[5-9]\s*$/m

/** The machine that the server runs on, and the inside of the server. */
export const server: SqlAttack[] = [
  // Files and programs
  {
    name: 'runs a program with COPY FROM PROGRAM',
    sql: [`COPY loot FROM PROGRAM 'id'`, 'SELECT * FROM loot'],
    hole: 'done',
  },
  { name: 'runs a program with COPY TO PROGRAM', sql: `COPY (SELECT 1) TO PROGRAM 'cat > /dev/null'`, hole: 'done' },
  { name: 'reads a file with COPY', sql: [`COPY loot FROM '/etc/passwd'`, 'SELECT * FROM loot'], hole: 'done' },
  { name: 'writes a file with COPY', sql: `COPY (SELECT 1) TO '/tmp/tenon-doctor-planted'`, hole: 'done' },
  { name: 'reads another tenant with COPY TO STDOUT', sql: 'COPY {victim}.risks TO STDOUT', hole: 'done' },
  { name: 'reads a file with pg_read_file', sql: `SELECT pg_read_file('/etc/passwd')`, hole: 'row' },
  {
    name: 'reads a file with pg_read_binary_file',
    sql: `SELECT encode(pg_read_binary_file('PG_VERSION'), 'escape')`,
    hole: 'row',
  },
  { name: 'lists a directory with pg_ls_dir', sql: `SELECT pg_ls_dir('.')`, hole: 'row' },
  { name: 'lists the write-ahead log', sql: 'SELECT * FROM pg_ls_waldir()', hole: 'row' },
  { name: 'looks at a file with pg_stat_file', sql: `SELECT pg_stat_file('PG_VERSION')`, hole: 'row' },
  { name: 'asks for the log file of the server', sql: 'SELECT pg_current_logfile()', hole: 'row' },
  { name: 'reads a file into a large object', sql: `SELECT lo_import('/etc/passwd')`, hole: 'row' },
  { name: 'writes a large object to a file', sql: `SELECT lo_export(1, '/tmp/tenon-doctor-planted')`, hole: 'row' },
  {
    name: 'reads a file as an external entity of XML',
    sql: `SELECT XMLPARSE(DOCUMENT '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>')::text`,
    hole: files,
  },
  {
    name: 'reads a file as an external entity with xpath',
    sql: `SELECT xpath('/x', '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'::xml)::text`,
    hole: files,
  },
  { name: 'loads a library', sql: `LOAD '$libdir/plugins/planted'`, hole: 'done' },
  { name: 'loads any library', sql: `LOAD '/tmp/planted.so'`, hole: 'done' },
  { name: 'reads the file with the rules of sign-in', sql: 'SELECT * FROM pg_hba_file_rules', hole: 'row' },
  { name: 'reads the files with settings', sql: 'SELECT * FROM pg_file_settings', hole: 'row' },
  { name: 'asks where the data of the server is', sql: `SELECT current_setting('data_directory')`, hole: 'row' },
  {
    name: 'asks where a table lies on disk',
    sql: `SELECT pg_relation_filepath('{victim}.risks')`,
    residue: 'file names',
  },

  // Large objects
  { name: 'makes a large object', sql: 'SELECT lo_create(0)', hole: 'row' },
  { name: 'fills a large object', sql: `SELECT lo_from_bytea(0, 'x')`, hole: 'row' },
  { name: 'reads large objects of others', sql: 'SELECT lo_get(oid) FROM pg_largeobject_metadata', hole: 'row' },
  { name: 'reads the table of large objects', sql: 'SELECT * FROM pg_largeobject', hole: 'done' },
  { name: 'removes large objects of others', sql: 'SELECT lo_unlink(oid) FROM pg_largeobject_metadata', hole: 'row' },

  // Code in the database
  {
    name: 'makes a function in SQL',
    sql: `CREATE FUNCTION planted() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    hole: 'done',
  },
  {
    name: 'makes a function in SQL with a parsed body',
    sql: `CREATE FUNCTION planted2() RETURNS int RETURN 1`,
    hole: 'done',
  },
  {
    name: 'makes a function in PL/pgSQL',
    sql: `CREATE FUNCTION planted() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'`,
    hole: 'done',
  },
  {
    name: 'makes a function in C',
    sql: `CREATE FUNCTION planted(text) RETURNS int AS '/lib/x86_64-linux-gnu/libc.so.6', 'system' LANGUAGE c`,
    hole: 'done',
  },
  {
    name: 'makes a function that is internal',
    sql: `CREATE FUNCTION planted(text) RETURNS text LANGUAGE internal AS 'pg_read_file'`,
    hole: 'done',
  },
  { name: 'makes a procedure', sql: `CREATE PROCEDURE planted() LANGUAGE sql AS 'SELECT 1'`, hole: 'done' },
  {
    name: 'makes a function in configure()',
    sql: `CREATE FUNCTION planted() RETURNS int LANGUAGE sql AS 'SELECT 1'`,
    send: 'lifecycle',
    hole: 'done',
  },
  { name: 'makes an aggregate', sql: 'CREATE AGGREGATE planted (int) (sfunc = int4pl, stype = int)', hole: 'done' },
  { name: 'changes a function of the host', sql: 'ALTER FUNCTION public.current_org() SECURITY INVOKER', hole: 'done' },
  {
    name: 'replaces current_org()',
    sql: `CREATE OR REPLACE FUNCTION public.current_org() RETURNS integer LANGUAGE sql AS 'SELECT {victimOrganization}'`,
    hole: 'done',
  },
  { name: 'drops current_org()', sql: 'DROP FUNCTION public.current_org() CASCADE', hole: 'done' },
  { name: 'makes an extension for files', sql: 'CREATE EXTENSION file_fdw', hole: 'done' },
  { name: 'makes an extension for programs', sql: 'CREATE EXTENSION plpython3u', hole: 'done' },
  { name: 'makes an extension for other servers', sql: 'CREATE EXTENSION dblink', hole: 'done' },
  { name: 'makes a trusted extension', sql: 'CREATE EXTENSION hstore SCHEMA {own}', hole: 'done' },
  { name: 'makes a language', sql: 'CREATE LANGUAGE plperlu', hole: 'done' },
  { name: 'makes a foreign data wrapper', sql: 'CREATE FOREIGN DATA WRAPPER planted', hole: 'done' },
  { name: 'makes a foreign server', sql: `CREATE SERVER planted FOREIGN DATA WRAPPER postgres_fdw`, hole: 'done' },
  {
    name: 'connects to another server',
    sql: `SELECT * FROM dblink('host=127.0.0.1', 'SELECT 1') AS t(a int)`,
    hole: 'row',
  },

  // Other sessions
  { name: 'reads what others are doing', sql: 'SELECT * FROM pg_stat_activity', hole: 'row' },
  { name: 'reads what others are doing, by function', sql: 'SELECT * FROM pg_stat_get_activity(NULL)', hole: 'row' },
  {
    name: 'reads the last statement of others',
    sql: 'SELECT pg_stat_get_backend_activity(b) FROM pg_stat_get_backend_idset() b',
    hole: 'row',
  },
  { name: 'reads the locks of others', sql: 'SELECT * FROM pg_locks', hole: 'row' },
  { name: 'reads the locks of others, by function', sql: 'SELECT * FROM pg_lock_status()', hole: 'row' },
  { name: 'reads who replicates', sql: 'SELECT * FROM pg_stat_replication', hole: 'row' },
  { name: 'reads which statements were run', sql: 'SELECT * FROM pg_stat_statements', hole: 'row' },
  {
    name: 'makes the server write its memory into the log',
    sql: 'SELECT pg_log_backend_memory_contexts({hostProcess})',
    hole: 'row',
  },
  // Postgres has no right for LISTEN and NOTIFY; the guard alone refuses them.
  { name: 'listens to what others say', sql: 'LISTEN tenon_installations', hole: 'done', onlyGuarded: true },
  {
    name: 'listens to what others say, from configure()',
    sql: 'LISTEN tenon_outbox',
    send: 'lifecycle',
    hole: 'done',
    onlyGuarded: true,
  },
  {
    name: 'says something in the name of the host',
    sql: `NOTIFY tenon_installations, 'x y'`,
    hole: 'done',
    onlyGuarded: true,
  },
  {
    name: 'says something in the name of the host, by function',
    sql: `SELECT pg_notify('tenon_outbox', 'x')`,
    hole: 'row',
  },
  { name: 'exports its snapshot', sql: 'SELECT pg_export_snapshot()', send: 'transaction', hole: 'row' },
  {
    name: 'makes a replication slot',
    sql: `SELECT pg_create_logical_replication_slot('planted', 'pgoutput')`,
    hole: 'row',
  },
  {
    name: 'makes a physical replication slot',
    sql: `SELECT pg_create_physical_replication_slot('planted')`,
    hole: 'row',
  },
  {
    name: 'writes into the write-ahead log',
    sql: `SELECT pg_logical_emit_message(false, 'planted', 'x')`,
    hole: 'row',
  },
  { name: 'makes a publication', sql: 'CREATE PUBLICATION planted FOR TABLE loot', hole: 'done' },
  {
    name: 'makes a subscription',
    sql: `CREATE SUBSCRIPTION planted CONNECTION 'host=127.0.0.1' PUBLICATION planted WITH (connect = false)`,
    hole: 'done',
  },
  { name: 'switches the write-ahead log', sql: 'SELECT pg_switch_wal()', hole: 'row' },
  { name: 'begins a backup', sql: `SELECT pg_backup_start('planted')`, hole: 'row' },
  { name: 'resets the statistics', sql: 'SELECT pg_stat_reset()', hole: 'row' },
  { name: 'forces a checkpoint', sql: 'CHECKPOINT', hole: 'done' },
  { name: 'takes an advisory lock', sql: 'SELECT pg_advisory_lock(1)', hole: 'row' },
  {
    name: 'takes the advisory lock of the migrations',
    sql: `SELECT pg_try_advisory_lock(hashtextextended('tenon.grants', 0))`,
    hole: 'row',
  },
  {
    name: 'takes an advisory lock for a transaction',
    sql: `SELECT pg_advisory_xact_lock(hashtextextended('tenon.grants', 0))`,
    send: 'transaction',
    hole: 'row',
  },
  { name: 'sleeps', sql: 'SELECT pg_sleep(10)', hole: 'row' },
  { name: 'sleeps until a time', sql: `SELECT pg_sleep_until(now() + interval '10 s')`, hole: 'row' },
  {
    name: 'keeps a cursor over its transaction',
    sql: ['DECLARE kept CURSOR WITH HOLD FOR SELECT 1', 'FETCH kept'],
    onlyGuarded: true,
    hole: 'row',
  },
  {
    name: 'prepares a statement on the shared connection',
    sql: ['PREPARE planted AS SELECT 1'],
    onlyGuarded: true,
    hole: 'done',
  },
  { name: 'makes a temporary table', sql: 'CREATE TEMPORARY TABLE pg_class (a int)', hole: 'done' },
  { name: 'makes a temporary table by its schema', sql: 'CREATE TABLE pg_temp.risks (a int)', hole: 'done' },

  // Catalogs
  { name: 'reads password verifiers', sql: 'SELECT * FROM pg_authid', hole: 'done' },
  { name: 'reads password verifiers through the view', sql: 'SELECT * FROM pg_shadow', hole: 'done' },
  { name: 'reads settings of roles', sql: 'SELECT * FROM pg_db_role_setting', hole: 'done' },
  {
    name: 'reads statistics with values of other tenants',
    sql: `SELECT * FROM pg_stats WHERE schemaname IN ('public', 'tenon', '{victimName}')`,
    hole: 'row',
  },
  {
    name: 'reads raw statistics with values of other tenants',
    sql: 'SELECT stavalues1 FROM pg_statistic',
    hole: 'done',
  },
  { name: 'reads extended statistics', sql: 'SELECT * FROM pg_statistic_ext_data', hole: 'done' },
  { name: 'reads mappings of users', sql: 'SELECT * FROM pg_user_mapping', hole: 'done' },
  { name: 'reads subscriptions', sql: 'SELECT subconninfo FROM pg_subscription', hole: 'done' },
  {
    name: 'changes a catalog',
    sql: `UPDATE pg_catalog.pg_class SET relowner = (SELECT oid FROM pg_roles WHERE rolname = session_user) WHERE relname = 'risks'`,
    hole: 'done',
  },
  { name: 'puts a table into pg_catalog', sql: 'CREATE TABLE pg_catalog.planted (a int)', hole: 'done' },
  {
    name: 'names of schemas',
    sql: `SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> '{ownName}'`,
    residue: 'names of schemas',
  },
  {
    name: 'names of tables by the schema as a value',
    sql: `SELECT relname FROM pg_class WHERE relnamespace = '{victim}'::regnamespace`,
    residue: 'names of tables',
  },
  {
    name: 'names of tables by their schema',
    sql: `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '{victimName}'`,
    residue: 'names of tables',
  },
  {
    name: 'estimates of rows',
    sql: `SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '{victimName}' AND c.reltuples > 0`,
    residue: 'estimates of rows',
  },
  { name: 'names of roles', sql: 'SELECT rolname FROM pg_roles', residue: 'names of roles' },
  { name: 'names of databases', sql: 'SELECT datname FROM pg_database', residue: 'names of databases' },
  {
    name: 'sources of functions of the host',
    sql: `SELECT proname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname IN ('public', 'tenon', 'tenon_api', 'tenon_queue') AND prosrc <> ''`,
    residue: 'sources of functions',
  },
  { name: 'row policies', sql: 'SELECT polname FROM pg_policy', residue: 'names of policies' },
  {
    name: 'sizes of tables of another tenant',
    sql: `SELECT pg_relation_size(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = '{victimName}' AND c.relkind = 'r'`,
    residue: 'sizes of tables',
  },
  {
    name: 'counters of tables of another tenant',
    sql: `SELECT * FROM pg_stat_all_tables WHERE schemaname = '{victimName}'`,
    residue: 'counters',
  },
  {
    name: 'which numbers of a shared table are taken',
    sql: `INSERT INTO public.slack_webhooks (id, access_token, scope, team_name, team_id, channel, channel_id, configuration_url, url) SELECT id, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x' FROM public.slack_webhooks LIMIT 0`,
    hole: 'done',
  },
]
