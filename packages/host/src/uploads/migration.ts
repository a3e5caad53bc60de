import type { PlatformMigration } from '../migrations/index.js'

/** Files that people sent to a plugin, in pieces, for a day. A file without `size` is still on its way. */
export const uploadsMigration: PlatformMigration = {
  name: '0050-uploads',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.uploads (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        -- what it has, or was announced to have at most
        held_bytes bigint NOT NULL,
        size bigint,
        is_idle boolean NOT NULL DEFAULT false,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL
      );
      CREATE INDEX uploads_owner ON tenon.uploads (organization_id, plugin_key);
      CREATE INDEX uploads_expiry ON tenon.uploads (expires_at);
      CREATE TABLE tenon.upload_pieces (
        upload_id uuid NOT NULL REFERENCES tenon.uploads ON DELETE CASCADE,
        position integer NOT NULL,
        bytes bytea NOT NULL,
        PRIMARY KEY (upload_id, position)
      );
      -- Workbooks are packed already, and nothing is kept for long.
      ALTER TABLE tenon.upload_pieces ALTER COLUMN bytes SET STORAGE EXTERNAL`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.upload_pieces, tenon.uploads')
  },
}
