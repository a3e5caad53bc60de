import { readFile } from 'node:fs/promises'
import type { PluginTarget, Tier } from '@tenon/host'
import type { AttackResult, Corpus } from '../corpus.js'
import { type PluginScene, setPluginScene } from './scene.js'

interface Names {
  attacks: string[]
  disruptions: string[]
  hoards: string[]
}

const parts = ['prelude', 'files', 'processes', 'network', 'language', 'wire', 'exhaustion']
/** Disruptions are cut off after this; each takes a process with it. */
const disruptionMs = 200
/** Long enough to pass the limits of memory and of lines in a second. */
const hoardMs = 1_500
/** Until the host notices on its own what goes on after an answer: two looks at idle processes, and a ping. */
const lateMs = 700
const context = { $context: true }

/**
 * What a stranger's plugin can try that has nothing to do with the database: to reach what is not its own, or to harm
 * the host. Below JavaScript, too, with machine words for system calls, where there is a kernel that holds them.
 *
 * @param options.maxTier The strongest tier that is attacked. Default: the strongest that holds here.
 * @param options.reachOnly Leaves out what only disturbs, which no tier makes a difference to.
 */
export function pluginCorpus(options: { maxTier?: Tier; reachOnly?: boolean } = {}): Corpus {
  return {
    name: 'hostile plugins',
    async *run(signal) {
      const scene = await setPluginScene(options)
      try {
        const target = scene.target(await code())
        const names = (await scene.call(target, 'names', [])) as Names
        for (const name of names.attacks) yield* until(signal, () => attack(scene, target, name))
        yield* attackKernel(scene)
        if (options.reachOnly) return
        for (const name of names.disruptions) yield* until(signal, () => disrupt(scene, target, name, disruptionMs))
        for (const name of names.hoards) yield* until(signal, () => disrupt(scene, target, name, hoardMs))
        const late = (await scene.call(target, 'later', [])) as string[]
        for (const name of late) yield* until(signal, () => workLate(scene, target, name))
        yield* until(signal, () => leaveProcesses(scene))
      } finally {
        await scene.close()
      }
    },
  }
}

async function* until(signal: AbortSignal | undefined, run: () => Promise<AttackResult>): AsyncIterable<AttackResult> {
  if (!signal?.aborted) yield await run()
}

/** The plugin of all attacks, in one file as any plugin is. */
async function code(): Promise<string> {
  const texts = parts.map((part) =>
    readFile(new URL(`../../src/plugins/fixtures/${part}.cjs`, import.meta.url), 'utf8'),
  )
  return (await Promise.all(texts)).join('\n')
}

async function attack(scene: PluginScene, target: PluginTarget, name: string): Promise<AttackResult> {
  const got = await scene.call(target, 'attack', [name, scene.told, context]).catch((error: Error) => error)
  const loot = typeof got === 'object' && got !== null && 'loot' in got ? String(got.loot) : undefined
  return judged(scene, name, loot === undefined ? undefined : `it got ${loot}`, 'refused inside the process')
}

async function disrupt(scene: PluginScene, target: PluginTarget, name: string, forMs: number): Promise<AttackResult> {
  const how = await scene
    .call(target, 'disrupt', [name, scene.told, context], forMs)
    .then(() => 'answered')
    .catch((error: Error & { code?: string }) => `${error.code ?? error.name}: ${error.message.slice(0, 100)}`)
  return judged(scene, name, undefined, how)
}

async function workLate(scene: PluginScene, target: PluginTarget, name: string): Promise<AttackResult> {
  await scene.call(target, 'later', [name, scene.told, context])
  await new Promise((resolve) => setTimeout(resolve, lateMs))
  const next = await scene.call(target, 'names', []).then(
    () => undefined,
    (error: Error) => `its next call fails: ${error.message}`,
  )
  return judged(scene, name, next, 'nobody heard of it')
}

async function judged(scene: PluginScene, name: string, loot: string | undefined, how: string): Promise<AttackResult> {
  const harm = loot ?? (await scene.findHarm())
  return harm === undefined ? { name, outcome: 'stopped', how } : { name, outcome: 'succeeded', how: harm }
}

/** Under T1 there is nothing below JavaScript: who got out of it has what the user of the host has. */
async function* attackKernel(scene: PluginScene): AsyncIterable<AttackResult> {
  for (const { attempt, result } of await scene.runtime.attackKernel()) {
    const name = `below JavaScript: ${attempt}`
    if (result === undefined) yield { name, outcome: 'stopped', how: 'refused by the kernel' }
    else yield { name, outcome: 'succeeded', how: result }
  }
  if (scene.runtime.status().tier !== 'T1') return
  const how = 'not tried: under T1 nothing but JavaScript holds, so an error in the engine would be a way out'
  yield { name: 'below JavaScript: anything', outcome: 'residue', how }
}

async function leaveProcesses(scene: PluginScene): Promise<AttackResult> {
  const name = 'leaves processes behind'
  const pids = scene.runtime.status().processes.map(({ pid }) => pid)
  await scene.runtime.stop({ drainMs: 0 })
  const living = pids.filter(isAlive)
  if (living.length > 0) return { name, outcome: 'succeeded', how: `processes ${living.join(', ')} go on` }
  return { name, outcome: 'stopped', how: 'every process ended with the host' }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
