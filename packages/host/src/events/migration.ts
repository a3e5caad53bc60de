import type { PlatformMigration } from '../migrations/index.js'

/** One row for each event and plugin that wants it, so that a delivery survives a restart and can be repeated. */
export const eventDeliveriesMigration: PlatformMigration = {
  name: '0010-event-deliveries',
  async up(client) {
    await client.query(`
      ALTER TABLE tenon.outbox ADD COLUMN dispatched_at timestamptz;
      CREATE INDEX outbox_waiting ON tenon.outbox (id) WHERE dispatched_at IS NULL;
      CREATE UNIQUE INDEX outbox_event ON tenon.outbox (event_id);
      CREATE TABLE tenon.event_deliveries (
        event_id uuid NOT NULL REFERENCES tenon.outbox (event_id) ON DELETE CASCADE,
        organization_id integer NOT NULL,
        plugin_key text NOT NULL,
        handler text NOT NULL,
        routing_type text,
        state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'failed')),
        attempts integer NOT NULL DEFAULT 0,
        next_attempt_at timestamptz NOT NULL DEFAULT now(),
        last_error text,
        delivered_at timestamptz,
        PRIMARY KEY (event_id, plugin_key, handler)
      );
      CREATE INDEX event_deliveries_due ON tenon.event_deliveries (next_attempt_at) WHERE state = 'waiting';
      CREATE FUNCTION tenon.notify_outbox() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$ BEGIN PERFORM pg_notify('tenon_outbox', ''); RETURN NULL; END $$;
      CREATE TRIGGER outbox_notify AFTER INSERT ON tenon.outbox
        FOR EACH STATEMENT EXECUTE FUNCTION tenon.notify_outbox()`)
  },
  async down(client) {
    await client.query(`
      DROP TABLE tenon.event_deliveries;
      DROP TRIGGER outbox_notify ON tenon.outbox;
      DROP FUNCTION tenon.notify_outbox();
      DROP INDEX tenon.outbox_event;
      ALTER TABLE tenon.outbox DROP COLUMN dispatched_at`)
  },
}
