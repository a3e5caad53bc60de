import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AttackResult } from '../corpus.js'
import type { SqlHold } from './attack.js'
import { holds } from './holds.js'
import { hostilePlugin } from './hostile-plugin.js'
import type { Scene } from './scene.js'

/** Longer than this nobody may wait for a plugin. */
const patienceMs = 2_000
const holdMs = 6_000

/** Holds every lock in turn, and tries to work meanwhile. */
export async function* runHolds(scene: Scene, signal: AbortSignal | undefined): AsyncGenerator<AttackResult> {
  for (const hold of holds) {
    if (signal?.aborted) return
    yield await runHold(scene, hold)
  }
}

async function runHold({ ground, fill }: Scene, { name, sql, meanwhile }: SqlHold): Promise<AttackResult> {
  const { attacker } = ground
  const id = randomUUID()
  const statements = (typeof sql === 'string' ? [sql] : sql).map(fill)
  let over = false
  const before = await ground.log.size()
  const holding = ground
    .call(attacker, hostilePlugin.key, 'POST', '/hold', { id, statements, holdMs })
    .catch((error: unknown) => ({ data: [{ error: String(error) }] }))
    .finally(() => (over = true))
  while (!over && !(await ground.log.since(before)).includes(`holding ${id}`)) await sleep(10)
  const waited = await workMeanwhile(ground.pool, fill(meanwhile))
  await ground.call(attacker, hostilePlugin.key, 'POST', '/release', { id }).catch(() => undefined)
  const { data } = await holding
  const refusal = (data as { error?: string }[]).find(({ error }) => error !== undefined)?.error
  if (waited.error !== undefined) return { name, outcome: 'succeeded', how: waited.error }
  const how = refusal === undefined ? `others waited ${waited.ms} ms` : refusal.replace(/\s+/g, ' ').slice(0, 160)
  return { name, outcome: 'stopped', how }
}

async function workMeanwhile(pool: Scene['ground']['pool'], sql: string): Promise<{ ms: number; error?: string }> {
  const client = await pool.connect()
  const began = performance.now()
  try {
    await client.query(`BEGIN; SET LOCAL lock_timeout = ${patienceMs}; ${sql}; ROLLBACK`)
    return { ms: Math.round(performance.now() - began) }
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    const { code, message } = error as { code?: string; message: string }
    const ms = Math.round(performance.now() - began)
    return { ms, error: code === '55P03' ? `others waited longer than ${patienceMs} ms` : message }
  } finally {
    client.release()
  }
}
