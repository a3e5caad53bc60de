import { setTimeout as sleep } from 'node:timers/promises'
import type { AttackResult } from '../corpus.js'
import { exhaustions } from './holds.js'
import { hostilePlugin } from './hostile-plugin.js'
import type { Scene } from './scene.js'

/** Longer than this the victim's plugin may not need for a line of work, whatever the attacker does. */
const patienceMs = 2_000
/** Above the longest limit of the ground, so that only what has no limit reaches it. */
const endMs = 30_000

export async function* runExhaustions(scene: Scene, signal: AbortSignal | undefined): AsyncGenerator<AttackResult> {
  const { ground } = scene
  for (const { name, sql, times = 1 } of exhaustions) {
    if (signal?.aborted) return
    let over = false
    const attack = Promise.all(
      Array.from({ length: times }, () =>
        ground
          .call(ground.attacker, hostilePlugin.key, 'POST', '/send', { statements: [sql] })
          .then(({ data }) => (data as { error?: string }[])[0]?.error ?? 'it was answered')
          .catch((error: unknown) => (error instanceof Error ? error.message : String(error))),
      ),
    ).finally(() => (over = true))
    let slowestMs = 0
    const failures: string[] = []
    const began = performance.now()
    while (!over && performance.now() - began < endMs) {
      const start = performance.now()
      await ground
        .call(ground.victim, 'doctor-victim', 'GET', '/work')
        .catch((error: unknown) => failures.push(String(error)))
      slowestMs = Math.max(slowestMs, Math.round(performance.now() - start))
      await sleep(50)
    }
    if (!over) {
      yield { name, outcome: 'succeeded', how: `it did not end within ${endMs / 1000} s` }
      await attack
    } else if (failures.length > 0) {
      yield { name, outcome: 'succeeded', how: `a call of the victim failed: ${failures[0]}` }
    } else if (slowestMs > patienceMs) {
      yield { name, outcome: 'succeeded', how: `a call of the victim took ${slowestMs} ms` }
    } else {
      const said = (await attack)[0] ?? ''
      yield {
        name,
        outcome: 'stopped',
        how: `${said.replace(/\s+/g, ' ').slice(0, 120)}; calls of the victim took ${slowestMs} ms at most`,
      }
    }
  }
}
