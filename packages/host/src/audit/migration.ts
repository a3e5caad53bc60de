import type { PlatformMigration } from '../migrations/index.js'

/**
 * What was done here and by whom, each entry sealed together with the one before. The column is called `organization`,
 * without `_id`: entries stay when an organization is removed.
 */
export const auditMigration: PlatformMigration = {
  name: '0033-audit',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.audit (
        seq bigint PRIMARY KEY,
        occurred_at timestamptz NOT NULL,
        organization integer,
        user_id integer,
        plugin_key text,
        action text NOT NULL,
        outcome text NOT NULL,
        details jsonb NOT NULL,
        mac bytea NOT NULL
      );
      CREATE INDEX audit_organization ON tenon.audit (organization, seq);
      CREATE TABLE tenon.audit_head (
        only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
        seq bigint NOT NULL,
        mac bytea NOT NULL,
        seal bytea NOT NULL
      )`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.audit, tenon.audit_head')
  },
}
