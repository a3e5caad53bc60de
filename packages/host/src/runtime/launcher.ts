import { fork } from 'node:child_process'
import { once } from 'node:events'
import type net from 'node:net'
import type { Duplex } from 'node:stream'
import {
  killGroup,
  type Launch,
  launcherPath,
  type LaunchReport,
  type LaunchRequest,
  pipeOf,
  spawnWithPipes,
} from '@tenon/runner'
import { type Lookup, systemLookup } from '../egress/connect.js'

/** A process, and the host's ends of its pipes, whoever has started it. */
export interface LaunchedChild {
  readonly pid: number
  /** By descriptor. */
  readonly pipes: ReadonlyMap<number, Duplex>
  readonly isOver: boolean
  /** Resolves when it has ended; something that it wrote may still wait in the pipes. */
  readonly exited: Promise<ChildExit>
  /** Resolves when everything that it wrote has been read, too. */
  readonly closed: Promise<void>
  /** SIGKILL. */
  kill(): void
}

export interface ChildExit {
  exitCode: number | null
  signal: NodeJS.Signals | null
  /** It was ended because what had started it has come to its end. */
  isLost?: boolean
}

export interface Launcher {
  /** @throws Error when it cannot be started, or the launcher was closed. */
  start(launch: Launch): Promise<LaunchedChild>
  /** The addresses of a name, as the system says them, without keeping the host from looking up names itself. */
  lookUp: Lookup
  /** Ends everything that it started. */
  close(): void
}

/** What starts processes on this system. */
export function createLauncher(): Launcher {
  // Windows cannot hand a pipe from one process to another.
  return process.platform === 'win32' ? createDirectLauncher() : createSmallLauncher()
}

/** Starts processes itself, and stands still for it: the longer, the more memory this program uses. */
export function createDirectLauncher(): Launcher {
  const living = new Set<StartedChild>()
  let closed = false
  return {
    async start(launch) {
      if (closed) throw new Error('the launcher was closed')
      const spawned = spawnWithPipes(launch)
      if (spawned.pid === undefined) await once(spawned, 'spawn')
      const child = createChild(spawned.pid ?? 0, () => void spawned.kill('SIGKILL'))
      for (const descriptor of launch.pipes) child.pipes.set(descriptor, pipeOf(spawned, descriptor))
      living.add(child)
      spawned.once('exit', (exitCode, signal) => {
        living.delete(child)
        child.end({ exitCode, signal })
      })
      return child
    },
    lookUp: systemLookup,
    close() {
      closed = true
      for (const child of living) child.kill()
    },
  }
}

/**
 * Starts processes by way of a small one, so that the host does not stop for it; see `launcher.ts` of the runner.
 * Should that process come to its end, so do those that it started, and the next start makes another.
 */
export function createSmallLauncher({ patienceMs = 10_000 } = {}): Launcher {
  let session = openSession(patienceMs)
  let closed = false

  function current() {
    if (!session.isOpen) session = openSession(patienceMs)
    return session
  }

  return {
    async start(launch) {
      if (closed) throw new Error('the launcher was closed')
      return current().start(launch)
    },
    async lookUp(name) {
      if (closed) throw lookupError(ended)
      return current().lookUp(name)
    },
    close() {
      closed = true
      session.close()
    },
  }
}

/** What the system's resolver reads from the environment (resolv.conf(5)). */
function resolverSettings(): Record<string, string> {
  const names = ['LOCALDOMAIN', 'RES_OPTIONS']
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])))
}

interface LookingUp {
  resolve(addresses: Awaited<ReturnType<Lookup>>): void
  reject(error: Error): void
}

interface Starting {
  launch: Launch
  child?: StartedChild
  resolve(child: LaunchedChild): void
  reject(error: Error): void
}

/** A host that stood still itself sees its timers before what has arrived meanwhile. */
const afterStallMs = 500
/** Half of them may look up names at the same moment: more than there are plugins at work. */
const launcherThreads = 128

