import type { PlatformMigration } from '../migrations/index.js'

/** Events of one organization that may wait: to be handed out, or to be delivered again. Then publishing is an error. */
export const maxWaitingEvents = 10_000

/** Of the payload of one event that a plugin publishes, as text; `tenon_api.publish` holds to it. */
export const maxPayloadBytes = 65_536

/**
 * A plugin that publishes without an end would fill the disk of everybody. Events are counted only when there may be too
 * many, which their ids tell, and both counts stop at the limit; rows of the plugin's own open transaction count.
 */
export const waitingEventsMigration: PlatformMigration = {
  name: '0032-waiting-events',
  async up(client) {
    await client.query(`
      CREATE INDEX outbox_waiting_of ON tenon.outbox (organization_id, id) WHERE dispatched_at IS NULL;
      CREATE INDEX event_deliveries_waiting_of ON tenon.event_deliveries (organization_id) WHERE state = 'waiting';
      CREATE FUNCTION tenon.assert_room_for_events() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        DECLARE
          most CONSTANT integer := 10000;
          waiting integer := 0;
          oldest bigint;
        BEGIN
          -- what the application itself announces is never refused
          IF NOT EXISTS (SELECT FROM tenon.plugin_roles r WHERE r.role = session_user) THEN RETURN NEW; END IF;
          SELECT min(o.id) INTO oldest FROM tenon.outbox o
            WHERE o.organization_id = NEW.organization_id AND o.dispatched_at IS NULL;
          IF NEW.id - oldest >= most THEN
            SELECT count(*) INTO waiting FROM (
              SELECT FROM tenon.outbox o WHERE o.organization_id = NEW.organization_id AND o.dispatched_at IS NULL LIMIT most) w;
          END IF;
          IF waiting < most THEN
            SELECT waiting + count(*) INTO waiting FROM (
              SELECT FROM tenon.event_deliveries d
              WHERE d.organization_id = NEW.organization_id AND d.state = 'waiting' LIMIT most) w;
          END IF;
          IF waiting >= most THEN
            RAISE EXCEPTION 'More than % events of this organization wait to be delivered.', most
              USING ERRCODE = 'configuration_limit_exceeded', HINT = 'Publish again when they have been.';
          END IF;
          RETURN NEW;
        END $$;
      REVOKE ALL ON FUNCTION tenon.assert_room_for_events() FROM PUBLIC;
      CREATE TRIGGER outbox_room BEFORE INSERT ON tenon.outbox
        FOR EACH ROW EXECUTE FUNCTION tenon.assert_room_for_events()`)
  },
  async down(client) {
    await client.query(`
      DROP TRIGGER outbox_room ON tenon.outbox;
      DROP FUNCTION tenon.assert_room_for_events();
      DROP INDEX tenon.outbox_waiting_of;
      DROP INDEX tenon.event_deliveries_waiting_of`)
  },
}
