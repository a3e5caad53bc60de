import type { PlatformMigration, TenantMigration } from '@tenon/host'

/**
 * Which plugin brought which rows. A plugin may add risks but not remove any; what an import brought and nobody has
 * touched since, it may take back through `tenon_api.undo_import`, for seven days.
 */
export const importsMigration: PlatformMigration = {
  name: '1008-imports',
  async up(client) {
    await client.query(`
      CREATE TABLE public.imports (
        organization_id integer NOT NULL REFERENCES public.organizations (id) ON DELETE CASCADE,
        import_id uuid NOT NULL,
        -- the role that the plugin is logged in as
        made_by name NOT NULL,
        row_count bigint NOT NULL,
        made_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (organization_id, import_id)
      );

      CREATE FUNCTION public.record_imports() RETURNS trigger
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        BEGIN
          INSERT INTO public.imports AS known (organization_id, import_id, made_by, row_count)
            SELECT TG_ARGV[0]::integer, n.import_id, session_user, count(*)
            FROM new_rows n WHERE n.import_id IS NOT NULL GROUP BY n.import_id
          ON CONFLICT (organization_id, import_id) DO UPDATE SET row_count = known.row_count + excluded.row_count
            WHERE known.made_by = excluded.made_by;
          RETURN NULL;
        END $$;
      REVOKE ALL ON FUNCTION public.record_imports() FROM PUBLIC;

      CREATE FUNCTION tenon_api.undo_import(import_id uuid, OUT removed bigint, OUT kept bigint)
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
        AS $$
        DECLARE
          made public.imports;
          tenant text;
        BEGIN
          SELECT i.* INTO made FROM public.imports i JOIN tenon.plugin_roles r
            ON r.role = session_user AND r.organization_id = i.organization_id
            WHERE i.import_id = undo_import.import_id AND i.made_by = session_user;
          IF made.import_id IS NULL THEN
            RAISE EXCEPTION 'This plugin made no such import.' USING ERRCODE = 'no_data_found';
          END IF;
          IF made.made_at < now() - interval '7 days' THEN
            RAISE EXCEPTION 'An import can be undone for 7 days.' USING ERRCODE = 'object_not_in_prerequisite_state';
          END IF;
          SELECT t.schema INTO tenant FROM tenon.tenants t WHERE t.organization_id = made.organization_id;
          -- untouched: not edited, not marked as deleted, in no project
          EXECUTE format('DELETE FROM %1$I.risks r WHERE r.import_id = $1 AND r.updated_at = r.created_at
            AND NOT r.is_deleted AND NOT EXISTS (SELECT FROM %1$I.projects_risks p WHERE p.risk_id = r.id)', tenant)
            USING import_id;
          GET DIAGNOSTICS removed = ROW_COUNT;
          EXECUTE format('SELECT count(*) FROM %I.risks r WHERE r.import_id = $1', tenant) INTO kept USING import_id;
        END $$`)
  },
  async down(client) {
    await client.query(`
      DROP FUNCTION tenon_api.undo_import(uuid);
      DROP FUNCTION public.record_imports() CASCADE;
      DROP TABLE public.imports`)
  },
}

export const recordedImportsMigration: TenantMigration = {
  name: '1003-recorded-imports',
  async up(client, { schema, organizationId }) {
    await client.query(`
      CREATE TRIGGER record_imports AFTER INSERT ON "${schema}".risks
        REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION public.record_imports(${organizationId})`)
  },
  async down(client, { schema }) {
    await client.query(`DROP TRIGGER IF EXISTS record_imports ON "${schema}".risks`)
  },
}
