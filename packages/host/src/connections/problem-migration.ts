import type { PlatformMigration } from '../migrations/index.js'

/** What the plugin says is wrong with a connection, and since when. */
export const connectionProblemMigration: PlatformMigration = {
  name: '0066-connection-problem',
  async up(client) {
    await client.query('ALTER TABLE tenon.connections ADD COLUMN problem text, ADD COLUMN problem_since timestamptz')
  },
  async down(client) {
    await client.query('ALTER TABLE tenon.connections DROP COLUMN problem, DROP COLUMN problem_since')
  },
}
