import { quoteIdentifier as quote } from '../sql-text.js'
import type { TenantMigration } from '../migration.js'

/** Says which installation has changed, so that no replica goes on with what it remembers of it. Heartbeats are not told. */
export const announceInstallationsMigration: TenantMigration = {
  name: '20261122210000-announce-installations',
  async up(client, { schema }) {
    await client.query(`
      CREATE TRIGGER announce_installation
        AFTER INSERT OR DELETE OR UPDATE OF
          plugin_key, status, configuration, metadata, version, digest, manifest, grants, source
        ON ${quote(schema)}.plugin_installations
        FOR EACH ROW EXECUTE FUNCTION tenon.announce_installation()`)
  },
  async down(client, { schema }) {
    await client.query(`DROP TRIGGER announce_installation ON ${quote(schema)}.plugin_installations`)
  },
}
