import type { Pool, PoolClient } from 'pg'
import type { PlatformMigration } from '../migrations/index.js'
import { inTransaction } from '../migrations/index.js'
import { keyOf, type RecordOwner, type RecordSource } from './log-buffer.js'

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

/** Names the installation, too. The function before stays for servers of the release before. */
export const heldInstallationIdsMigration: PlatformMigration = {
  name: '0096-held-installation-ids',
  async up(client) {
    await client.query(`
      -- what of these plugins is installed, and stays so until the transaction ends; in one order for everybody
      CREATE FUNCTION tenon.hold_installations(organizations integer[], plugins text[])
        RETURNS TABLE (organization_id integer, plugin_key text, installation_id integer)
        -- whoever removes one is done sooner; who holds a whole table longer must not keep all records waiting
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
        AS $$
        DECLARE
          named record;
        BEGIN
          FOR named IN
            SELECT t.organization_id AS organization, t.schema, array_agg(n.plugin) AS plugins
            FROM unnest(organizations, plugins) AS n (organization, plugin)
            JOIN tenon.tenants t ON t.organization_id = n.organization AND t.state <> 'removing'
            WHERE to_regclass(format('%I.plugin_installations', t.schema)) IS NOT NULL
            GROUP BY 1, 2 ORDER BY 1
          LOOP
            RETURN QUERY EXECUTE format(
              'SELECT $1, plugin_key::text, id FROM %I.plugin_installations WHERE plugin_key = ANY ($2)
               ORDER BY plugin_key FOR KEY SHARE', named.schema)
              USING named.organization, named.plugins;
          END LOOP;
        END $$;
      REVOKE ALL ON FUNCTION tenon.hold_installations(integer[], text[]) FROM PUBLIC`)
  },
  async down(client) {
    await client.query('DROP FUNCTION tenon.hold_installations(integer[], text[])')
  },
}

/** Of whatever installation there is, when none is named. */
type Told = RecordOwner & Partial<RecordSource>

/**
 * Writes those of `rows` whose plugin is installed, and leaves out the others. An uninstallation waits until they are
 * written, or they are left out: whatever it removes afterwards does not come back.
 *
 * @param onUnheld Gets the rows of an organization of which nobody can say what is installed; those of others are written.
 */
export async function writeForInstalled<Row extends Told, Result>(
  pool: Pool,
  rows: readonly Row[],
  write: (client: PoolClient, rows: Row[]) => Promise<Result>,
  onUnheld: (rows: Row[], reason: string) => void,
): Promise<Result | undefined> {
  if (rows.length === 0) return undefined
  const attempt = (hold: Hold) =>
    inTransaction(pool, async (client) => {
      const { installed, unheld } = await hold(client, ownersOf(rows))
      const kept = rows.filter((row) => isAmong(installed, row))
      const result = kept.length === 0 ? undefined : await write(client, kept)
      return { result, unheld }
    })
  const { result, unheld } = await attempt(holdAll).catch((error: unknown) => {
    if (!(error instanceof NotHeld)) throw error
    return attempt(holdEach)
  })
  for (const [organizationId, reason] of unheld)
    onUnheld(
      rows.filter((row) => row.organizationId === organizationId),
      reason,
    )
  return result
}

interface Held {
  /** The installation of each plugin. */
  installed: Map<string, number>
  /** Why not, by organization. */
  unheld: Map<number, string>
}

type Hold = (client: PoolClient, owners: readonly RecordOwner[]) => Promise<Held>

class NotHeld extends Error {}

const holdAll: Hold = async (client, owners) => {
  try {
    return { installed: await hold(client, owners), unheld: new Map() }
  } catch (cause) {
    throw new NotHeld('something that is installed could not be held', { cause })
  }
}

/** Each organization for itself, so that what is wrong with one costs no other its records. */
const holdEach: Hold = async (client, owners) => {
  const held: Held = { installed: new Map(), unheld: new Map() }
  const organizations = new Set(owners.map(({ organizationId }) => organizationId))
  for (const organizationId of [...organizations].toSorted((a, b) => a - b)) {
    const own = owners.filter((owner) => owner.organizationId === organizationId)
    await client.query('SAVEPOINT before_hold')
    try {
      for (const [key, id] of await hold(client, own)) held.installed.set(key, id)
      await client.query('RELEASE before_hold')
    } catch (error) {
      await client.query('ROLLBACK TO before_hold')
      held.unheld.set(organizationId, String(error))
    }
  }
  return held
}

async function hold(client: PoolClient, owners: readonly RecordOwner[]): Promise<Map<string, number>> {
  const { rows } = await client.query<{ organization_id: number; plugin_key: string; installation_id: number }>(
    'SELECT organization_id, plugin_key, installation_id FROM tenon.hold_installations($1, $2)',
    [owners.map(({ organizationId }) => organizationId), owners.map(({ pluginKey }) => pluginKey)],
  )
  return new Map(
    rows.map((row) => [keyOf({ organizationId: row.organization_id, pluginKey: row.plugin_key }), row.installation_id]),
  )
}

const ownersOf = (rows: readonly RecordOwner[]) => [...new Map(rows.map((row) => [keyOf(row), row])).values()]

function isAmong(installed: ReadonlyMap<string, number>, row: Told): boolean {
  const id = installed.get(keyOf(row))
  return id !== undefined && (row.installationId === undefined || row.installationId === id)
}
