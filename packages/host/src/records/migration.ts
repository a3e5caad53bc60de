import type { PlatformMigration } from '../migrations/index.js'

/** What plugins printed, how their calls went, how their processes ended, and what they used of what they may. */
export const recordsMigration: PlatformMigration = {
  name: '0030-plugin-records',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.plugin_logs (
        id bigserial PRIMARY KEY,
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        level text NOT NULL CHECK (level IN ('debug', 'info', 'warn', 'error')),
        text text NOT NULL,
        logged_at timestamptz NOT NULL
      );
      CREATE INDEX plugin_logs_plugin ON tenon.plugin_logs (organization_id, plugin_key, id);
      CREATE INDEX plugin_logs_age ON tenon.plugin_logs (logged_at);

      -- calls by how long they took: one row for each hour and step of the scale
      CREATE TABLE tenon.plugin_calls (
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        hour timestamptz NOT NULL,
        up_to_ms integer NOT NULL,
        calls bigint NOT NULL,
        errors bigint NOT NULL,
        total_ms double precision NOT NULL,
        PRIMARY KEY (organization_id, plugin_key, hour, up_to_ms)
      );

      CREATE TABLE tenon.permission_uses (
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        permission text NOT NULL,
        uses bigint NOT NULL DEFAULT 0,
        last_used_at timestamptz,
        refusals bigint NOT NULL DEFAULT 0,
        last_refused_at timestamptz,
        PRIMARY KEY (organization_id, plugin_key, permission)
      );

      CREATE TABLE tenon.process_ends (
        id bigserial PRIMARY KEY,
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        crashed boolean NOT NULL,
        cause text NOT NULL,
        digest text NOT NULL,
        ended_at timestamptz NOT NULL
      );
      CREATE INDEX process_ends_plugin ON tenon.process_ends (organization_id, plugin_key, id)`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.plugin_logs, tenon.plugin_calls, tenon.permission_uses, tenon.process_ends')
  },
}

/** Why and how processes ended, so that an ordinary end is told from one that asks for attention. */
export const endReasonsMigration: PlatformMigration = {
  name: '0087-end-reasons',
  async up(client) {
    await client.query(
      'ALTER TABLE tenon.process_ends ADD COLUMN reason text, ADD COLUMN exit_code integer, ADD COLUMN signal text',
    )
  },
  async down(client) {
    await client.query('ALTER TABLE tenon.process_ends DROP COLUMN reason, DROP COLUMN exit_code, DROP COLUMN signal')
  },
}
