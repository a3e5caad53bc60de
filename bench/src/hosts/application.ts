import type { ApplicationMigrations, GrantableTables } from '@tenon/host'

/** The tables that Risk Import works on, in their smallest form: the application around the host is not measured. */
export const applicationMigrations: ApplicationMigrations = {
  platform: [
    {
      name: 'bench-0001',
      async up(client) {
        await client.query(`
          CREATE TABLE public.users (
            id serial PRIMARY KEY, name text NOT NULL, surname text NOT NULL, email text NOT NULL UNIQUE,
            organization_id int NOT NULL
          );
          INSERT INTO public.users (name, surname, email, organization_id)
            SELECT 'User', n::text, n || '@example.org', n FROM generate_series(1, 300) n`)
      },
      async down(client) {
        await client.query('DROP TABLE public.users')
      },
    },
  ],
  tenant: [
    {
      name: 'bench-tenant-0001',
      async up(client, { schema }) {
        await client.query(`
          CREATE TABLE "${schema}".risks (id serial PRIMARY KEY, risk_name text NOT NULL);
          CREATE TABLE "${schema}".bulk_rows (
            id serial PRIMARY KEY, risk_name varchar(255) NOT NULL, risk_owner int, risk_description text NOT NULL,
            phase text, categories text[], impact varchar(255), likelihood text, severity text, level text,
            review_notes text, status text, current_level text, deadline timestamptz, plan text, strategy text,
            final_level varchar(255), import_id uuid)`)
      },
      async down(client, { schema }) {
        await client.query(`DROP TABLE "${schema}".risks, "${schema}".bulk_rows`)
      },
    },
  ],
}

export const applicationTables: GrantableTables = {
  risks: { scope: 'tenant', privileges: { select: true, insert: true } },
  /** As wide as a risk of the reference application. */
  bulk_rows: { scope: 'tenant', privileges: { insert: true } },
  'public.users': {
    scope: 'public',
    privileges: { select: ['id', 'name', 'surname', 'email', 'organization_id'] },
    organizationColumn: 'organization_id',
  },
}
