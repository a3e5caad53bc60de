import { isDatabaseHardened } from '@tenon/host'
import type { AttackResult, Corpus } from '../corpus.js'
import type { Ground } from '../ground.js'
import type { SqlAttack } from './attack.js'
import { runExhaustions } from './exhaustion-run.js'
import { runHolds } from './hold-run.js'
import { judge } from './judge.js'
import { runPlants } from './plant-run.js'
import { rolesAndSettings } from './roles-and-settings.js'
import { rowsOfOthers } from './rows-of-others.js'
import { prepareScene, type Scene } from './scene.js'
import { onTheBareRole, type Sender, type Sending, throughPlugin } from './senders.js'
import { server } from './server.js'
import { stoppedByPreparation } from './stopped-by-preparation.js'
import { changesBetween } from './state.js'
import { tricks } from './tricks.js'

const attacks: SqlAttack[] = [...rowsOfOthers, ...rolesAndSettings, ...server, ...tricks]

/** What a plugin can do to others with SQL, sent from its process through everything that stands in front. */
export function sqlCorpus(ground: Ground): Corpus {
  return {
    name: 'sql',
    async *run(signal) {
      const scene = await prepareScene(ground)
      try {
        const sender = throughPlugin(scene)
        yield* runAttacks(scene, sender, attacks, signal)
        yield* runPlants(scene, sender, signal)
        yield* runHolds(scene, signal)
        yield* runExhaustions(scene, signal)
      } finally {
        await scene.close()
        await takeDown(ground)
      }
    },
  }
}

/**
 * The same statements on the bare role, without the plugin's process and the guard: what is left when everything in
 * front has fallen. Where no superuser has prepared the server, the guard is part of the wall: what it alone stops there
 * is named as residue.
 */
export function roleCorpus(ground: Ground): Corpus {
  return {
    name: 'role',
    async *run(signal) {
      const isPrepared = await isDatabaseHardened(ground.pool)
      const scene = await prepareScene(ground)
      try {
        const sender = onTheBareRole(scene)
        const sent = attacks.filter(({ onlyGuarded }) => !onlyGuarded)
        for (const run of [runAttacks(scene, sender, sent, signal), runPlants(scene, sender, signal)]) {
          for await (const result of run) yield isPrepared ? result : weighed(result)
        }
      } finally {
        await scene.close()
        await takeDown(ground)
      }
    },
  }
}

function weighed(result: AttackResult): AttackResult {
  if (result.outcome !== 'succeeded' || !stoppedByPreparation.has(result.name)) return result
  return { ...result, outcome: 'residue', how: `only the statement guard stops this here: ${result.how}` }
}

async function takeDown(ground: Ground): Promise<void> {
  for (const key of ['doctor-sql', 'doctor-neighbour']) await ground.uninstall(ground.attacker, key)
  await ground.uninstall(ground.victim, 'doctor-victim')
}

async function* runAttacks(
  scene: Scene,
  sender: Sender,
  list: readonly SqlAttack[],
  signal: AbortSignal | undefined,
): AsyncGenerator<AttackResult> {
  await assertOwnTableAnswers(sender)
  let before = await scene.state()
  for (const attack of list) {
    if (signal?.aborted) return
    const lived = scene.hostSessionLives()
    const answers = await sender.send(sendingOf(attack, scene)).catch((error: unknown) => [{ error: String(error) }])
    const after = await scene.state()
    yield judge(attack, {
      answers,
      canaries: scene.canaries,
      changes: changesBetween(before, after),
      hostSessionEnded: lived && !scene.hostSessionLives(),
    })
    await scene.tidy((sql) => sender.send({ statements: [sql], send: 'autocommit' }))
    before = after
  }
}

/** Where a plugin does not even get rows of its own, refusals prove nothing. */
async function assertOwnTableAnswers(sender: Sender): Promise<void> {
  const statements = [
    'CREATE TABLE own_rows AS SELECT 7 AS number',
    'SELECT number FROM own_rows',
    'DROP TABLE own_rows',
  ]
  const [made, read] = await sender.send({ statements, send: 'autocommit' })
  if (read?.count !== 1) throw new Error(`a plugin gets no rows of its own here: ${made?.error ?? read?.error}`)
}

function sendingOf({ sql, send, replacements, bind }: SqlAttack, { fill }: Scene): Sending {
  const filled = (value: unknown): unknown =>
    typeof value === 'string' ? fill(value) : Array.isArray(value) ? value.map(filled) : value
  return {
    statements: (typeof sql === 'string' ? [sql] : sql).map(fill),
    send: send ?? 'autocommit',
    ...(replacements
      ? { replacements: Object.fromEntries(Object.entries(replacements).map(([name, value]) => [name, filled(value)])) }
      : {}),
    ...(bind ? { bind: bind.map(filled) } : {}),
  }
}
