import type { PlatformMigration } from '../migrations/index.js'
import { storableJson } from '../migrations/sql-text.js'
import { interruption } from './run-failure.js'

/**
 * Long work. A row is the run that people see and its place in the queue at once, so that the two can never differ. Each
 * change that somebody may wait for is told on `tenon_runs`: `<organization> <id> <state>`; heartbeats are not.
 */
export const runsMigration: PlatformMigration = {
  name: '0040-runs',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.plugin_runs (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        position bigserial,
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        installation_id integer,
        plugin_key text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('install', 'sync', 'import', 'action')),
        action text NOT NULL,
        title text NOT NULL,
        trigger text NOT NULL DEFAULT 'manual' CHECK (trigger IN ('manual', 'schedule')),
        state text NOT NULL CHECK (state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
        input jsonb,
        only_on text,
        step text,
        progress jsonb,
        counts jsonb NOT NULL DEFAULT '{}',
        result jsonb,
        failure jsonb,
        attempts integer NOT NULL DEFAULT 0,
        max_attempts integer NOT NULL DEFAULT 1,
        restarts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        requested_by integer,
        claimed_by text,
        claim_expires_at timestamptz,
        cancel_requested_at timestamptz,
        created_at timestamptz NOT NULL DEFAULT now(),
        started_at timestamptz,
        finished_at timestamptz,
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX plugin_runs_of ON tenon.plugin_runs (organization_id, installation_id, position);
      CREATE INDEX plugin_runs_changed ON tenon.plugin_runs (organization_id, updated_at);
      CREATE INDEX plugin_runs_queued ON tenon.plugin_runs (organization_id, position) WHERE state = 'queued';
      CREATE INDEX plugin_runs_finished ON tenon.plugin_runs (finished_at);
      -- the last word on "one at a time"; the claim asks before
      CREATE UNIQUE INDEX plugin_runs_running ON tenon.plugin_runs (organization_id, plugin_key, action)
        WHERE state = 'running' AND kind <> 'install';
      CREATE FUNCTION tenon.announce_run() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
          PERFORM pg_notify('tenon_runs', NEW.organization_id || ' ' || NEW.id || ' ' ||
            CASE WHEN NEW.state = 'running' AND NEW.cancel_requested_at IS NOT NULL THEN 'cancelling' ELSE NEW.state END);
          RETURN NULL;
        END $$;
      REVOKE ALL ON FUNCTION tenon.announce_run() FROM PUBLIC;
      CREATE TRIGGER announce_run
        AFTER INSERT OR UPDATE OF state, step, progress, cancel_requested_at ON tenon.plugin_runs
        FOR EACH ROW EXECUTE FUNCTION tenon.announce_run()`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.plugin_runs; DROP FUNCTION tenon.announce_run()')
  },
}

/** Claims that ran out are looked for every few seconds, among the runs of thirty days. */
export const runClaimsMigration: PlatformMigration = {
  name: '0044-run-claims',
  async up(client) {
    await client.query(`
      CREATE INDEX plugin_runs_claims ON tenon.plugin_runs (claim_expires_at) WHERE claim_expires_at IS NOT NULL`)
  },
  async down(client) {
    await client.query('DROP INDEX tenon.plugin_runs_claims')
  },
}

/**
 * Which run is the same work as an earlier one, begun again by a person, and what the plugin knows it by. There is one at
 * most for each: whoever asks twice finds it.
 */
export const runsStartedAgainMigration: PlatformMigration = {
  name: '0090-runs-started-again',
  async up(client) {
    await client.query(`
      ALTER TABLE tenon.plugin_runs ADD COLUMN restart_of uuid REFERENCES tenon.plugin_runs ON DELETE SET NULL,
        ADD COLUMN work_id uuid;
      CREATE UNIQUE INDEX plugin_runs_restart_of ON tenon.plugin_runs (restart_of) WHERE restart_of IS NOT NULL`)
  },
  async down(client) {
    await client.query('ALTER TABLE tenon.plugin_runs DROP COLUMN restart_of, DROP COLUMN work_id')
  },
}

/**
 * Runs say themselves whether they may be begun again, and no longer wait for the one server that has what was sent: of
 * those that still do, nothing was kept.
 */
export const repeatableRunsMigration: PlatformMigration = {
  name: '0063-repeatable-runs',
  async up(client) {
    await client.query(`ALTER TABLE tenon.plugin_runs ADD COLUMN repeatable boolean NOT NULL DEFAULT true;
      UPDATE tenon.plugin_runs SET repeatable = false WHERE kind IN ('install', 'import') OR only_on IS NOT NULL`)
    await client.query(
      `UPDATE tenon.plugin_runs SET state = 'failed', failure = $1, finished_at = now(), updated_at = now(),
         claim_expires_at = NULL WHERE state = 'queued' AND only_on IS NOT NULL`,
      [storableJson(interruption)],
    )
    await client.query('ALTER TABLE tenon.plugin_runs DROP COLUMN only_on')
  },
  async down(client) {
    await client.query('ALTER TABLE tenon.plugin_runs DROP COLUMN repeatable, ADD COLUMN only_on text')
  },
}

/** A large answer lies beside the row of its run, among the files of the organization; `result_bytes` stays without it. */
export const largeResultsMigration: PlatformMigration = {
  name: '0095-large-results',
  async up(client) {
    await client.query(`
      ALTER TABLE tenon.plugin_runs ADD COLUMN result_bytes integer,
        ADD COLUMN result_upload uuid REFERENCES tenon.uploads ON DELETE SET NULL;
      CREATE INDEX plugin_runs_result_upload ON tenon.plugin_runs (result_upload) WHERE result_upload IS NOT NULL`)
  },
  async down(client) {
    await client.query('ALTER TABLE tenon.plugin_runs DROP COLUMN result_upload, DROP COLUMN result_bytes')
  },
}
