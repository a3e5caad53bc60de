import type { PlatformMigration } from '../migration.js'

/**
 * Events join the transaction that causes them: one row here, delivered later. Plugins write through
 * `tenon_api.publish`, which takes the organization and the source from the session's role, never from the caller.
 */
export const outboxMigration: PlatformMigration = {
  name: '0003-outbox',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.outbox (
        id bigserial PRIMARY KEY,
        event_id uuid NOT NULL DEFAULT gen_random_uuid(),
        organization_id integer NOT NULL,
        source text NOT NULL,
        name text NOT NULL,
        payload jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX outbox_organization ON tenon.outbox (organization_id);

      CREATE SCHEMA tenon_api;
      REVOKE ALL ON SCHEMA tenon_api FROM PUBLIC;
      CREATE FUNCTION tenon_api.publish(name text, payload jsonb) RETURNS uuid
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        DECLARE
          publisher tenon.plugin_roles;
          event uuid := gen_random_uuid();
        BEGIN
          SELECT * INTO publisher FROM tenon.plugin_roles r WHERE r.role = session_user;
          IF publisher.role IS NULL OR publish.name IS NULL OR NOT publish.name = ANY (publisher.may_publish) THEN
            RAISE EXCEPTION 'This plugin did not declare that it publishes the event "%".', publish.name
              USING ERRCODE = 'insufficient_privilege';
          END IF;
          IF octet_length(publish.payload::text) > 65536 THEN
            RAISE EXCEPTION 'The payload of an event may have 64 kB at most; this one has % bytes.',
              octet_length(publish.payload::text) USING ERRCODE = 'program_limit_exceeded';
          END IF;
          INSERT INTO tenon.outbox (event_id, organization_id, source, name, payload)
            VALUES (event, publisher.organization_id, publisher.owner_key, publish.name, coalesce(publish.payload, '{}'));
          RETURN event;
        END $$;
      REVOKE ALL ON FUNCTION tenon_api.publish(text, jsonb) FROM PUBLIC`)
  },
  async down(client) {
    await client.query('DROP SCHEMA tenon_api CASCADE; DROP TABLE tenon.outbox')
  },
}
