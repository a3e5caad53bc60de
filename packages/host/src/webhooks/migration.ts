import type { PlatformMigration } from '../migrations/index.js'

/** Addresses that an organization wants to be told of events, and each attempt to tell them. */
export const webhooksMigration: PlatformMigration = {
  name: '0042-webhooks',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.webhooks (
        id serial PRIMARY KEY,
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        url text NOT NULL,
        events text[] NOT NULL,
        description text NOT NULL DEFAULT '',
        sealed_secret text NOT NULL DEFAULT '',
        is_active boolean NOT NULL DEFAULT true,
        disabled_reason text,
        created_by integer NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        updated_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX webhooks_of ON tenon.webhooks (organization_id);
      CREATE TABLE tenon.webhook_attempts (
        id bigserial PRIMARY KEY,
        organization_id integer NOT NULL,
        webhook_id integer NOT NULL REFERENCES tenon.webhooks (id) ON DELETE CASCADE,
        event_id uuid NOT NULL,
        at timestamptz NOT NULL DEFAULT now(),
        status integer,
        ms integer NOT NULL,
        error text
      );
      CREATE INDEX webhook_attempts_of ON tenon.webhook_attempts (webhook_id, event_id);
      CREATE INDEX webhook_attempts_at ON tenon.webhook_attempts (at)`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.webhook_attempts, tenon.webhooks')
  },
}
