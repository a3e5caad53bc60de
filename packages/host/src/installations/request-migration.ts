import type { PlatformMigration } from '../migrations/index.js'

/** What people who may not install asked the admins of their organization for. Each change is told to every replica. */
export const pluginRequestsMigration: PlatformMigration = {
  name: '0060-plugin-requests',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.plugin_requests (
        id serial PRIMARY KEY,
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        requested_by integer NOT NULL,
        requested_at timestamptz NOT NULL DEFAULT now(),
        note text,
        state text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'fulfilled', 'declined', 'withdrawn')),
        reason text,
        ended_by integer,
        ended_at timestamptz,
        CHECK ((state = 'open') = (ended_at IS NULL))
      );
      CREATE UNIQUE INDEX plugin_requests_open ON tenon.plugin_requests (organization_id, plugin_key, requested_by)
        WHERE state = 'open';
      CREATE INDEX plugin_requests_of ON tenon.plugin_requests (organization_id, id);
      CREATE INDEX plugin_requests_ended ON tenon.plugin_requests (ended_at);
      CREATE FUNCTION tenon.announce_plugin_request() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$ BEGIN PERFORM pg_notify('tenon_plugin_requests', NEW.organization_id::text); RETURN NULL; END $$;
      REVOKE ALL ON FUNCTION tenon.announce_plugin_request() FROM PUBLIC;
      CREATE TRIGGER announce_plugin_request AFTER INSERT OR UPDATE ON tenon.plugin_requests
        FOR EACH ROW EXECUTE FUNCTION tenon.announce_plugin_request()`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.plugin_requests; DROP FUNCTION tenon.announce_plugin_request()')
  },
}
