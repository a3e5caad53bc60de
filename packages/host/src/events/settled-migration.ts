import type { PlatformMigration } from '../migrations/index.js'

/** What a subscriber said is settled of an event that failed; it is given back with the next attempt. */
export const settledDeliveriesMigration: PlatformMigration = {
  name: '0061-settled-deliveries',
  async up(client) {
    await client.query('ALTER TABLE tenon.event_deliveries ADD COLUMN settled jsonb')
  },
  async down(client) {
    await client.query('ALTER TABLE tenon.event_deliveries DROP COLUMN settled')
  },
}
