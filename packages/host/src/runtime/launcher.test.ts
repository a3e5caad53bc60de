import { spawn } from 'node:child_process'
import dns from 'node:dns/promises'
import { existsSync, readFileSync } from 'node:fs'
import os from 'node:os'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { signalProcess } from '../testing/processes.js'
import { createDirectLauncher, createSmallLauncher, type Launcher } from './launcher.js'
import { resolveLimits } from './limits.js'

const opened: Launcher[] = []
afterEach(() => opened.splice(0).forEach((launcher) => launcher.close()))

function open(create: () => Launcher): Launcher {
  const launcher = create()
  opened.push(launcher)
  return launcher
}

const node = (code: string) => ({
  program: process.execPath,
  args: ['-e', code],
  cwd: '/',
  pipes: [2, 3, 4],
  niceness: 5,
})
const waiting = node('setInterval(() => {}, 1000)')

describe.each([
  ['by way of a small process', createSmallLauncher],
  ['itself', createDirectLauncher],
])('a launcher that starts processes %s', (_how, create) => {
  it('gives them pipes, nothing of the environment, and says how they ended', async () => {
    const child = await open(create).start(
      node(`const pipe = new (require('net').Socket)({ fd: 3 })
        pipe.once('data', (bytes) => {
          console.error(JSON.stringify(process.env))
          pipe.end('heard ' + bytes, () => process.exit(7))
        })`),
    )
    const [heard, said] = [text(child.pipes.get(3)!), text(child.pipes.get(2)!)]
    child.pipes.get(4)?.resume()
    child.pipes.get(3)?.write('a word')
    expect(await heard).toBe('heard a word')
    expect(JSON.parse(await said)).toEqual({})
    await child.closed
    expect(await child.exited).toMatchObject({ exitCode: 7, signal: null })
    expect(child.isOver).toBe(true)
  })

  it('makes them nice before it says that they are there', async () => {
    const child = await open(create).start(waiting)
    expect(os.getPriority(child.pid)).toBe(os.getPriority() + waiting.niceness)
    const autogroup = `/proc/${child.pid}/autogroup`
    // Where Linux groups processes by session, their niceness counts only within it (sched(7)).
    if (!existsSync(autogroup)) return
    const nicenessOfSession = () => readFileSync(autogroup, 'utf8')
    if (process.getuid?.() === 0) expect(nicenessOfSession()).toMatch(/nice 5$/m)
    // Anybody else may set one every tenth of a second, and somebody may just have done so.
    await expect.poll(nicenessOfSession).toMatch(/nice 5$/m)
  })

  it('looks up names as the system does, and says what is wrong with one', async () => {
    const launcher = open(create)
    expect(await launcher.lookUp('localhost')).toEqual(await dns.lookup('localhost', { all: true, verbatim: true }))
    // Too long for any name server to be asked.
    const wrong = `${'x'.repeat(64)}.invalid`
    const { code } = (await dns.lookup(wrong).catch((error: { code: string }) => error)) as { code: string }
    await expect(launcher.lookUp(wrong)).rejects.toMatchObject({ code, message: expect.stringContaining(wrong) })
  })

  it('kills one and leaves the others', async () => {
    const launcher = open(create)
    const [one, other] = await Promise.all([launcher.start(waiting), launcher.start(waiting)])
    one.kill()
    expect(await one.exited).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
    expect(await isAlive(other.pid)).toBe(true)
  })

  it('says of a program that is not there that it is not', async () => {
    const launcher = open(create)
    await expect(launcher.start({ ...waiting, program: '/not/there' })).rejects.toThrow('ENOENT')
    expect(await isAlive((await launcher.start(waiting)).pid)).toBe(true)
  })

  it('takes everything with it when it is closed, and starts nothing afterwards', async () => {
    const launcher = create()
    const child = await launcher.start(waiting)
    launcher.close()
    expect(await child.exited).toMatchObject({ exitCode: null, signal: 'SIGKILL' })
    await expect(launcher.start(waiting)).rejects.toThrow('closed')
  })
})

describe('a small process that starts others', () => {
  it('loses nothing of what they write at once, however long nobody comes to read it', async () => {
    const launcher = open(createSmallLauncher)
    const shout = node(`for (const pipe of [2, 3, 4]) require('fs').writeSync(pipe, 'first words ' + pipe)`)
    const starting = Promise.all(Array.from({ length: 5 }, () => launcher.start(shout)))
    for (let turn = 0; turn < 10; turn++) await busyFor(50)
    for (const { pipes } of await starting) {
      const said = await Promise.all([2, 3, 4].map((pipe) => text(pipes.get(pipe)!)))
      expect(said).toEqual(['first words 2', 'first words 3', 'first words 4'])
    }
  })

  it('is ended when it does not answer, and another one starts what comes next', async () => {
    const launcher = open(() => createSmallLauncher({ patienceMs: 200 }))
    const child = await launcher.start(waiting)
    signalProcess(await parentOf(child.pid), 'SIGSTOP')
    await expect(launcher.start(waiting)).rejects.toThrow('come to its end')
    const next = await launcher.start(waiting)
    expect(await isAlive(next.pid)).toBe(true)
  })

  it.runIf(process.platform === 'linux')('has more threads for names than there are plugins at work', async () => {
    const child = await open(createSmallLauncher).start(waiting)
    const environment = readFileSync(`/proc/${await parentOf(child.pid)}/environ`, 'utf8').split('\0')
    const threads = environment.find((setting) => setting.startsWith('UV_THREADPOOL_SIZE='))
    // libuv keeps half of them for what is not slow.
    expect(Number(threads?.split('=')[1]) / 2).toBeGreaterThan(resolveLimits().maxResidents)
  })

  it('lets go of names that it was looking up when it is ended, and another one looks up more', async () => {
    const launcher = open(createSmallLauncher)
    const pid = await parentOf((await launcher.start(waiting)).pid)
    signalProcess(pid, 'SIGSTOP')
    const lookup = launcher.lookUp('localhost')
    signalProcess(pid, 'SIGKILL')
    await expect(lookup).rejects.toMatchObject({ code: 'EAI_AGAIN' })
    expect(await launcher.lookUp('localhost')).not.toEqual([])
  })

  it('takes them with it when it is ended, and another one starts more', async () => {
    const launcher = open(createSmallLauncher)
    const child = await launcher.start(waiting)
    signalProcess(await parentOf(child.pid), 'SIGKILL')
    await child.exited
    await expect.poll(() => isAlive(child.pid)).toBe(false)
    const next = await launcher.start(waiting)
    expect(await isAlive(next.pid)).toBe(true)
    next.kill()
    await next.exited
  })
})

/** A host that has other things to do, and then one turn of its event loop. */
async function busyFor(milliseconds: number): Promise<void> {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
  await new Promise((resolve) => setImmediate(resolve))
}

/** What is over but still listed, because nobody has asked how it ended, is not alive. */
async function isAlive(pid: number): Promise<boolean> {
  return /^[^Z]/.test(await ps('stat=', pid))
}

const parentOf = async (pid: number) => Number(await ps('ppid=', pid))

const ps = async (column: string, pid: number) =>
  (await text(spawn('ps', ['-o', column, '-p', String(pid)]).stdout)).trim()
