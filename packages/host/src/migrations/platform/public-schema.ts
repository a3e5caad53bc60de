import type { PlatformMigration } from '../migration.js'

/**
 * The part of `public` that every plugin role sees: `current_org()`, which row-level security asks whose rows these are.
 * It answers for session_user, because current_user is what SET ROLE changes.
 */
export const publicSchemaMigration: PlatformMigration = {
  name: '0002-public-schema',
  async up(client) {
    await client.query(`
      REVOKE CREATE ON SCHEMA public FROM PUBLIC;
      CREATE FUNCTION public.current_org() RETURNS integer
        LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$ SELECT organization_id FROM tenon.plugin_roles WHERE role = session_user $$;
      REVOKE ALL ON FUNCTION public.current_org() FROM PUBLIC;

      -- see sameOrganizationTrigger(); public.users is looked up when it runs
      CREATE FUNCTION public.tenon_same_organization() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        DECLARE
          organization integer := public.current_org();
          named text;
          field text;
        BEGIN
          IF organization IS NULL THEN RETURN NEW; END IF;
          FOREACH field IN ARRAY TG_ARGV LOOP
            named := to_jsonb(NEW) ->> field;
            IF named IS NOT NULL AND NOT EXISTS (
              SELECT FROM public.users u WHERE u.id = named::bigint AND u.organization_id = organization
            ) THEN
              RAISE EXCEPTION 'User % is not a member of this organization (column "%").', named, field
                USING ERRCODE = 'foreign_key_violation';
            END IF;
          END LOOP;
          RETURN NEW;
        END $$;
      REVOKE ALL ON FUNCTION public.tenon_same_organization() FROM PUBLIC`)
    await revokeOnDatabase(client)
  },
  async down(client) {
    await client.query('DROP FUNCTION public.current_org(), public.tenon_same_organization() CASCADE')
  },
}

async function revokeOnDatabase(client: Parameters<PlatformMigration['up']>[0]): Promise<void> {
  const { rows } = await client.query<{ name: string }>('SELECT quote_ident(current_database()) AS name')
  await client.query(`REVOKE TEMPORARY, CREATE ON DATABASE ${rows[0]?.name} FROM PUBLIC`)
}
