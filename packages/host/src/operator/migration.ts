import type { PlatformMigration } from '../migrations/index.js'

/** What operators keep from running. Each change is told to every replica, also one that was made by hand. */
export const blocksMigration: PlatformMigration = {
  name: '0031-blocks',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.blocks (
        id serial PRIMARY KEY,
        plugin_key text UNIQUE,
        digest text UNIQUE,
        reason text NOT NULL,
        blocked_by integer NOT NULL,
        blocked_at timestamptz NOT NULL DEFAULT now(),
        CHECK ((plugin_key IS NULL) <> (digest IS NULL))
      );
      CREATE FUNCTION tenon.announce_blocks() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$ BEGIN PERFORM pg_notify('tenon_blocks', ''); RETURN NULL; END $$;
      REVOKE ALL ON FUNCTION tenon.announce_blocks() FROM PUBLIC;
      CREATE TRIGGER announce_blocks AFTER INSERT OR UPDATE OR DELETE ON tenon.blocks
        FOR EACH STATEMENT EXECUTE FUNCTION tenon.announce_blocks()`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.blocks; DROP FUNCTION tenon.announce_blocks()')
  },
}
