import type { PlatformMigration } from '../migrations/index.js'

/** When an action of a plugin runs by itself, for each organization. */
export const schedulesMigration: PlatformMigration = {
  name: '0041-schedules',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.plugin_schedules (
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        action text NOT NULL,
        cron text NOT NULL,
        time_zone text NOT NULL DEFAULT 'UTC',
        enabled boolean NOT NULL DEFAULT true,
        is_custom boolean NOT NULL DEFAULT false,
        next_run_at timestamptz NOT NULL,
        last_run_at timestamptz,
        updated_by integer,
        updated_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (organization_id, plugin_key, action)
      );
      CREATE INDEX plugin_schedules_due ON tenon.plugin_schedules (next_run_at) WHERE enabled`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.plugin_schedules')
  },
}
