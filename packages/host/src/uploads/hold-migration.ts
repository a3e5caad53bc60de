import type { PlatformMigration } from '../migrations/index.js'

/**
 * What a run needs that has not ended: it stays however old it is. The end of the run lets it go, in the transaction
 * that writes the end, whoever writes it: a body goes with its run, a file makes room for others.
 */
export const uploadHoldsMigration: PlatformMigration = {
  name: '0064-upload-holds',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.upload_holds (
        run_id uuid NOT NULL REFERENCES tenon.plugin_runs ON DELETE CASCADE,
        upload_id uuid NOT NULL REFERENCES tenon.uploads ON DELETE CASCADE,
        is_body boolean NOT NULL,
        PRIMARY KEY (run_id, upload_id)
      );
      CREATE INDEX upload_holds_upload ON tenon.upload_holds (upload_id);
      CREATE FUNCTION tenon.let_uploads_go() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
          DELETE FROM tenon.uploads u USING tenon.upload_holds h
            WHERE h.run_id = NEW.id AND h.upload_id = u.id AND h.is_body;
          UPDATE tenon.uploads u SET is_idle = true FROM tenon.upload_holds h
            WHERE h.run_id = NEW.id AND h.upload_id = u.id;
          DELETE FROM tenon.upload_holds WHERE run_id = NEW.id;
          RETURN NULL;
        END $$;
      REVOKE ALL ON FUNCTION tenon.let_uploads_go() FROM PUBLIC;
      CREATE TRIGGER let_uploads_go AFTER UPDATE OF state ON tenon.plugin_runs
        FOR EACH ROW WHEN (NEW.state IN ('succeeded', 'failed', 'cancelled'))
        EXECUTE FUNCTION tenon.let_uploads_go()`)
  },
  async down(client) {
    await client.query(`DROP TRIGGER let_uploads_go ON tenon.plugin_runs; DROP FUNCTION tenon.let_uploads_go();
      DROP TABLE tenon.upload_holds`)
  },
}

/** In a row whose body was removed: the id of no upload. */
const gone = `(input - 'body' - 'query') || '{"sentId": "00000000-0000-0000-0000-000000000000"}'`
const holdsWhatWasSent = `input ?| ARRAY['body', 'query']`

/**
 * What was sent for a run that has failed stays for whoever starts it again, as long as any other file; of one that has
 * succeeded, or was cancelled, nothing does. In the row of a run there is nothing of it any more: rows are kept for longer.
 */
export const sentToRunsMigration: PlatformMigration = {
  name: '0091-sent-to-runs',
  async up(client) {
    await client.query(`
      CREATE OR REPLACE FUNCTION tenon.let_uploads_go() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
          IF NEW.state <> 'failed' THEN
            DELETE FROM tenon.uploads u USING tenon.upload_holds h
              WHERE h.run_id = NEW.id AND h.upload_id = u.id AND h.is_body;
          END IF;
          UPDATE tenon.uploads u SET is_idle = true FROM tenon.upload_holds h
            WHERE h.run_id = NEW.id AND h.upload_id = u.id;
          DELETE FROM tenon.upload_holds WHERE run_id = NEW.id;
          -- of runs that an earlier release began
          UPDATE tenon.plugin_runs SET input = ${gone} WHERE id = NEW.id AND ${holdsWhatWasSent};
          RETURN NULL;
        END $$;
      UPDATE tenon.plugin_runs SET input = ${gone}
        WHERE state IN ('succeeded', 'failed', 'cancelled') AND ${holdsWhatWasSent}`)
  },
  async down() {
    // What was removed does not come back, and an earlier release reads what is written now.
  },
}
