import { createHash } from 'node:crypto'
import dgram from 'node:dgram'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { VerifiedArtifact } from '@tenon/contract'
import { createRuntime, type PluginTarget, type Runtime, type Tier } from '@tenon/host'

/** What a plugin is told about the things that it must not reach, so that it need not look for them. */
export interface Told {
  canaryFile: string
  directory: string
  hostDirectory: string
  hostPid: number
  tcpPort: number
  udpPort: number
  socketFile: string
  koffi: string
  victim: string
}

/** A runtime with a plugin of somebody else at work in it, and things of the host that somebody could reach. */
export interface PluginScene {
  runtime: Runtime
  told: Told
  /** A plugin of the attacker. */
  target(code: string): PluginTarget
  call(target: PluginTarget, name: string, args: unknown[], deadlineMs?: number): Promise<unknown>
  /** What somebody did to the host or to the other organization since the last look; undefined when nothing. */
  findHarm(): Promise<string | undefined>
  close(): Promise<void>
}

const attackerTenant = 'attacker00'
const victimTenant = 'victim0000'
/** The neighbour answers in a few milliseconds; on a machine that is busy with an attack, in some more. */
const neighbourMs = 5_000
/** How long the host itself may stand still. A synchronous parse of the largest message takes a fraction of that. */
const stallMs = 1_000
const growthBytes = 400 * 1024 * 1024

/**
 * Sets the scene.
 *
 * @param options.maxTier The strongest tier that is taken. Default: the strongest that holds here.
 */
export async function setPluginScene(options: { maxTier?: Tier | undefined }): Promise<PluginScene> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenon-scene-'))
  const canary = `canary-${createHash('sha256').update(directory).digest('hex').slice(0, 20)}`
  const canaryFile = path.join(directory, 'canary.json')
  await writeFile(canaryFile, JSON.stringify({ canary }))
  const visitors: string[] = []
  const tcp = await listen(net.createServer(), visitors, { port: 0, host: '127.0.0.1' })
  const unix = await listen(net.createServer(), visitors, { path: path.join(directory, 'socket') })
  const udp = dgram.createSocket('udp4').on('message', () => visitors.push('a datagram'))
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve))

  const runtime = createRuntime({
    log: { info: () => undefined, warn: () => undefined },
    pidDirectory: path.join(directory, 'processes'),
    ...(options.maxTier ? { maxTier: options.maxTier } : {}),
    // The corpus is a long row of crashes, none of which anybody learns more of by waiting longer.
    limits: {
      graceMs: 50,
      pingMs: 200,
      idlePingMs: 150,
      maxCrashes: 10_000,
      backoffMs: 0,
      restartGapMs: 0,
      memoryPollMs: 50,
      warmRunners: 2,
    },
  })
  const neighbour = targetOf(
    `exports.install = () => ({}); const kept = ${JSON.stringify(canary)}; exports.kept = () => kept`,
    victimTenant,
  )
  const call: PluginScene['call'] = (target, name, args, deadlineMs = 1_000) =>
    runtime.call(target, {
      invocation: { kind: 'function', name, args },
      context: { tenantId: target.tenantId, userId: 1, organizationId: 1, configuration: {} },
      deadlineMs,
    })
  const told: Told = {
    canaryFile,
    directory,
    hostDirectory: process.cwd(),
    hostPid: process.pid,
    tcpPort: portOf(tcp),
    udpPort: udp.address().port,
    socketFile: path.join(directory, 'socket'),
    koffi: path.join(process.cwd(), 'node_modules/@koromix/koffi-linux-x64/linux_x64/koffi.node'),
    victim: victimTenant,
  }
  await call(neighbour, 'kept', [])
  const delay = monitorEventLoopDelay({ resolution: 20 })
  delay.enable()
  const before = { files: await listed(directory), rss: process.memoryUsage.rss() }

  async function findHarm(): Promise<string | undefined> {
    const stalled = delay.max / 1e6
    delay.reset()
    const arrived = visitors.splice(0)
    if (arrived.length > 0) return `it reached ${arrived[0]}`
    const content = await readFile(canaryFile, 'utf8').catch(() => 'gone')
    if (content !== JSON.stringify({ canary })) return 'it changed a file of the host'
    const files = await listed(directory)
    if (files !== before.files) return `it made or removed files: ${files}`
    if (Object.keys(Object.prototype).length > 0 || 'polluted' in {}) return "it changed the host's prototypes"
    if (stalled > stallMs) return `it held the host's event loop for ${Math.round(stalled)} ms`
    if (process.memoryUsage.rss() - before.rss > growthBytes) return 'it filled the memory of the host'
    const answer = await call(neighbour, 'kept', [], neighbourMs).catch((error: Error) => error.message)
    return answer === canary ? undefined : `it harmed the neighbour: ${String(answer)}`
  }

  return {
    runtime,
    told,
    target: (code) => targetOf(code, attackerTenant),
    call,
    findHarm,
    async close() {
      delay.disable()
      await runtime.stop({ drainMs: 0 })
      await Promise.all([tcp, unix].map((server) => new Promise((resolve) => server.close(resolve))))
      await new Promise<void>((resolve) => udp.close(resolve))
      await rm(directory, { recursive: true, force: true })
    },
  }
}

/** Code as if it had been verified: what is attacked here is the wall behind the check. */
function targetOf(code: string, tenantId: string): PluginTarget {
  const digest = createHash('sha256').update(code).digest('hex')
  const artifact = { digest, pluginKey: tenantId, version: '1.0.0', code } as VerifiedArtifact
  return { tenantId, pluginKey: `plugin-of-${tenantId}`, artifact }
}

async function listen(server: net.Server, visitors: string[], at: net.ListenOptions): Promise<net.Server> {
  server.on('connection', (socket) => {
    visitors.push(at.path ? 'a Unix socket of the host' : 'a port of the host')
    socket.destroy()
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(at, resolve))
  return server
}

const portOf = (server: net.Server) => (server.address() as net.AddressInfo).port

/** Names and modes; the folder of process files changes by itself. */
async function listed(directory: string): Promise<string> {
  const names = (await readdir(directory)).filter((name) => name !== 'processes').sort()
  const modes = await Promise.all(names.map(async (name) => `${name} ${(await stat(path.join(directory, name))).mode}`))
  return modes.join(', ')
}
