import type { ClientBase } from 'pg'

/** Packages by digest, for every replica and every restart, and what source-only entries were resolved to. */
export const artifactsMigration = {
  name: '0021-artifacts',
  async up(client: ClientBase): Promise<void> {
    await client.query(`
      CREATE TABLE tenon.artifacts (
        digest text PRIMARY KEY CHECK (digest ~ '^[0-9a-f]{64}$'),
        plugin_key text NOT NULL,
        version text NOT NULL,
        bytes bytea NOT NULL,
        manifest jsonb NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now()
      );
      -- The bytes are compressed already, and uncompressed storage lets substring() read them piece by piece.
      ALTER TABLE tenon.artifacts ALTER COLUMN bytes SET STORAGE EXTERNAL;
      CREATE INDEX artifacts_plugin ON tenon.artifacts (plugin_key, version);
      CREATE TABLE tenon.artifact_resolutions (
        source text PRIMARY KEY,
        digest text NOT NULL REFERENCES tenon.artifacts ON DELETE CASCADE,
        resolved_at timestamptz NOT NULL
      )`)
  },
  async down(client: ClientBase): Promise<void> {
    await client.query('DROP TABLE tenon.artifact_resolutions, tenon.artifacts')
  },
}
