import type { PlatformMigration } from '../migrations/index.js'

/** Accounts that organizations connected (owned by the organization, D-30), and sign-ins that are under way. */
export const connectionsMigration: PlatformMigration = {
  name: '0011-connections',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.connections (
        id serial PRIMARY KEY,
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        contribution_id text NOT NULL,
        provider text NOT NULL,
        account_id text NOT NULL,
        account_name text NOT NULL,
        details jsonb NOT NULL DEFAULT '{}',
        settings jsonb NOT NULL DEFAULT '{}',
        sealed_tokens text NOT NULL,
        is_active boolean NOT NULL DEFAULT true,
        connected_by integer NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX connections_owner ON tenon.connections (organization_id, plugin_key);
      CREATE TABLE tenon.oauth_states (
        state_digest text PRIMARY KEY,
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        user_id integer NOT NULL,
        session_id text NOT NULL,
        plugin_key text NOT NULL,
        contribution_id text NOT NULL,
        redirect_uri text NOT NULL,
        expires_at timestamptz NOT NULL
      )`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.connections, tenon.oauth_states')
  },
}
