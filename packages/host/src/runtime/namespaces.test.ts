import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { argumentsOf, processesWith, signalProcess } from '../testing/processes.js'
import { skipAloud } from '../testing/skip-aloud.js'
import { createDirectLauncher, createSmallLauncher, type LaunchedChild, type Launcher } from './launcher.js'
import { findBubblewrap, informationFd, namespaceArguments } from './namespaces.js'
import { createPidFiles } from './pid-files.js'

const startingHost = fileURLToPath(new URL('../../dist/testing/starting-host.js', import.meta.url))
/** Bubblewrap waits here, with the half that becomes the program waiting for it, until a word comes on this pipe. */
const halfway = ['--userns-block-fd', '6']

let word = ''
const cleanUps: (() => void)[] = []
beforeEach((context: TestContext) => {
  // Also for a test that is left out: what comes after it looks for this word.
  word = `word-of-${process.pid}-${performance.now()}`
  if (!findBubblewrap()) skipAloud(context, 'it needs bubblewrap')
})
afterEach(() => {
  cleanUps.splice(0).forEach((cleanUp) => cleanUp())
  for (const pid of onTheirWay()) signalProcess(pid, 'SIGKILL')
})

/** Two for each that is on its way: bubblewrap, and what it has made of itself. */
const onTheirWay = () => processesWith(word).filter((pid) => argumentsOf(pid)[0] !== process.execPath)
const nothingIsLeft = () => expect.poll(onTheirWay).toEqual([])
/** The first half is stopped: it would go on when the other end of its pipe is closed. */
async function stopHalfway(first: number): Promise<void> {
  await expect.poll(onTheirWay).toHaveLength(2)
  signalProcess(first, 'SIGSTOP')
}

async function startHalfway(launcher: Launcher): Promise<LaunchedChild> {
  cleanUps.push(() => launcher.close())
  const child = await launcher.start({
    program: findBubblewrap() ?? '',
    args: [...halfway, ...namespaceArguments(process.execPath, [], ['-e', '', word])],
    cwd: '/',
    pipes: [2, 3, 4, informationFd, 6],
    niceness: 5,
  })
  await stopHalfway(child.pid)
  return child
}

/** Its process, and the numbers of those that it starts, as it says them. */
function startHost(count: number, more: readonly string[] = []): { host: ChildProcess; said: Interface } {
  const host = spawn(process.execPath, [startingHost, word, String(count), ...more], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  cleanUps.push(() => host.kill('SIGKILL'))
  return { host, said: createInterface({ input: host.stdout }) }
}

async function startHostHalfway() {
  const { host, said } = startHost(1, halfway)
  const [line] = (await once(said, 'line')) as [string]
  const pid = Number(line)
  await stopHalfway(pid)
  return { host, launcher: parentOf(pid) }
}

async function kill(host: ChildProcess): Promise<void> {
  const ended = once(host, 'exit')
  host.kill('SIGKILL')
  await ended
}

/** It looks for what others have left behind. */
function startNextHost(): void {
  const directory = mkdtempSync(path.join(tmpdir(), 'tenon-pids-'))
  cleanUps.push(() => rmSync(directory, { recursive: true }))
  createPidFiles(directory)
}

describe('what bubblewrap has started, and has not let run yet,', () => {
  it.each([
    ['by way of a small process', createSmallLauncher],
    ['by the host itself', createDirectLauncher],
  ])('ends with it when it was started %s', async (_how, create) => {
    const child = await startHalfway(create())
    child.kill()
    await child.exited
    await nothingIsLeft()
  })

  it('ends when what starts processes is killed', async () => {
    const child = await startHalfway(createSmallLauncher())
    signalProcess(parentOf(child.pid), 'SIGKILL')
    await child.exited
    await nothingIsLeft()
  })

  it('ends when the host is killed', async () => {
    const { host } = await startHostHalfway()
    await kill(host)
    await nothingIsLeft()
  })

  it('is ended by the next host when everything else was killed at once', async () => {
    const { host, launcher } = await startHostHalfway()
    signalProcess(launcher, 'SIGSTOP')
    await kill(host)
    signalProcess(launcher, 'SIGKILL')
    await expect.poll(onTheirWay).toHaveLength(1)

    startNextHost()
    await nothingIsLeft()
  })

  it('is left alone by the next host while its own is alive', async () => {
    await startHostHalfway()
    startNextHost()
    await sleep(100)
    expect(onTheirWay()).toHaveLength(2)
  })
})

it('leaves nothing behind, whenever during its starts a host is killed', { timeout: 120_000 }, async () => {
  for (let offsetMs = 0; offsetMs < 30; offsetMs++) {
    const { host, said } = startHost(8)
    await once(said, 'line')
    await sleep(offsetMs)
    await kill(host)
  }
  await expect.poll(onTheirWay, { timeout: 10_000 }).toEqual([])
})

const parentOf = (pid: number) => Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
