import type { PlatformMigration } from '../migrations/index.js'

/** Which installations are being worked on, over all tenants, and the history of all that was done. */
export const installationsMigration: PlatformMigration = {
  name: '0012-installations',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.open_claims (
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        installation_id integer NOT NULL,
        expires_at timestamptz NOT NULL,
        PRIMARY KEY (organization_id, installation_id)
      );
      CREATE TABLE tenon.plugin_events (
        id bigserial PRIMARY KEY,
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        installation_id integer,
        user_id integer,
        action text NOT NULL,
        outcome text NOT NULL CHECK (outcome IN ('done', 'failed', 'undone')),
        before jsonb,
        after jsonb,
        message text,
        occurred_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX plugin_events_plugin ON tenon.plugin_events (organization_id, plugin_key, id)`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.open_claims, tenon.plugin_events')
  },
}
