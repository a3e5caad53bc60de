import type { PlatformMigration } from '@tenon/host'

/** What stays known of organizations after they are gone. No foreign keys, because the lines outlive what they name. */
export const auditLinesMigration: PlatformMigration = {
  name: '1006-audit-lines',
  async up(client) {
    await client.query(`
      CREATE TABLE public.audit_lines (
        id bigserial PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        event text NOT NULL,
        organization_id integer NOT NULL,
        user_id integer,
        details jsonb NOT NULL DEFAULT '{}'
      )`)
  },
  async down(client) {
    await client.query('DROP TABLE public.audit_lines')
  },
}
