import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, readlinkSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeEach, describe, expect, it, type TestContext } from 'vitest'
import { skipAloud } from '../testing/skip-aloud.js'
import { functionCall, hostile, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import { createRuntime, type Runtime, type RuntimeOptions } from './index.js'
import { launchRunner } from './launch.js'
import { createLauncher, type LaunchedChild } from './launcher.js'
import { resolveLimits } from './limits.js'
import { findBubblewrap, informationFd, namespaceArguments } from './namespaces.js'
import { createRunnerProcess } from './runner-process.js'
import { cLibraryOf, flawOfSeal } from './tiers.js'

const withoutSeccomp = fileURLToPath(new URL('../../dist/testing/without-seccomp.js', import.meta.url))

const started: Runtime[] = []
function start(options: Partial<RuntimeOptions> = {}): Runtime {
  const runtime = createRuntime({ log: silentLog, limits: { warmRunners: 1 }, ...options })
  started.push(runtime)
  return runtime
}
afterAll(() => Promise.all(started.map((runtime) => runtime.stop())))

const plugin = targetOf(`exports.install = () => ({}); exports.hello = () => 'hello'
  exports.room = (megabytes) => { try { return Buffer.alloc(megabytes * 1024 * 1024).length / 1024 / 1024 } catch (error) { return error.message } }`)
/** Tier 2 itself, also where a stronger one holds. */
const tier2 = { maxTier: 'T2' } as const
const hello = (runtime: Runtime) => runtime.call(plugin, functionCall('hello'))
const statusOf = (runtime: Runtime) => readFileSync(`/proc/${runtime.status().processes[0]?.pid}/status`, 'utf8')

/** Linux with glibc and koffi, on a version of Node that was traced: what the project's own machines have. */
const hasSeal = process.platform === 'linux' && cLibraryOf(process.execPath) === 'glibc'

const needsSeal = (context: TestContext) => {
  if (!hasSeal) skipAloud(context, 'it needs Linux with glibc')
}

describe('the time of day', () => {
  const clock = targetOf(`exports.install = () => ({})
    exports.zone = () => [new Date(2026, 6, 1).getTimezoneOffset(), new Intl.DateTimeFormat().resolvedOptions().timeZone]`)
  const own = process.env.TZ
  afterEach(() => {
    if (own === undefined) delete process.env.TZ
    else process.env.TZ = own
  })

  it.each(['T1', 'T2', 'T3'] as const)('is that of the host, at most %s', async (maxTier) => {
    process.env.TZ = 'Asia/Tokyo'
    const runtime = start({ maxTier })
    expect(await runtime.call(clock, functionCall('zone'))).toEqual([-540, 'Asia/Tokyo'])
  })
})

describe('tier 2', () => {
  beforeEach(needsSeal)

  it('is taken by itself, and the kernel says that it holds every thread', async () => {
    const runtime = start(tier2)
    expect(await hello(runtime)).toBe('hello')
    expect(runtime.status()).toMatchObject({ tier: 'T2' })
    const pid = runtime.status().processes[0]?.pid ?? 0
    expect(flawOfSeal(pid, { tier: 'T2', koffiPath: '', maxDataBytes: 0 })).toBeUndefined()
    expect(statusOf(runtime)).toMatch(/^Seccomp:\s+2$/m)
    expect(statusOf(runtime)).toMatch(/^NoNewPrivs:\s+1$/m)
  })

  it('gives each process a user of its own when the host is root', async (context) => {
    if (process.getuid?.() !== 0) skipAloud(context, 'only root has users to give away')
    const runtime = start(tier2)
    await hello(runtime)
    await runtime.call({ ...plugin, tenantId: 'another000' }, functionCall('hello'))
    const users = runtime
      .status()
      .processes.map(({ pid }) => /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    expect(new Set(users).size).toBe(2)
    for (const user of users) expect(Number(user)).toBeGreaterThanOrEqual(61_184)
  })

  it('gives room for as much memory as the limit says, and refuses more at once', async () => {
    const runtime = start({ ...tier2, limits: { warmRunners: 0, maxDataBytes: 100 * 1024 * 1024 } })
    expect(await runtime.call(plugin, functionCall('room', [80]))).toBe(80)
    expect(await runtime.call(plugin, functionCall('room', [120]))).toMatch(/allocation failed/i)
    expect(await hello(runtime)).toBe('hello')
  })

  it('says of a process that it was memory, wherever in V8 it is refused', async () => {
    const limits = { warmRunners: 0, maxDataBytes: 200 * 1024 * 1024, maxRssBytes: 4 * 1024 ** 3 }
    const runtime = start({ ...tier2, limits })
    for (const name of ['one', 'two', 'three', 'four']) {
      const ended = runtime.call(hostile('heap-bomb', name), functionCall('attack'))
      await expect(ended).rejects.toMatchObject({ code: 'PLUGIN_KILLED', details: { reason: 'it ran out of memory' } })
    }
  })

  it('refuses more than 512 MB by itself', async () => {
    const runtime = start({ ...tier2, limits: { warmRunners: 0, maxRssBytes: 4 * 1024 ** 3 } })
    expect(await runtime.call(plugin, functionCall('room', [480]))).toBe(480)
    expect(await runtime.call(plugin, functionCall('room', [540]))).toMatch(/allocation failed/i)
  })

  it('passes the attack from below JavaScript', async () => {
    expect(await start(tier2).selfTest()).toMatchObject({ tier: 'T2', passed: true, breaches: [], broken: [] })
  })

  it('is not believed of a process that only says so', () => {
    expect(flawOfSeal(process.pid, { tier: 'T2', koffiPath: '', maxDataBytes: 0 })).toBe(
      'the kernel does not hold it to its filter',
    )
  })

  it('is given up, with its reason, when the runner cannot seal itself', async () => {
    const logged: unknown[] = []
    const log = { info: () => undefined, warn: (fields: object) => void logged.push(fields) }
    // No filter leaves room for a negative amount of memory: the kernel refuses the limit.
    const runtime = start({ ...tier2, log, limits: { warmRunners: 0, maxDataBytes: -(1024 ** 4) } })
    expect(await hello(runtime)).toBe('hello')
    expect(runtime.status()).toMatchObject({
      tier: 'T1',
      notTaken: [
        { tier: 'T3', reason: 'the operator allows T2 at most' },
        { tier: 'T2', reason: expect.stringContaining('it does not hold here: a runner ended while it started') },
      ],
    })
    // What the operator wanted is no reason to warn.
    expect(logged).toMatchObject([{ tier: 'T1', notTaken: 'T2', reason: runtime.status().notTaken[1]?.reason }])
  })

  it.each([
    ['does not know it, as before Linux 3.17', 38],
    ['does not allow it, as in some containers', 1],
  ])(
    'is given up, with its reason, where the kernel has no seccomp: it %s',
    { timeout: 60_000 },
    async (_kernel, errno) => {
      const { stdout } = await promisify(execFile)(process.execPath, [withoutSeccomp, String(errno)])
      expect(JSON.parse(stdout)).toMatchObject({
        tier: 'T1',
        passed: true,
        notTaken: ['T3', 'T2'].map((tier) => ({
          tier,
          reason: expect.stringMatching(
            tier === 'T3'
              ? /hold here|bwrap/
              : new RegExp(`^it does not hold here: .*seccomp was refused \\(errno ${errno}\\)`),
          ) as string,
        })),
      })
    },
  )
})

describe('tier 3', () => {
  it('is taken where bubblewrap works, and says why not where it does not', async (context) => {
    needsSeal(context)
    const runtime = start()
    expect(await hello(runtime)).toBe('hello')
    const { tier, notTaken, processes } = runtime.status()
    if (tier !== 'T3') {
      expect(notTaken).toEqual([{ tier: 'T3', reason: expect.stringMatching(/bwrap|hold here/) }])
      skipAloud(context, `tier 3 cannot be had here: ${notTaken[0]?.reason}`)
    }
    const pid = processes[0]?.pid ?? 0
    // It is the first process of its own world, with a network of its own.
    expect(statusOf(runtime)).toMatch(/^NSpid:\s+\d+\s+1$/m)
    expect(readlinkSync(`/proc/${pid}/ns/net`)).not.toBe(readlinkSync('/proc/self/ns/net'))
    expect(await runtime.selfTest()).toMatchObject({ tier: 'T3', passed: true, breaches: [], broken: [] })
    await runtime.stop()
    await expect.poll(() => existsSync(`/proc/${pid}`)).toBe(false)
  })

  it.each([
    ['waits for the name of a process that says first that it is ready', true],
    ['gives up a process whose name is never told', false],
  ])('%s', async (_behaviour, isTold) => {
    const launcher = createLauncher()
    const directory = mkdtempSync(path.join(tmpdir(), 'tenon-tiers-'))
    const launched = await launchRunner(launcher, {
      directory,
      limits: resolveLimits(),
      confinement: { tier: 'T1' },
    })
    const information = new PassThrough()
    const pipes = new Map([...launched.pipes, [informationFd, information]])
    const runner = createRunnerProcess({
      child: Object.create(launched, { pipes: { value: pipes } }) as LaunchedChild,
      limits: resolveLimits(),
      egress: {},
      flawOf: (pid) => (pid === launched.pid ? undefined : `process ${pid} is not the one`),
      onLog: () => undefined,
      onNetworkRefused: () => undefined,
    })
    const tell = () => information.end(isTold ? `{"child-pid": ${launched.pid}}` : '{')
    // The first that it says is that it is ready.
    launched.pipes.get(3)?.once('data', () => setTimeout(tell, 1_500))
    if (isTold) await expect(runner.ready).resolves.toBeUndefined()
    else await expect(runner.ready).rejects.toThrow('process 0 is not the one')
    expect(runner.pid).toBe(isTold ? launched.pid : 0)
    runner.kill({ kind: 'stopped', text: 'the test is over' })
    await runner.ended
    launcher.close()
    rmSync(directory, { recursive: true })
  })

  it('gives a program nothing to write, no network and nothing to read but libraries and its files', () => {
    const args = namespaceArguments(process.execPath, [import.meta.filename], ['--flag'])
    expect(args).toEqual(expect.arrayContaining(['--unshare-all', '--die-with-parent', '--clearenv', '--remount-ro']))
    expect(args).not.toContain('--bind')
    expect(args).not.toContain('--share-net')
    const bound = args.flatMap((arg, index) => (arg === '--ro-bind' ? [args[index + 1] ?? ''] : []))
    expect(bound).toEqual(expect.arrayContaining([realpathSync(process.execPath), realpathSync(import.meta.filename)]))
    for (const folder of ['/', '/etc', '/home', '/root', '/tmp', '/var', '/usr']) expect(bound).not.toContain(folder)
    expect(args.slice(args.indexOf('--'))).toEqual(['--', realpathSync(process.execPath), '--flag'])
  })

  it('looks for bubblewrap on the path only', () => {
    expect(findBubblewrap('')).toBeUndefined()
    expect(findBubblewrap('relative:/nowhere')).toBeUndefined()
  })
})

describe('the operator', () => {
  it('may ask for a weaker tier, which shows', async () => {
    const runtime = start({ maxTier: 'T1' })
    expect(await hello(runtime)).toBe('hello')
    expect(runtime.status()).toMatchObject({
      tier: 'T1',
      notTaken: [
        { tier: 'T3', reason: 'the operator allows T1 at most' },
        { tier: 'T2', reason: 'the operator allows T1 at most' },
      ],
    })
    expect(await runtime.selfTest()).toMatchObject({ tier: 'T1', passed: true })
  })

  it('may refuse to run plugins in a weaker one', async () => {
    const runtime = start({ maxTier: 'T1', minTier: 'T2' })
    await expect(hello(runtime)).rejects.toMatchObject({
      code: 'NOT_READY',
      message: expect.stringContaining('SANDBOX_MIN_TIER asks for T2'),
    })
    await expect(runtime.selfTest()).rejects.toMatchObject({ code: 'NOT_READY' })
  })
})

describe('the C library of a program', () => {
  it('is read from its header', () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'tenon-tiers-'))
    for (const [loader, library] of [
      ['/lib/ld-musl-x86_64.so.1', 'musl'],
      ['/lib/ld-musl-aarch64.so.1', 'musl'],
      ['/lib64/ld-linux-x86-64.so.2', 'glibc'],
      ['/lib/ld-linux-aarch64.so.1', 'glibc'],
      ['/libexec/ld-elf.so.1', 'another C library'],
    ] as const) {
      writeFileSync(path.join(directory, 'program'), `\x7fELF\0${loader}\0`)
      expect(cLibraryOf(path.join(directory, 'program'))).toBe(library)
    }
    rmSync(directory, { recursive: true })
  })
})
