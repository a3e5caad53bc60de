import type { PlatformMigration } from '../migrations/index.js'
import { queueSchema } from './run-queue.js'

/**
 * A run that waits has a job in the queue, from the same transaction, whoever wrote its row.
 *
 * Its turn is one more than that of the last run that its organization waits for, or than where the queue has come to, so
 * that organizations follow each other ("Start-time fair queueing", Goyal, Vin and Cheng, 1996). Jobs are handed out by
 * `run_at`: the turn, as milliseconds since 2000. The flags say what must not be at work meanwhile. What waits for another
 * attempt has neither a turn nor a job before its time has come.
 */
export const runQueueMigration: PlatformMigration = {
  name: '0097-run-queue',
  async up(client) {
    await client.query(`
      ALTER TABLE tenon.plugin_runs ADD COLUMN turn bigint NOT NULL DEFAULT 0;
      CREATE INDEX plugin_runs_turns ON tenon.plugin_runs (turn) WHERE state = 'queued';
      CREATE FUNCTION tenon.take_turn() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
          IF NEW.next_attempt_at > now() THEN
            NEW.turn := 0;
          ELSIF NEW.turn = 0 THEN
            NEW.turn := 1 + greatest(0,
              (SELECT max(turn) FROM tenon.plugin_runs
                WHERE organization_id = NEW.organization_id AND state = 'queued'),
              (SELECT max(turn) FROM tenon.plugin_runs WHERE state = 'running' AND kind <> 'install'),
              (SELECT min(turn) - 1 FROM tenon.plugin_runs WHERE state = 'queued' AND turn > 0));
          END IF;
          RETURN NEW;
        END $$;
      CREATE FUNCTION tenon.queue_run() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
          IF TG_OP <> 'DELETE' AND NEW.state = 'queued' AND NEW.turn > 0 THEN
            PERFORM ${queueSchema}.add_job('run', json_build_object('runId', NEW.id), job_key => NEW.id::text,
              max_attempts => 1,
              run_at => timestamptz '2000-01-01 00:00:00Z' + NEW.turn * interval '1 millisecond',
              flags => ARRAY['organization ' || NEW.organization_id,
                'action ' || NEW.organization_id || ' ' || NEW.plugin_key || ' ' || NEW.action]);
          ELSIF TG_OP = 'DELETE' OR NEW.state <> 'running' THEN
            PERFORM ${queueSchema}.remove_job(OLD.id::text);
          END IF;
          RETURN NULL;
        END $$;
      REVOKE ALL ON FUNCTION tenon.take_turn(), tenon.queue_run() FROM PUBLIC;
      CREATE TRIGGER take_turn BEFORE INSERT OR UPDATE OF state, next_attempt_at ON tenon.plugin_runs
        FOR EACH ROW WHEN (NEW.state = 'queued') EXECUTE FUNCTION tenon.take_turn();
      CREATE TRIGGER queue_new_run AFTER INSERT ON tenon.plugin_runs
        FOR EACH ROW WHEN (NEW.state = 'queued') EXECUTE FUNCTION tenon.queue_run();
      CREATE TRIGGER queue_run AFTER UPDATE OF state, next_attempt_at ON tenon.plugin_runs
        FOR EACH ROW WHEN (NEW.state = 'queued' OR OLD.state = 'queued') EXECUTE FUNCTION tenon.queue_run();
      CREATE TRIGGER unqueue_run AFTER DELETE ON tenon.plugin_runs
        FOR EACH ROW WHEN (OLD.state = 'queued') EXECUTE FUNCTION tenon.queue_run()`)
  },
  async down(client) {
    await client.query(`
      DROP TRIGGER unqueue_run ON tenon.plugin_runs;
      DROP TRIGGER queue_run ON tenon.plugin_runs;
      DROP TRIGGER queue_new_run ON tenon.plugin_runs;
      DROP TRIGGER take_turn ON tenon.plugin_runs;
      DROP FUNCTION tenon.queue_run();
      DROP FUNCTION tenon.take_turn();
      ALTER TABLE tenon.plugin_runs DROP COLUMN turn`)
  },
}
