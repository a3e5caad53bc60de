import { realpathSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { kernelProbePath, makeNice, type RunnerOptions, runnerPath, type SealOptions } from '@tenon/runner'
import { mebibyte } from '../limit-table.js'
import type { LaunchedChild, Launcher } from './launcher.js'
import { runnerLimits, type RuntimeLimits } from './limits.js'
import { informationFd, namespaceArguments } from './namespaces.js'

/** What keeps a plugin in: T1 is what every operating system has, T2 adds the kernel of Linux, T3 namespaces. */
export type Tier = 'T1' | 'T2' | 'T3'

/** A tier, and what starting a runner under it takes. */
export type Confinement =
  | { tier: 'T1' }
  | { tier: 'T2'; koffiPath: string; maxDataBytes: number }
  | { tier: 'T3'; koffiPath: string; maxDataBytes: number; bubblewrap: string }

/** Of the memory of a process, below the watch: V8's own, clearer failure comes first for plain heap growth. */
const heapPart = 0.75
/** Each runner gets a user of its own from the range that systemd sets aside for users that last as long as a process. */
const users = { first: 61_184, count: 4_096 }
let nextUser = 0

/** Command line of a runner on this version of Node. */
export function runnerArguments(
  nodeVersion: string,
  path: string,
  { confinement, limits }: Pick<LaunchOptions, 'confinement' | 'limits'>,
): string[] {
  const major = Number(nodeVersion.split('.')[0])
  const permission = major >= 22 ? '--permission' : '--experimental-permission'
  // On Node 20 a V8 flag makes V8 refuse stored code caches; there the memory watch is the only limit.
  const heap = major >= 22 ? [`--max-old-space-size=${Math.floor((limits.maxRssBytes * heapPart) / mebibyte)}`] : []
  // Only until it has sealed itself, which takes a native function and a look at its own memory map.
  const sealing = confinement.tier === 'T1' ? [] : ['--allow-addons', '--allow-fs-read=/proc/self/*']
  const options: RunnerOptions = {
    limits: runnerLimits(limits),
    ...(confinement.tier === 'T1' ? {} : { seal: sealOptions(confinement) }),
  }
  return [
    permission,
    `--allow-fs-read=${path}`,
    ...sealing,
    '--no-warnings',
    '--no-deprecation',
    ...heap,
    path,
    JSON.stringify(options),
  ]
}

function sealOptions({ tier, koffiPath, maxDataBytes }: Exclude<Confinement, { tier: 'T1' }>): SealOptions {
  // In a namespace there is but one user.
  if (tier === 'T3' || process.getuid?.() !== 0) return { koffiPath, maxDataBytes }
  nextUser = (nextUser + 1) % users.count
  return { koffiPath, maxDataBytes, uid: users.first + nextUser }
}

interface LaunchOptions {
  /** Empty; the runner's working directory. */
  directory: string
  limits: RuntimeLimits
  confinement: Confinement
}

/**
 * Starts a blank runner: nothing but the time zone in its environment, empty directory, nothing readable but its own
 * file, own process group.
 *
 * @throws Error when it cannot be started
 */
export function launchRunner(launcher: Launcher, options: LaunchOptions): Promise<LaunchedChild> {
  return launch(launcher, runnerPath, options)
}

/** Starts the program that attacks the kernel from where a plugin would be. */
export function launchKernelProbe(launcher: Launcher, options: LaunchOptions): Promise<LaunchedChild> {
  return launch(launcher, kernelProbePath, options)
}

function launch(
  launcher: Launcher,
  path: string,
  { directory, limits, confinement }: LaunchOptions,
): Promise<LaunchedChild> {
  const timeZone = ownTimeZone()
  const [program, args] = commandOf(realpathSync(path), { limits, confinement }, timeZone)
  // 2 are its last words, 3 carries messages, 4 virtual sockets; Node's own channel would let a child crash the host.
  const pipes = [2, 3, 4, ...(confinement.tier === 'T3' ? [informationFd] : [])]
  return launcher.start({ program, args, cwd: directory, pipes, niceness: limits.niceness, timeZone })
}

/** As this program has it. Undefined where the system names none that is known. */
function ownTimeZone(): string | undefined {
  const { timeZone } = new Intl.DateTimeFormat().resolvedOptions()
  return timeZone === 'Etc/Unknown' ? undefined : timeZone
}

function commandOf(
  path: string,
  options: Pick<LaunchOptions, 'confinement' | 'limits'>,
  timeZone: string | undefined,
): [program: string, args: string[]] {
  const { confinement } = options
  const args = runnerArguments(process.versions.node, path, options)
  if (confinement.tier !== 'T3') return [process.execPath, args]
  return [confinement.bubblewrap, namespaceArguments(process.execPath, [path, confinement.koffiPath], args, timeZone)]
}

/**
 * The process that the runner is, as the host sees it: under T3 it is a child of the one that was started, which names
 * it on a pipe of its own. 0 when it ends without having named one.
 */
export async function runnerPid(child: LaunchedChild, niceness: number): Promise<number> {
  const information = child.pipes.get(informationFd)
  if (!information) return child.pid
  const pid = await namedPid(information)
  // The other one may have started it before it was made nice itself. Their session is the same.
  if (pid > 0) makeNice(pid, niceness)
  return pid
}

function namedPid(information: Readable): Promise<number> {
  let text = ''
  return new Promise((resolve) => {
    information.on('error', () => undefined)
    information.on('close', () => resolve(0))
    information.on('data', (bytes: Buffer) => {
      text = (text + bytes.toString('utf8')).slice(0, 10_000)
      if (text.includes('}')) resolve(Number(/"child-pid":\s*(\d+)/.exec(text)?.[1] ?? 0))
    })
  })
}
