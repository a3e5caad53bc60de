import type { ClientBase } from 'pg'
import { isPostgresError, quoteIdentifier as quote } from '../migrations/sql-text.js'

/**
 * What only a superuser can do, in the host's database, so that the server itself refuses what the statement guard
 * refuses: no languages and no functions that wait, lock, talk or run SQL for plugin roles, and an allow-list of what
 * they may create. Idempotent. Afterwards the host connects as `hostRole`, which needs no superuser.
 */
export async function hardenDatabase(superuser: ClientBase, { hostRole }: { hostRole: string }): Promise<void> {
  const host = quote(hostRole)
  await grantFileLimit(superuser, hostRole)
  await superuser.query('BEGIN')
  try {
    await superuser.query(`SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended('tenon.harden', 0))`)
    await superuser.query(`
      REVOKE USAGE ON LANGUAGE plpgsql, sql FROM PUBLIC;
      GRANT USAGE ON LANGUAGE plpgsql, sql TO ${host}`)
    await restrictFunctions(superuser, host)
    await restrictRelations(superuser, host)
    await restrictCommands(superuser)
    await keepComparisonsBehindPolicies(superuser)
    await superuser.query('COMMIT')
  } catch (error) {
    await superuser.query('ROLLBACK')
    throw error
  }
}

/** Whether `hardenDatabase` has run in the database of `client`, at some time. */
export async function isDatabaseHardened(client: Pick<ClientBase, 'query'>): Promise<boolean> {
  const { rowCount } = await client.query(`SELECT FROM pg_event_trigger WHERE evtname = $1 AND evtenabled <> 'D'`, [
    commandTrigger,
  ])
  return rowCount === 1
}

const commandTrigger = 'tenon_restrict_commands'

// unique_violation and "tuple concurrently updated": another database of the server is being hardened right now
const CONCURRENT = new Set(['23505', 'XX000'])

/** The right to limit temporary files belongs to the whole server, so the database's lock does not protect it. */
async function grantFileLimit(superuser: ClientBase, hostRole: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      const { rows } = await superuser.query<{ allowed: boolean }>(
        `SELECT has_parameter_privilege($1, 'temp_file_limit', 'SET') AS allowed`,
        [hostRole],
      )
      if (!rows[0]?.allowed) await superuser.query(`GRANT SET ON PARAMETER temp_file_limit TO ${quote(hostRole)}`)
      return
    } catch (error) {
      if (tries === 5 || !isPostgresError(error) || !CONCURRENT.has(error.code)) throw error
    }
  }
}

const RESTRICTED_FUNCTIONS =
  '^(pg_(try_)?advisory_|lo_|pg_sleep|(query|cursor|table|schema|database)_to_xml|ts_stat$|pg_notify$|' +
  'pg_(cancel|terminate)_backend$|pg_export_snapshot$|pg_log_backend|set_config$|pg_logical_|pg_create_|' +
  'pg_listening_|currtid|pg_database_size$|pg_tablespace_size$|pg_replication_|pg_promote$|pg_backend_memory|' +
  'pg_stat_get_(activity|backend|progress)|pg_lock_status$|pg_show_all_settings$|pg_sequence_last_value$|pg_safe_snapshot|pg_blocking_pids$|pg_ls_|pg_read_|pg_stat_file)'
const RESTRICTED_FUNCTION_NAMES = ['loread', 'lowrite', 'lo_import', 'lo_export']

async function restrictFunctions(superuser: ClientBase, host: string): Promise<void> {
  const { rows } = await superuser.query<{ functions: string | null; rewrite: string | null }>(
    `SELECT string_agg(p.oid::regprocedure::text, ', ') AS functions
     FROM pg_catalog.pg_proc p
     WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f'
       AND (p.proname ~ $1 OR p.proname = ANY ($2) OR p.oid = 'ts_rewrite(tsquery, text)'::regprocedure)
       AND has_function_privilege('public', p.oid, 'EXECUTE')`,
    [RESTRICTED_FUNCTIONS, RESTRICTED_FUNCTION_NAMES],
  )
  const functions = rows[0]?.functions
  if (!functions) return
  await superuser.query(`REVOKE EXECUTE ON FUNCTION ${functions} FROM PUBLIC`)
  await superuser.query(`GRANT EXECUTE ON FUNCTION ${functions} TO ${host}`)
}

/** Other sessions and their locks, and settings, where applications like to keep secrets. */
async function restrictRelations(superuser: ClientBase, host: string): Promise<void> {
  await superuser.query(`
    REVOKE ALL ON pg_catalog.pg_stat_activity, pg_catalog.pg_locks, pg_catalog.pg_settings,
      pg_catalog.pg_db_role_setting, pg_catalog.pg_largeobject_metadata FROM PUBLIC;
    GRANT SELECT ON pg_catalog.pg_stat_activity, pg_catalog.pg_locks, pg_catalog.pg_settings,
      pg_catalog.pg_db_role_setting TO ${host}`)
}

/**
 * Postgres runs a comparison that is marked as leakproof before a row policy, by an index if there is one: how long that
 * takes, and what the planner expects of it, tells values of hidden rows. Without the mark the policy comes first.
 */
async function keepComparisonsBehindPolicies(superuser: ClientBase): Promise<void> {
  await superuser.query(`
    DO $$
    DECLARE comparison regprocedure;
    BEGIN
      FOR comparison IN SELECT oid FROM pg_catalog.pg_proc
        WHERE pronamespace = 'pg_catalog'::regnamespace AND proleakproof AND prorettype = 'bool'::regtype
      LOOP
        EXECUTE format('ALTER FUNCTION %s NOT LEAKPROOF', comparison);
      END LOOP;
    END $$`)
}

async function restrictCommands(superuser: ClientBase): Promise<void> {
  await superuser.query(`
    CREATE SCHEMA IF NOT EXISTS tenon_hardening;
    REVOKE ALL ON SCHEMA tenon_hardening FROM PUBLIC;
    CREATE OR REPLACE FUNCTION tenon_hardening.restrict_commands() RETURNS event_trigger
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
      AS $$
      BEGIN
        -- the names that roles of plugins have, see role-credentials
        IF session_user ~ '^tn_[a-z2-7]{20}$' AND tg_tag <> ALL (ARRAY[
          'CREATE TABLE', 'ALTER TABLE', 'DROP TABLE', 'CREATE INDEX', 'ALTER INDEX', 'DROP INDEX',
          'CREATE SEQUENCE', 'ALTER SEQUENCE', 'DROP SEQUENCE', 'CREATE TYPE', 'ALTER TYPE', 'DROP TYPE',
          'COMMENT', 'CREATE TABLE AS', 'SELECT INTO']) THEN
          RAISE EXCEPTION 'plugins may not run %', tg_tag USING ERRCODE = 'insufficient_privilege';
        END IF;
      END $$;
    DROP EVENT TRIGGER IF EXISTS ${commandTrigger};
    CREATE EVENT TRIGGER ${commandTrigger} ON ddl_command_start
      EXECUTE FUNCTION tenon_hardening.restrict_commands()`)
}