function openSession(patienceMs: number) {
  const starting = new Map<number, Starting>()
  const living = new Map<number, StartedChild>()
  const lookups = new Map<number, LookingUp>()
  let nextId = 1

  const launcher = fork(launcherPath, {
    env: { UV_THREADPOOL_SIZE: String(launcherThreads), ...resolverSettings() },
    execArgv: ['--max-old-space-size=32'],
    // What it reads from ends with this program, in whatever way that comes about.
    stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
    // Ctrl-C in a terminal reaches the whole group.
    detached: true,
  })
  launcher.on('message', (report: LaunchReport, pipe: unknown) => receive(report, pipe as net.Socket | undefined))
  launcher.once('error', loseAll)
  // After everything that it still had to say.
  launcher.once('disconnect', loseAll)
  launcher.unref()
  ;(launcher.stdin as net.Socket).unref()
  holdProgram()

  function receive(report: LaunchReport, pipe: net.Socket | undefined): void {
    if (report.t === 'ended') return living.get(report.id)?.end(report)
    if (report.t === 'failed') return fail(report.id, report.reason)
    if (report.t === 'found') return endLookup(report.id, (lookup) => lookup.resolve(report.addresses))
    if (report.t === 'notFound') return endLookup(report.id, ({ reject }) => reject(lookupError(report)))
    const start = starting.get(report.id)
    if (!start) return void pipe?.destroy()
    if (report.t === 'started') start.child = welcome(report.id, report.pid)
    else if (pipe) start.child?.pipes.set(report.descriptor, pipe)
    if (!start.child || start.child.pipes.size < start.launch.pipes.length) return
    starting.delete(report.id)
    start.resolve(start.child)
  }

  function welcome(id: number, pid: number): StartedChild {
    const child = createChild(pid, () => send({ t: 'kill', id }))
    living.set(id, child)
    void child.exited.then(() => {
      living.delete(id)
      fail(id, 'it ended before its pipes had come')
    })
    return child
  }

  function fail(id: number, reason: string): void {
    starting.get(id)?.reject(new Error(reason))
    starting.delete(id)
    holdProgram()
  }

  function endLookup(id: number, tell: (lookup: LookingUp) => void): void {
    const lookup = lookups.get(id)
    lookups.delete(id)
    if (lookup) tell(lookup)
    holdProgram()
  }

  function loseLookup(id: number): void {
    endLookup(id, ({ reject }) => reject(lookupError(ended)))
  }

  function send(request: LaunchRequest): void {
    launcher.send(request, (error) => {
      if (!error) return
      if (request.t === 'lookUp') loseLookup(request.id)
      else fail(request.id, error.message)
    })
  }

  /** A program that has nothing else to do waits for what was started, not for the launcher. */
  function holdProgram(): void {
    if (starting.size + living.size + lookups.size > 0) launcher.channel?.ref()
    else launcher.channel?.unref()
  }

  /** Whatever is the matter with it: nobody could start anything any more. */
  function endIfStuck(id: number): void {
    if (starting.has(id)) launcher.kill('SIGKILL')
  }

  function loseAll(): void {
    for (const id of starting.keys()) fail(id, 'what starts processes has come to its end')
    for (const id of lookups.keys()) loseLookup(id)
    for (const child of living.values()) {
      // Not every system ends a process with its parent.
      killGroup(child.pid)
      child.end({ exitCode: null, signal: 'SIGKILL', isLost: true })
    }
  }

  return {
    get isOpen() {
      return launcher.connected
    },
    start: (launch: Launch) =>
      new Promise<LaunchedChild>((resolve, reject) => {
        const id = nextId++
        starting.set(id, { launch, resolve, reject })
        holdProgram()
        send({ t: 'start', id, launch })
        setTimeout(() => setTimeout(() => endIfStuck(id), afterStallMs).unref(), patienceMs).unref()
      }),
    lookUp: (name: string) =>
      new Promise<Awaited<ReturnType<Lookup>>>((resolve, reject) => {
        const id = nextId++
        lookups.set(id, { resolve, reject })
        holdProgram()
        send({ t: 'lookUp', id, name })
      }),
    close() {
      if (launcher.connected) launcher.disconnect()
    },
  }
}

const ended = { code: 'EAI_AGAIN', reason: 'what looks up names has come to its end' }

const lookupError = ({ code, reason }: { code: string; reason: string }) => Object.assign(new Error(reason), { code })

type StartedChild = ReturnType<typeof createChild>

function createChild(pid: number, kill: () => void) {
  const pipes = new Map<number, net.Socket>()
  let isOver = false
  let end: (exit: ChildExit) => void = () => undefined
  const exited = new Promise<ChildExit>((resolve) => (end = resolve))
  return {
    pid,
    pipes,
    exited,
    closed: exited.then(() => Promise.all([...pipes.values()].map(untilClosed))).then(() => undefined),
    get isOver() {
      return isOver
    },
    kill() {
      if (!isOver) kill()
    },
    end(exit: ChildExit): void {
      isOver = true
      end(exit)
    },
  }
}

function untilClosed(pipe: net.Socket): Promise<void> {
  return new Promise((resolve) => (pipe.closed ? resolve() : pipe.once('close', () => resolve())))
}
