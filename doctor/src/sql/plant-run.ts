import type { AttackResult } from '../corpus.js'
import { hostilePlugin } from './hostile-plugin.js'
import { plants } from './plants.js'
import type { Scene } from './scene.js'
import type { Sender } from './senders.js'

interface Planted {
  name: string
  /** Its sequence. */
  evidence: string
  /** What the server or the guard said instead of planting it. */
  refusal: string | undefined
}

/** Plants everything, lets the host do what it does, and looks at which traps went off. */
export async function* runPlants(
  scene: Scene,
  sender: Sender,
  signal: AbortSignal | undefined,
): AsyncGenerator<AttackResult> {
  const planted: Planted[] = []
  for (const [at, { name, sql }] of plants.entries()) {
    if (signal?.aborted) return
    const evidence = `evidence_${at}`
    const put = (text: string) =>
      scene.fill(text.replaceAll('{evidence}', `{own}.${evidence}`).replaceAll('{plant}', `{own}.plant_${at}`))
    const statements = [`CREATE SEQUENCE {own}.${evidence}`, ...(typeof sql === 'string' ? [sql] : sql)].map(put)
    const answers = await sender.send({ statements, send: 'autocommit' })
    planted.push({ name, evidence, refusal: answers.slice(1).find(({ error }) => error !== undefined)?.error })
  }
  const before = await tracesOf(scene, sender, planted)
  const problems = await letTheHostWork(scene)
  const after = await tracesOf(scene, sender, planted)
  for (const { name, evidence, refusal } of planted) {
    if (after.get(evidence) !== before.get(evidence)) {
      yield { name: `plants ${name}`, outcome: 'succeeded', how: 'somebody else ran it' }
    } else {
      yield {
        name: `plants ${name}`,
        outcome: 'stopped',
        how: refusal?.slice(0, 160) ?? 'it lies there, and nobody runs it',
      }
    }
  }
  yield problems.length === 0
    ? { name: 'keeps the host from its work with what it planted', outcome: 'stopped', how: 'all of it was done' }
    : {
        name: 'keeps the host from its work with what it planted',
        outcome: 'succeeded',
        how: problems.join('; ').slice(0, 300),
      }
  await scene.tidy((sql) => sender.send({ statements: [sql], send: 'autocommit' }))
}

async function tracesOf(scene: Scene, sender: Sender, planted: Planted[]): Promise<Map<string, string>> {
  const parts = planted.map(
    ({ evidence }) => `SELECT '${evidence}' AS name, concat(last_value, is_called) AS trace FROM {own}.${evidence}`,
  )
  const traces = new Map<string, string>()
  for (let at = 0; at < parts.length; at += 20) {
    const sql = scene.fill(parts.slice(at, at + 20).join(' UNION ALL '))
    const [answer] = await sender.send({ statements: [sql], send: 'autocommit' })
    if (answer?.rows === undefined) throw new Error(`The traces cannot be read: ${answer?.error}`)
    for (const { name, trace } of JSON.parse(answer.rows) as { name: string; trace: string }[]) traces.set(name, trace)
  }
  return traces
}

/** What a host and its application do with a tenant, whoever is installed in it. Answers what did not work. */
async function letTheHostWork({ ground, fill, role }: Scene): Promise<string[]> {
  const { attacker, host, pool } = ground
  const { key } = hostilePlugin
  const { service } = host
  const problems: string[] = []
  const does = async (what: string, work: () => Promise<unknown>) => {
    await work().catch((error: unknown) =>
      problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`),
    )
  }
  const installation = async () =>
    (await service.getInstalledPlugins(attacker.schema)).find(({ pluginKey }) => pluginKey === key)?.id ?? 0

  await does('migrating', () => host.createTenant(attacker.organizationId))
  await does('migrating again', () => host.migrator.up())
  await does('listing', () => service.getInstalledPlugins(attacker.schema))
  await does('adding a risk', () =>
    pool.query(
      fill(`INSERT INTO {own}.risks (risk_name, risk_description, ai_lifecycle_phase, likelihood, severity)
            VALUES ('of a person', 'x', 'Model development & training', 'Rare', 'Minor')`),
    ),
  )
  await does('changing a risk', () =>
    pool.query(fill(`UPDATE {own}.risks SET review_notes = lower('X') WHERE risk_name = 'of a person'`)),
  )
  await does('reading risks', () => pool.query(fill('SELECT * FROM {own}.risks ORDER BY risk_name LIMIT 10')))
  await does('removing a risk', () => pool.query(fill(`DELETE FROM {own}.risks WHERE risk_name = 'of a person'`)))
  await does('measuring the schema', () =>
    pool.query(`SELECT pg_total_relation_size(c.oid) FROM pg_class c WHERE pg_get_userbyid(c.relowner) = $1`, [role]),
  )
  await does('a step of a later migration', () =>
    pool.query(fill('CREATE TABLE {own}.later (id int); DROP TABLE {own}.later')),
  )
  for (const table of ['risks', 'projects']) {
    const column = 'ADD COLUMN later uuid DEFAULT gen_random_uuid()'
    await does(`a later migration of ${table}`, () =>
      pool.query(fill(`ALTER TABLE {own}.${table} ${column}; ALTER TABLE {own}.${table} DROP COLUMN later`)),
    )
  }
  await does('disabling', async () => service.setEnabled(await installation(), attacker.userId, attacker.schema, false))
  await does('enabling', async () => service.setEnabled(await installation(), attacker.userId, attacker.schema, true))
  await does('configuring', async () =>
    service.updateConfiguration(await installation(), attacker.userId, attacker.schema, { statements: [] }),
  )
  return problems
}
