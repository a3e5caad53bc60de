import { randomUUID } from 'node:crypto'
import pg from 'pg'
import type { Ground } from '../ground.js'
import { readState, type State } from './state.js'
import { hostilePlugin, plainPlugin } from './hostile-plugin.js'

/** The ground with the actors of the SQL attacks on it. */
export interface Scene {
  ground: Ground
  /** The database role of the plugin that attacks. */
  role: string
  /** Texts that stand only in what is not the attacker's. */
  canaries: string[]
  /** Puts names in for `{own}`, `{victim}` and the rest. */
  fill(sql: string): string
  /** Everything that the attacker must not be able to change. */
  state(): Promise<State>
  /** Drops what an attack left lying in the attacker's schema; `run` sends statements as the attacker. */
  tidy(run: (sql: string) => Promise<unknown>): Promise<void>
  /** True while a session of the host, which the attacker was told the number of, is alive. */
  hostSessionLives(): boolean
  close(): Promise<void>
}

/** Installs the attacker, a neighbour in its tenant, and a victim in the other; each has something to lose. */
export async function prepareScene(ground: Ground): Promise<Scene> {
  const { pool, attacker, victim } = ground
  const neighbourSecret = `canary-${randomUUID()}`
  await ground.install(victim, plainPlugin('doctor-victim', 'treasure', victim.canary))
  await ground.install(attacker, plainPlugin('doctor-neighbour', 'neighbours', neighbourSecret))
  await ground.install(attacker, hostilePlugin)
  await pool.query(`
    INSERT INTO "${victim.schema}".risks (risk_name, risk_description, ai_lifecycle_phase, likelihood, severity)
    SELECT risk_name, risk_description, ai_lifecycle_phase, likelihood, severity FROM "${victim.schema}".risks;
    ANALYZE "${victim.schema}".risks`)
  const roleOf = async (organizationId: number, key: string) => {
    const { rows } = await pool.query<{ role: string }>(
      'SELECT role FROM tenon.plugin_roles WHERE organization_id = $1 AND owner_key = $2',
      [organizationId, key],
    )
    return rows[0]?.role ?? ''
  }
  const role = await roleOf(attacker.organizationId, hostilePlugin.key)
  const { rows } = await pool.query<{ host: string; database: string; group: string }>(
    `SELECT current_user AS host, current_database() AS database,
       (SELECT g.rolname FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles r ON r.oid = m.member
        WHERE r.rolname = $1 LIMIT 1) AS group`,
    [role],
  )
  const session = new pg.Client(ground.connection)
  let lives = true
  session.on('error', () => (lives = false))
  session.on('end', () => (lives = false))
  await session.connect()
  await session.query(`SELECT '${victim.canary}'`)

  const names: Record<string, string> = {
    own: `"${attacker.schema}"`,
    ownName: attacker.schema,
    victim: `"${victim.schema}"`,
    victimName: victim.schema,
    role,
    victimRole: await roleOf(victim.organizationId, 'doctor-victim'),
    neighbourRole: await roleOf(attacker.organizationId, 'doctor-neighbour'),
    organization: String(attacker.organizationId),
    victimOrganization: String(victim.organizationId),
    victimUser: String(victim.userId),
    host: pg.escapeIdentifier(rows[0]?.host ?? ''),
    group: rows[0]?.group ?? '',
    database: pg.escapeIdentifier(rows[0]?.database ?? ''),
    hostProcess: String((session as unknown as { processID: number }).processID),
  }

  return {
    ground,
    role,
    canaries: [victim.canary, neighbourSecret],
    fill: (sql) => sql.replace(/\{(\w+)\}/g, (whole, name: string) => names[name] ?? whole),
    state: () => readState(pool, { attacker, victim, role, victimRole: names['victimRole'] ?? '' }),
    async tidy(run) {
      const left = await pool.query<{ sql: string; isLoot: boolean }>(
        `SELECT format('DROP %s IF EXISTS "${attacker.schema}".%I CASCADE',
                  CASE c.relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'c' THEN 'TYPE' WHEN 'v' THEN 'VIEW'
                    WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, c.relname) AS sql,
                c.relname = 'loot' AS "isLoot"
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname = $1 AND pg_get_userbyid(c.relowner) = $2 AND c.relkind NOT IN ('i', 'I', 't')
           AND c.relname NOT LIKE 'evidence%' AND c.relname <> 'diary'
           AND (c.relname <> 'loot' OR c.relnatts <> 1 OR c.relhasindex)
         UNION ALL
         SELECT format('DROP TYPE IF EXISTS "${attacker.schema}".%I CASCADE', t.typname), false
         FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
         WHERE n.nspname = $1 AND pg_get_userbyid(t.typowner) = $2 AND t.typrelid = 0 AND t.typelem = 0`,
        [attacker.schema, role],
      )
      for (const { sql } of left.rows) await run(sql)
      if (left.rows.some(({ isLoot }) => isLoot)) await run(`CREATE TABLE "${attacker.schema}".loot (a text)`)
    },
    hostSessionLives: () => lives,
    async close() {
      await session.end().catch(() => {})
    },
  }
}
