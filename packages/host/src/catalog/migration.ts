import type { ClientBase } from 'pg'

/** The last good copy of each marketplace, so that the registry may be down for a week. */
export const catalogMigration = {
  name: '0020-catalog-copies',
  async up(client: ClientBase): Promise<void> {
    await client.query(`
      CREATE TABLE tenon.catalog_copies (
        location text PRIMARY KEY,
        manifest text NOT NULL,
        etag text,
        last_modified text,
        fetched_at timestamptz NOT NULL
      )`)
  },
  async down(client: ClientBase): Promise<void> {
    await client.query('DROP TABLE tenon.catalog_copies')
  },
}
