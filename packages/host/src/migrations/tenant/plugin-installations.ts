import { quoteIdentifier as quote } from '../sql-text.js'
import type { TenantMigration } from '../migration.js'

/** S17 and S18, with the states of C2 and what an installation must remember: version, digest, consent, claim. */
export const pluginInstallationsMigration: TenantMigration = {
  name: '20251226151729-create-plugin-installations-table',
  async up(client, { schema }) {
    const table = `${quote(schema)}.plugin_installations`
    await client.query(`
      CREATE TABLE ${table} (
        id SERIAL PRIMARY KEY,
        plugin_key VARCHAR(100) NOT NULL UNIQUE,
        status VARCHAR(20) NOT NULL DEFAULT 'installed'
          CHECK (status IN ('installing', 'installed', 'failed', 'disabled', 'updating', 'uninstalling')),
        installed_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
        error_message TEXT,
        configuration JSONB,
        metadata JSONB,
        version VARCHAR(100),
        digest VARCHAR(64),
        manifest JSONB,
        grants JSONB,
        source TEXT,
        claimed_by TEXT,
        claim_expires_at TIMESTAMPTZ,
        created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
      );
      CREATE INDEX ${quote(`idx_plugin_installations_key_${schema}`)} ON ${table} (plugin_key)`)
  },
  async down(client, { schema }) {
    await client.query(`DROP TABLE ${quote(schema)}.plugin_installations`)
  },
}
