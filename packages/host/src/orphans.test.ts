import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createApi,
  openReplica,
  prepareSurroundings,
  type Replica,
  type Surroundings,
  type TestPlugin,
} from './testing/host-in-test.js'
import { signalProcess } from './testing/processes.js'

const crashHost = fileURLToPath(new URL('../dist/testing/crash-host.js', import.meta.url))

/** Its event loop never sees that the host has closed its pipes. */
const spinner: TestPlugin = {
  key: 'spinner',
  files: {
    'index.ts': `
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      export const router = {
        'GET /spin': async () => {
          console.log('spinning')
          await new Promise((go) => setTimeout(go, 20))
          for (;;);
        },
        'GET /hello': async () => ({ data: 'hello' }),
      }`,
  },
}

/** Without help of the kernel; no other process than that of the plugin. */
const options = { maxTier: 1, limits: { runtime: { warmRunners: 0 } } } as const

let surroundings: Surroundings
let child: ChildProcess | undefined
let next: Replica | undefined
let orphan: number | undefined
beforeAll(async () => {
  surroundings = await prepareSurroundings()
  await surroundings.registry.publish(spinner)
})
afterAll(async () => {
  child?.kill('SIGKILL')
  if (orphan !== undefined && isAlive(orphan)) signalProcess(orphan, 'SIGKILL')
  await next?.close()
  await surroundings.close()
})

test(
  'a process that outlives a killed host, and spins, is ended when the next host starts on the same data',
  { timeout: 60_000 },
  async () => {
    const { connection, registry, directory } = surroundings
    const argument = JSON.stringify({ connection, registry: { url: registry.url }, directory, options })
    child = spawn(process.execPath, [crashHost, argument], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    const [first] = (await once(lines, 'line')) as [string]
    const api = createApi((JSON.parse(first) as { url: string }).url)
    expect(await api('POST', '/install', { pluginKey: 'spinner' })).toMatchObject({ status: 201 })
    const spins = new Promise<void>((resolve) => lines.on('line', (line) => line.includes('"spinning"') && resolve()))
    api('GET', '/spinner/spin').catch(() => undefined)
    await spins
    await sleep(200)
    const [file, ...others] = await readdir(path.join(directory, 'data', 'processes'))
    expect(others).toEqual([])
    orphan = Number(/\d+/.exec(file ?? '')?.[0])

    // All at once, as when a machine runs out of memory: what starts the processes gets no chance to take them along.
    const launcher = Number(ps('ppid', orphan))
    const ended = once(child, 'exit')
    signalProcess(launcher, 'SIGSTOP')
    child.kill('SIGKILL')
    signalProcess(launcher, 'SIGKILL')
    await ended
    await expect.poll(() => isAlive(launcher)).toBe(false)
    await sleep(300)
    expect(isAlive(orphan)).toBe(true)

    next = await openReplica(surroundings, options)
    await expect.poll(() => isAlive(orphan ?? 0)).toBe(false)
    // The next host may be trying out what holds a plugin in, with a process of its own.
    await expect.poll(() => readdir(path.join(directory, 'data', 'processes'))).toEqual([])
    expect(await next.api('GET', '/spinner/hello')).toMatchObject({ status: 200, content: 'hello' })
  },
)

/** What is over but still listed, because nobody has asked how it ended, is not alive. */
function isAlive(pid: number): boolean {
  return /^[^Z]/.test(ps('stat', pid))
}

function ps(column: string, pid: number): string {
  try {
    return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] })
      .toString()
      .trim()
  } catch {
    return ''
  }
}
