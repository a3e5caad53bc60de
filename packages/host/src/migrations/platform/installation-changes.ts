import type { PlatformMigration } from '../migration.js'

/** For the trigger on each tenant's `plugin_installations`: says `<schema> <plugin key>`. */
export const installationChangesMigration: PlatformMigration = {
  name: '0004-installation-changes',
  async up(client) {
    await client.query(`
      CREATE FUNCTION tenon.announce_installation() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
          PERFORM pg_notify('tenon_installations',
            TG_TABLE_SCHEMA || ' ' || CASE TG_OP WHEN 'DELETE' THEN OLD.plugin_key ELSE NEW.plugin_key END);
          RETURN NULL;
        END $$;
      REVOKE ALL ON FUNCTION tenon.announce_installation() FROM PUBLIC`)
  },
  async down(client) {
    await client.query('DROP FUNCTION tenon.announce_installation()')
  },
}
