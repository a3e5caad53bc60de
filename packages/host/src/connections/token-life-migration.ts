import type { PlatformMigration } from '../migrations/index.js'

/** How long tokens live, who renews them at the moment, and whether a person has to sign in again. */
export const tokenLifeMigration: PlatformMigration = {
  name: '0043-token-life',
  async up(client) {
    await client.query(`
      ALTER TABLE tenon.connections
        ADD COLUMN expires_at timestamptz,
        ADD COLUMN refreshing_until timestamptz,
        ADD COLUMN needs_reauth_since timestamptz;
      ALTER TABLE tenon.oauth_states ADD COLUMN connection_id integer`)
  },
  async down(client) {
    await client.query(`
      ALTER TABLE tenon.connections
        DROP COLUMN expires_at, DROP COLUMN refreshing_until, DROP COLUMN needs_reauth_since;
      ALTER TABLE tenon.oauth_states DROP COLUMN connection_id`)
  },
}
