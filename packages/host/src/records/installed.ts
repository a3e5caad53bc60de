import type { Pool, PoolClient } from 'pg'
import type { PlatformMigration } from '../migrations/index.js'
import { inTransaction } from '../migrations/index.js'
import { keyOf, type RecordOwner } from './log-buffer.js'

/** Lets who writes records hold those installations that are still there. */
export const heldInstallationsMigration: PlatformMigration = {
  name: '0085-held-installations',
  async up(client) {
    await client.query(`
      -- those of these plugins that are installed, which stay so until the transaction ends; in one order for everybody
      CREATE FUNCTION tenon.hold_installed(organizations integer[], plugins text[])
        RETURNS TABLE (organization_id integer, plugin_key text)
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$
        DECLARE
          named record;
          held bigint;
        BEGIN
          FOR named IN
            SELECT DISTINCT t.organization_id AS organization, t.schema, n.plugin
            FROM unnest(organizations, plugins) AS n (organization, plugin)
            JOIN tenon.tenants t ON t.organization_id = n.organization AND t.state <> 'removing'
            WHERE to_regclass(format('%I.plugin_installations', t.schema)) IS NOT NULL
            ORDER BY 1, 3
          LOOP
            EXECUTE format('SELECT FROM %I.plugin_installations WHERE plugin_key = $1 FOR KEY SHARE', named.schema)
              USING named.plugin;
            GET DIAGNOSTICS held = ROW_COUNT;
            CONTINUE WHEN held = 0;
            organization_id := named.organization;
            plugin_key := named.plugin;
            RETURN NEXT;
          END LOOP;
        END $$;
      REVOKE ALL ON FUNCTION tenon.hold_installed(integer[], text[]) FROM PUBLIC`)
  },
  async down(client) {
    await client.query('DROP FUNCTION tenon.hold_installed(integer[], text[])')
  },
}

/**
 * Writes those of `rows` whose plugin is installed, and leaves out the others. An uninstallation waits until they are
 * written, or they are left out: whatever it removes afterwards does not come back.
 */
export async function writeForInstalled<Row extends RecordOwner, Result>(
  pool: Pool,
  rows: readonly Row[],
  write: (client: PoolClient, rows: Row[]) => Promise<Result>,
): Promise<Result | undefined> {
  if (rows.length === 0) return undefined
  return inTransaction(pool, async (client) => {
    const owners = [...new Map(rows.map((row) => [keyOf(row), row])).values()]
    const { rows: installed } = await client.query<{ organization_id: number; plugin_key: string }>(
      'SELECT organization_id, plugin_key FROM tenon.hold_installed($1, $2)',
      [owners.map(({ organizationId }) => organizationId), owners.map(({ pluginKey }) => pluginKey)],
    )
    const held = new Set(
      installed.map((row) => keyOf({ organizationId: row.organization_id, pluginKey: row.plugin_key })),
    )
    const kept = rows.filter((row) => held.has(keyOf(row)))
    return kept.length === 0 ? undefined : write(client, kept)
  })
}
