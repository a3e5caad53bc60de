import type { Pool } from 'pg'
import type { PlatformMigration } from '../migrations/index.js'
import { writeForInstalled } from './installed.js'
import { ownersOf } from './owners-of.js'

/** The latest crashes of each plugin, on all servers together. Each change is told to every server. */
export const crashAccountsMigration: PlatformMigration = {
  name: '0086-crash-accounts',
  async up(client) {
    await client.query(`
      CREATE TABLE tenon.crash_accounts (
        organization_id integer NOT NULL REFERENCES tenon.tenants (organization_id) ON DELETE CASCADE,
        plugin_key text NOT NULL,
        digest text NOT NULL,
        crashed_at timestamptz[] NOT NULL,
        -- a person or a new version wiped the slate: what crashed before does not count, however late it is told
        reset_at timestamptz,
        PRIMARY KEY (organization_id, plugin_key)
      );
      CREATE FUNCTION tenon.announce_crashes() RETURNS trigger
        LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
        AS $$
        DECLARE
          told record := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        BEGIN
          PERFORM pg_notify('tenon_crashes', schema || ' ' || told.plugin_key)
          FROM tenon.tenants WHERE organization_id = told.organization_id;
          RETURN NULL;
        END $$;
      REVOKE ALL ON FUNCTION tenon.announce_crashes() FROM PUBLIC;
      CREATE TRIGGER announce_crashes AFTER INSERT OR UPDATE OR DELETE ON tenon.crash_accounts
        FOR EACH ROW EXECUTE FUNCTION tenon.announce_crashes()`)
  },
  async down(client) {
    await client.query('DROP TABLE tenon.crash_accounts; DROP FUNCTION tenon.announce_crashes()')
  },
}

interface Plugin {
  tenantId: string
  pluginKey: string
}

/** When one version of a plugin of a tenant crashed, the oldest first; in milliseconds of this server's clock. */
interface CrashAccount extends Plugin {
  digest: string
  crashes: readonly number[]
}

interface AccountRow {
  schema: string
  plugin_key: string
  digest: string
  ages_ms: number[]
}

interface CrashLedgerOptions {
  pool: Pool
  log: (event: string, fields: Record<string, unknown>) => void
  /** How many crashes of a plugin are kept; the newest. */
  kept: number
  /** For how long after the last one the crashes of a plugin matter. */
  keptMs: number
}

const shown = `t.schema, a.plugin_key, a.digest,
  ARRAY(SELECT extract(epoch FROM now() - at)::float8 * 1000 FROM unnest(a.crashed_at) AS at ORDER BY at) AS ages_ms`

/**
 * One account for all servers, by the clock of the database. What is told of an organization whose installations cannot be
 * read is lost: nothing of it runs, and those of others are told all the same.
 */
export function createCrashLedger({ pool, log, kept, keptMs }: CrashLedgerOptions) {
  const lose = (rows: readonly unknown[], reason: string) =>
    log('records-unheld', { of: 'crashes', rows: rows.length, reason })
  return {
    async add(accounts: readonly CrashAccount[]): Promise<CrashAccount[]> {
      const told = (await ownersOf(pool, accounts)).flatMap(({ crashes, ...plugin }) =>
        crashes.map((at) => ({ ...plugin, ageMs: Math.max(0, Date.now() - at) })),
      )
      const counted = await writeForInstalled(
        pool,
        told,
        async (client, rows) => {
          const { rows: added } = await client.query<AccountRow>(
            `WITH told AS (
             SELECT organization_id, plugin_key, digest, array_agg(now() - age_ms * interval '1 millisecond') AS crashed_at
             FROM unnest($1::integer[], $2::text[], $3::text[], $4::float8[]) AS n (organization_id, plugin_key, digest, age_ms)
             GROUP BY 1, 2, 3 ORDER BY 1, 2),
           a AS (
             INSERT INTO tenon.crash_accounts AS a (organization_id, plugin_key, digest, crashed_at) SELECT * FROM told
             ON CONFLICT (organization_id, plugin_key) DO UPDATE SET
               digest = excluded.digest,
               crashed_at = ARRAY(
                 SELECT at FROM unnest(
                   CASE WHEN a.digest = excluded.digest THEN a.crashed_at ELSE '{}' END || excluded.crashed_at) AS at
                 WHERE a.reset_at IS NULL OR at > a.reset_at ORDER BY at DESC LIMIT $5)
             RETURNING *)
           SELECT ${shown} FROM a JOIN tenon.tenants t USING (organization_id)`,
            [
              rows.map(({ organizationId }) => organizationId),
              rows.map(({ pluginKey }) => pluginKey),
              rows.map(({ digest }) => digest),
              rows.map(({ ageMs }) => ageMs),
              kept,
            ],
          )
          return added
        },
        lose,
      )
      return (counted ?? []).map(toAccount)
    },

    async find({ tenantId, pluginKey }: Plugin): Promise<CrashAccount | undefined> {
      const { rows } = await pool.query<AccountRow>(
        `SELECT ${shown} FROM tenon.crash_accounts a JOIN tenon.tenants t USING (organization_id)
         WHERE t.schema = $1 AND a.plugin_key = $2`,
        [tenantId, pluginKey],
      )
      return rows[0] && toAccount(rows[0])
    },

    async all(): Promise<CrashAccount[]> {
      const { rows } = await pool.query<AccountRow>(
        `SELECT ${shown} FROM tenon.crash_accounts a JOIN tenon.tenants t USING (organization_id)
         WHERE EXISTS (SELECT FROM unnest(a.crashed_at) AS at WHERE at > now() - $1 * interval '1 millisecond')`,
        [keptMs],
      )
      return rows.map(toAccount)
    },

    async reset(plugin: Plugin): Promise<void> {
      await writeForInstalled(
        pool,
        await ownersOf(pool, [plugin]),
        async (client, rows) => {
          await client.query(
            `INSERT INTO tenon.crash_accounts (organization_id, plugin_key, digest, crashed_at, reset_at)
           SELECT n.*, '', '{}', now() FROM unnest($1::integer[], $2::text[]) AS n
           ON CONFLICT (organization_id, plugin_key) DO UPDATE SET crashed_at = '{}', reset_at = now()`,
            [rows.map(({ organizationId }) => organizationId), rows.map(({ pluginKey }) => pluginKey)],
          )
        },
        lose,
      )
    },
  }
}

function toAccount({ schema, plugin_key: pluginKey, digest, ages_ms: ages }: AccountRow): CrashAccount {
  const now = Date.now()
  return { tenantId: schema, pluginKey, digest, crashes: ages.map((age) => now - age) }
}
