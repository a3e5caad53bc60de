import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import inspector from 'node:inspector'
import os, { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { signalProcess } from '../testing/processes.js'
import { callOf, functionCall, hostile, silentLog, targetOf, tenantId } from './fixtures/plugin-under-test.js'
import { createRuntime, type LogLine, type PluginCall, type Progress, type Runtime } from './index.js'

const runtime = createRuntime({ log: silentLog, limits: { graceMs: 200, pingMs: 500, warmRunners: 1, backoffMs: 0 } })
afterAll(() => runtime.stop())

const seedPlugin = targetOf(`
const told = (...args) => args.map((arg) => (arg && arg.sequelize ? 'context' : arg))
module.exports = {
  metadata: { name: 'Seed', version: '1.0.0', author: 'A', description: 'D' },
  install: (...args) => ({ success: true, told: told(...args) }),
  uninstall: (...args) => ({ success: true, told: told(...args) }),
  configure: (...args) => ({ success: true, told: told(...args) }),
  validateConfig: (...args) => ({ valid: true, errors: [], told: told(...args) }),
  testConnection: (config, context) => ({ success: true, message: [config.url, context.userId, context.tenantId, typeof context.sequelize].join() }),
  syncModels: (...args) => told(...args),
  notify: (userId, data, sequelize) => [userId, data, typeof sequelize.query],
}`)

const routerPlugin = targetOf(`
exports.install = () => ({ success: true })
exports.router = {
  'GET /models/:modelId': ({ params, query, tenantId, userId, organizationId, method, path, configuration }) =>
    ({ data: { params, query, tenantId, userId, organizationId, method, path, configuration } }),
  'GET /models/latest': () => ({ data: 'latest' }),
  'POST /models': ({ body }) => ({ status: 201, data: body, headers: { 'x-made': 'yes' } }),
  'GET /file': () => ({ buffer: Buffer.from('bytes'), filename: 'a.txt', contentType: 'text/plain' }),
  'POST /upload': ({ file }) => ({ data: [file.originalname, file.size, file.buffer.length, Buffer.isBuffer(file.buffer)] }),
  'GET /bare': () => ['bare'],
  'GET /teapot': () => ({ status: 999 }),
  'DELETE /models/:id': { role: 'Admin', handler: (request, context) => ({ data: context.sequelize === request.sequelize }) },
}`)

const tenonPlugin = targetOf(`
const { definePlugin } = require('@tenon/sdk')
Object.defineProperty(exports, '__esModule', { value: true })
exports.default = definePlugin({
  metadata: { name: 'Tenon', version: '1.0.0', author: 'A', description: 'D' },
  router: { 'GET /hello': () => ({ data: 'hello' }) },
  events: { onRisk: (event, context) => [event.name, context.tenantId] },
  connections: { onConnect: (connection) => connection.id },
  jobs: { sync: { run: async (context, input) => ['ran', input] } },
})`)

const route = (method: string, path: string, more = {}) => callOf({ kind: 'route', method, path, ...more })

describe('the calling convention', () => {
  it.each(['install', 'configure'] as const)('of %s is userId, tenantId, configuration, context', async (kind) => {
    const call = callOf({ kind, configuration: { url: 'u' } })
    expect(await runtime.call(seedPlugin, call)).toEqual({
      success: true,
      told: [7, tenantId, { url: 'u' }, 'context'],
    })
  })

  it('of uninstall is userId, tenantId, context', async () => {
    const answer = await runtime.call(seedPlugin, callOf({ kind: 'uninstall' }))
    expect(answer).toEqual({ success: true, told: [7, tenantId, 'context'] })
  })

  it('of validateConfig is the configuration alone', async () => {
    const call = callOf({ kind: 'validateConfig', configuration: { a: 1 } })
    expect(await runtime.call(seedPlugin, call)).toEqual({ valid: true, errors: [], told: [{ a: 1 }] })
  })

  it('of testConnection is the configuration and sequelize, userId, tenantId', async () => {
    const call = callOf({ kind: 'testConnection', configuration: { url: 'u' } })
    expect(await runtime.call(seedPlugin, call)).toMatchObject({ message: `u,7,${tenantId},object` })
  })

  it('of a named function puts context and sequelize where the host wants them', async () => {
    const sync = functionCall('syncModels', [tenantId, { url: 'u' }, { $context: true }])
    expect(await runtime.call(seedPlugin, sync)).toEqual([tenantId, { url: 'u' }, 'context'])
    const notify = functionCall('notify', [7, { risk: 1 }, { $sequelize: true }])
    expect(await runtime.call(seedPlugin, notify)).toEqual([7, { risk: 1 }, 'function'])
  })

  it('of an event, a connection and a job', async () => {
    const event = { id: '1', name: 'risk.created', occurredAt: '', source: 'host', payload: {} }
    expect(await runtime.call(tenonPlugin, callOf({ kind: 'event', handler: 'onRisk', event }))).toEqual([
      'risk.created',
      tenantId,
    ])
    expect(await runtime.call(tenonPlugin, callOf({ kind: 'event', handler: 'onConnect', event: { id: 5 } }))).toBe(5)
    expect(await runtime.call(tenonPlugin, callOf({ kind: 'job', name: 'sync', args: ['all'] }))).toEqual([
      'ran',
      'all',
    ])
    expect(runtime.status().processes.map(({ lane }) => lane)).toContain('job')
  })
})

describe('a route', () => {
  it('is found by its exact path before a pattern', async () => {
    expect(await runtime.call(routerPlugin, route('GET', '/models/latest'))).toMatchObject({ data: 'latest' })
    const call = route('get', '/models/a%20b/', { query: { page: '2' } })
    expect(await runtime.call(routerPlugin, call)).toMatchObject({
      status: 200,
      data: {
        params: { modelId: 'a b' },
        query: { page: '2' },
        tenantId,
        userId: 7,
        organizationId: 3,
        configuration: {},
      },
    })
  })

  it('answers with status, headers, data, or a file', async () => {
    const posted = await runtime.call(routerPlugin, route('POST', '/models', { body: { name: 'm' } }))
    expect(posted).toMatchObject({ status: 201, data: { name: 'm' }, headers: { 'x-made': 'yes' } })
    const file = await runtime.call(routerPlugin, route('GET', '/file'))
    expect(file).toMatchObject({ buffer: Buffer.from('bytes'), filename: 'a.txt', contentType: 'text/plain' })
    expect(await runtime.call(routerPlugin, route('GET', '/bare'))).toMatchObject({ status: 200, data: ['bare'] })
    expect(await runtime.call(routerPlugin, route('DELETE', '/models/1'))).toMatchObject({ data: true })
  })

  it('receives an upload of 50 MB', async () => {
    const buffer = Buffer.alloc(50 * 1024 * 1024, 1)
    const file = { originalname: 'r.xlsx', mimetype: 'application/x', size: buffer.length, buffer }
    const answer = await runtime.call(routerPlugin, route('POST', '/upload', { file }))
    expect(answer).toMatchObject({ data: ['r.xlsx', buffer.length, buffer.length, true] })
  })

  it('takes a body of many rows', async () => {
    const rows = Array.from({ length: 60_000 }, (_, i) => ({ risk_name: `Risk ${i}`, note: 'n'.repeat(20) }))
    const code = `exports.install = () => ({}); exports.router = { 'POST /rows': ({ body }) => ({ data: body.length }) }`
    expect(await runtime.call(targetOf(code), route('POST', '/rows', { body: rows }))).toMatchObject({ data: 60_000 })
  })

  it('that is not there is ROUTE_NOT_FOUND; a status that is none is PLUGIN_RESULT_INVALID', async () => {
    const missing = runtime.call(routerPlugin, route('PUT', '/models'))
    await expect(missing).rejects.toMatchObject({
      code: 'ROUTE_NOT_FOUND',
      details: { method: 'PUT', path: '/models' },
    })
    await expect(runtime.call(routerPlugin, route('GET', '/teapot'))).rejects.toMatchObject({
      code: 'PLUGIN_RESULT_INVALID',
    })
  })
})

describe('an inspection', () => {
  it('tells the generations apart', async () => {
    expect(await runtime.inspect(seedPlugin)).toMatchObject({ generation: 'seed', metadata: { name: 'Seed' } })
    expect(await runtime.inspect(routerPlugin)).toMatchObject({
      generation: 'router',
      exports: ['install'],
      routes: expect.arrayContaining(['GET /models/:modelId', 'POST /models']),
      routeRoles: { 'DELETE /models/:id': 'Admin' },
    })
    expect(await runtime.inspect(tenonPlugin)).toMatchObject({
      generation: 'tenon',
      exports: ['install', 'uninstall'],
      events: ['onRisk'],
      connections: ['onConnect'],
      jobs: ['sync'],
      codeCache: expect.any(Buffer),
    })
  })

  it.each([
    ['does not parse', 'const = 1', 'PLUGIN_PARSE_FAILED', /SyntaxError/],
    ['is not CommonJS', 'export const a = 1', 'PLUGIN_PARSE_FAILED', /SyntaxError/],
    ['throws while it is loaded', 'throw new Error("no luck")', 'PLUGIN_LOAD_FAILED', /no luck/],
    ['needs what was not bundled', 'require("left-pad")', 'PLUGIN_LOAD_FAILED', /Cannot find module 'left-pad'/],
    ['exports no install', 'exports.uninstall = () => ({})', 'PLUGIN_EXPORT_MISSING', /install\(\)/],
  ])('says when a plugin %s', async (_, code, expected, message) => {
    await expect(runtime.inspect(targetOf(code))).rejects.toMatchObject({
      code: expected,
      message: expect.stringMatching(message),
    })
  })

  it('does not load the same digest again, whichever tenant is next', async () => {
    const random = targetOf(
      'exports.install = exports.uninstall = () => ({}); exports.metadata = { name: `${Math.random()}` }',
    )
    const first = await runtime.inspect(random)
    expect(await runtime.inspect(random)).toEqual(first)
  })

  it('leaves a code cache to the next host on this machine, which uses it unless it was damaged', async () => {
    const codeCacheDirectory = await mkdtemp(path.join(tmpdir(), 'tenon-caches-'))
    const host = () => createRuntime({ log: silentLog, codeCacheDirectory, limits: { warmRunners: 0 } })
    const callAndTell = async (fresh: Runtime) => {
      expect(await fresh.call(seedPlugin, callOf({ kind: 'uninstall' }))).toMatchObject({ success: true })
      return fresh.status().processes[0]?.codeCached
    }
    const first = host()
    await first.inspect(seedPlugin)
    await first.stop()

    const second = host()
    expect(await callAndTell(second)).toBe(true)
    await second.stop()

    const [name = ''] = await readdir(codeCacheDirectory)
    const content = await readFile(path.join(codeCacheDirectory, name))
    await writeFile(path.join(codeCacheDirectory, name), content.fill(0, content.length / 2))
    const third = host()
    expect(await callAndTell(third)).toBe(false)
    // Compiled once more for whoever comes next
    await expect
      .poll(async () => (await readFile(path.join(codeCacheDirectory, name))).equals(content), { timeout: 10_000 })
      .toBe(false)
    await third.stop()
    const fourth = host()
    expect(await callAndTell(fourth)).toBe(true)
    await fourth.stop()
    await rm(codeCacheDirectory, { recursive: true })
  })
})

describe('a call', () => {
  const busy = targetOf(`
    exports.install = () => ({})
    exports.slow = (ms, value) => new Promise((resolve) => setTimeout(resolve, ms, value))
    exports.pid = (context) => context.secrets.open('pid')
    exports.report = async (context) => {
      context.progress(1, 10, 'one of ten')
      context.log.info('logged', { a: 1 })
      console.warn('warned')
      process.stdout.write('printed\\n')
    }
    exports.untilCancelled = (context) => new Promise((resolve, reject) => {
      context.signal.addEventListener('abort', () => reject(context.signal.reason))
    })
    exports.tidy = (context) => new Promise((resolve) => {
      context.signal.addEventListener('abort', () => setTimeout(resolve, 20, 'tidied'))
    })
    exports.echo = (value) => value
    exports.echoThroughHost = (context, value) => context.secrets.seal(value)
    let loads = (globalThis.loads = (globalThis.loads ?? 0) + 1)
    exports.loads = () => loads`)

  it('is answered under load, each caller with its own answer', async () => {
    const host = { 'secrets.seal': async (params: unknown) => (params as { value: number }).value * 2 }
    const answers = await Promise.all(
      Array.from({ length: 150 }, (_, i) =>
        runtime.call(busy, functionCall('echoThroughHost', [{ $context: true }, i], { host: () => host })),
      ),
    )
    expect(answers).toEqual(Array.from({ length: 150 }, (_, i) => i * 2))
  })

  it('shares one start with others that come at the same time', async () => {
    const target = { ...busy, tenantId: 'shared0000' }
    await Promise.all(Array.from({ length: 5 }, () => runtime.call(target, functionCall('loads'))))
    expect(runtime.status().processes.filter((process) => process.tenantId === 'shared0000')).toHaveLength(1)
  })

  it('never runs in the process of another tenant, plugin or version', async () => {
    const tenants = ['tenant0001', 'tenant0002', 'tenant0003']
    await Promise.all(tenants.map((id) => runtime.call({ ...busy, tenantId: id }, functionCall('loads'))))
    const pids = runtime.status().processes.map(({ pid }) => pid)
    expect(new Set(pids).size).toBe(pids.length)
    const owned = tenants.map((id) => runtime.status().processes.find((process) => process.tenantId === id)?.pid)
    expect(new Set(owned).size).toBe(3)
  })

  it('never runs in the process of an earlier installation', async () => {
    const counting = targetOf('exports.install = () => ({}); let calls = 0; exports.count = () => ++calls')
    const callsOf = (installationId: number) =>
      runtime.call({ ...counting, installationId }, functionCall('count')) as Promise<number>
    expect([await callsOf(1), await callsOf(1), await callsOf(2), await callsOf(1)]).toEqual([1, 2, 1, 3])
  })

  it('carries dates, big integers, bytes, undefined and numbers that are none, both ways', async () => {
    const value = {
      date: new Date(1_700_000_000_000),
      big: 12345678901234567890n,
      bytes: Buffer.from([0, 1, 255]),
      list: [undefined, null, Number.NaN, -Infinity],
      dollar: { $: 'date', v: 1 },
      text: 'ä€😀 \u2028',
    }
    expect(await runtime.call(busy, functionCall('echo', [value]))).toEqual(value)
  })

  it('hands on progress and log lines', async () => {
    const progress: Progress[] = []
    const lines: LogLine[] = []
    const more: Partial<PluginCall> = { onProgress: (step) => progress.push(step), onLog: (line) => lines.push(line) }
    await runtime.call(busy, functionCall('report', [{ $context: true }], more))
    expect(progress).toMatchObject([{ done: 1, total: 10, message: 'one of ten' }])
    expect(lines).toMatchObject([
      { level: 'info', text: 'logged { a: 1 }' },
      { level: 'warn', text: 'warned' },
      { level: 'info', text: 'printed' },
    ])
  })

  it('is cancelled through its signal', async () => {
    const controller = new AbortController()
    const call = runtime.call(busy, functionCall('untilCancelled', [{ $context: true }], { signal: controller.signal }))
    setTimeout(() => controller.abort(), 50)
    await expect(call).rejects.toMatchObject({ code: 'CALL_CANCELLED' })
  })

  it('may finish within the grace after its deadline', async () => {
    const call = functionCall('tidy', [{ $context: true }], { deadlineMs: 50 })
    expect(await runtime.call(busy, call)).toBe('tidied')
  })

  it('waits for its turn when eight of its plugin are running', async () => {
    const next = { ...busy, tenantId: 'neighbour0' }
    let atWork = 0
    let release: () => void = () => undefined
    const released = new Promise<void>((resolve) => (release = resolve))
    const host = () => ({ 'secrets.seal': () => (atWork++, released) })
    const calls = Array.from({ length: 8 }, () =>
      runtime.call(busy, functionCall('echoThroughHost', [{ $context: true }, 1], { host })),
    )
    await expect.poll(() => atWork).toBe(8)
    const answered: string[] = []
    const ninth = runtime.call(busy, functionCall('echo', ['ninth'])).then(() => answered.push('ninth'))
    for (let call = 0; call < 3; call++) await runtime.call(next, functionCall('echo', [1]))
    expect(answered).toEqual([])
    release()
    await Promise.all([...calls, ninth])
  })

  it('of a function that is not there is PLUGIN_EXPORT_MISSING', async () => {
    await expect(runtime.call(busy, functionCall('toString'))).rejects.toMatchObject({
      code: 'PLUGIN_EXPORT_MISSING',
      details: { name: 'toString' },
    })
  })
})

describe('limits of calls', () => {
  const slow = targetOf(`exports.install = () => ({})
    exports.slow = (ms) => new Promise((resolve) => setTimeout(resolve, ms, 'done'))`)
  const slowCall = (ms: number, more = {}) => functionCall('slow', [ms], more)

  it('a deadline holds for its kind, and the call may set its own', async () => {
    const own = createRuntime({ log: silentLog, limits: { functionMs: 500, graceMs: 50, warmRunners: 0 } })
    // What it takes to start a process and to load the plugin is part of the first call.
    await own.call(slow, slowCall(0, { deadlineMs: 20_000 }))
    expect(await own.call(slow, slowCall(50))).toBe('done')
    await expect(own.call(slow, slowCall(60_000))).rejects.toMatchObject({
      code: 'CALL_TIMEOUT',
      details: { seconds: 0.5 },
    })
    expect(await own.call(slow, slowCall(800, { deadlineMs: 20_000 }))).toBe('done')
    await own.stop()
  })

  it('beyond the cap of processes the least recently used idle one makes room, else tenants wait in turns', async () => {
    const own = createRuntime({ log: silentLog, limits: { maxResidents: 2, warmRunners: 0 } })
    const at = (id: string) => ({ ...slow, tenantId: id })
    const residents = () =>
      own
        .status()
        .processes.map((process) => process.tenantId)
        .sort()
    // Two uses within a millisecond still have an order.
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    await own.call(at('one'), slowCall(1))
    await own.call(at('two'), slowCall(1))
    await own.call(at('one'), slowCall(1))
    await own.call(at('three'), slowCall(1))
    vi.useRealTimers()
    expect(residents()).toEqual(['one', 'three'])
    const order: string[] = []
    const note = (id: string, ms: number) => own.call(at(id), slowCall(ms)).then(() => order.push(id))
    await Promise.all([note('one', 150), note('three', 3_000), note('four', 1), note('five', 1)])
    expect(order.slice(0, 2)).toEqual(['one', 'four'])
    expect(residents().length).toBeLessThanOrEqual(2)
    await own.stop()
  })

  it('an idle process is ended after idleStopMs, a used one is not', async () => {
    const [impatient, patient] = [200, 15_000].map((idleStopMs) =>
      createRuntime({ log: silentLog, limits: { idleStopMs, memoryPollMs: 20, warmRunners: 0 } }),
    ) as [Runtime, Runtime]
    const processes = () => [impatient, patient].map((own) => own.status().processes.length)
    await patient.call(slow, slowCall(1))
    await impatient.call(slow, slowCall(300))
    expect(processes()).toEqual([1, 1])
    await expect.poll(processes).toEqual([0, 1])
    await Promise.all([impatient.stop(), patient.stop()])
  })

  it('a process that has grown is replaced once it is idle, and no other', async () => {
    const grown = targetOf(`exports.install = () => ({}); let kept
      exports.slow = () => { kept = Buffer.alloc(180e6, 1) }; exports.kept = () => kept !== undefined`)
    const own = createRuntime({ log: silentLog, limits: { recycleRssBytes: 200e6, memoryPollMs: 50, warmRunners: 0 } })
    await own.call(grown, functionCall('kept'))
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(own.status().processes).toHaveLength(1)
    await own.call(grown, slowCall(0))
    await expect.poll(() => own.status().processes.length, { timeout: 3_000 }).toBe(0)
    expect(await own.call(grown, functionCall('kept'))).toBe(false)
    await own.stop()
  })
})

describe('memory', () => {
  it("up to the limit is the plugin's own, above it the process is killed", async () => {
    const target = targetOf(`exports.install = () => ({}); let kept
      exports.take = (bytes) => { kept = Buffer.alloc(bytes, 1); return new Promise((resolve) => setTimeout(resolve, 400, kept.length)) }`)
    const own = createRuntime({ log: silentLog, limits: { maxRssBytes: 200e6, memoryPollMs: 50, warmRunners: 1 } })
    expect(await own.call(target, functionCall('take', [100e6]))).toBe(100e6)
    await expect(own.call(target, functionCall('take', [200e6]))).rejects.toMatchObject({ code: 'PLUGIN_KILLED' })
    await own.stop()
  })
})

describe('the host and its children', () => {
  it('are started by a small process, whose end is no crash of theirs', async () => {
    // Under T3 another process stands between the two.
    const own = createRuntime({ log: silentLog, maxTier: 'T2', limits: { warmRunners: 0 } })
    const hello = () => own.call(seedPlugin, callOf({ kind: 'uninstall' }))
    await hello()
    const [child] = own.status().processes
    signalProcess(Number(execFileSync('ps', ['-o', 'ppid=', '-p', String(child?.pid)])), 'SIGKILL')
    await expect.poll(() => own.status().processes).toEqual([])
    await hello()
    expect(own.healthOf(tenantId, seedPlugin.pluginKey)).toMatchObject({ crashes: [] })
    await own.stop()
  })

  it('says by which signal one ended, also where another process stands between the two', async () => {
    const target = targetOf(`exports.install = () => ({})
      exports.wait = () => new Promise(() => {})`)
    const call = runtime.call(target, functionCall('wait'))
    const pidOfTarget = () => runtime.status().processes.find(({ pluginKey }) => pluginKey === target.pluginKey)?.pid
    await expect.poll(pidOfTarget).toBeGreaterThan(0)
    signalProcess(Number(pidOfTarget()), 'SIGKILL')
    await expect(call).rejects.toMatchObject({
      code: 'PLUGIN_KILLED',
      details: { reason: 'it ended by SIGKILL' },
    })
  })

  it('answers first: children are nicer', async () => {
    await runtime.call(seedPlugin, callOf({ kind: 'uninstall' }))
    const [child] = runtime.status().processes
    expect(os.getPriority(child?.pid)).toBe(os.getPriority() + 5)
  })

  // Where Linux groups processes by session, their niceness counts only within it (sched(7)).
  it.runIf(existsSync('/proc/self/autogroup'))('answers first where a session has a priority of its own', async () => {
    await runtime.call(seedPlugin, callOf({ kind: 'uninstall' }))
    const [child] = runtime.status().processes
    await expect.poll(() => readFileSync(`/proc/${child?.pid}/autogroup`, 'utf8')).toMatch(/nice 5$/m)
  })

  it('does not open an inspector on SIGUSR1', async () => {
    // eslint-disable-next-line no-restricted-syntax -- its own process is what this is about
    process.kill(process.pid, 'SIGUSR1')
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(inspector.url()).toBeUndefined()
  })

  it('tells the plugin what a request to the host failed with, and no more', async () => {
    const code = `exports.install = () => ({}); exports.ask = (context) => context.secrets.open('x').catch((error) =>
      ({ ...error, name: error.name, message: error.message, stack: error.stack.includes('runtime.test') }))`
    const refusal = Object.assign(new Error('not yours'), { code: 'E_NOT_YOURS', details: { field: 'a' }, secret: 's' })
    const host = { 'secrets.open': () => Promise.reject(refusal) }
    const answer = await runtime.call(targetOf(code), functionCall('ask', [{ $context: true }], { host: () => host }))
    expect(answer).toEqual({
      name: 'Error',
      message: 'not yours',
      code: 'E_NOT_YOURS',
      details: { field: 'a' },
      stack: false,
    })
  })
})

describe('a plugin that crashes', () => {
  it('is paused after three crashes, until a person or another version comes', async () => {
    const own = createRuntime({ log: silentLog, limits: { backoffMs: 10, warmRunners: 1 } })
    const target = hostile('process-exit')
    const crash = () => own.call(target, functionCall('attack'))
    for (let i = 0; i < 3; i++) await expect(crash()).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
    await expect(crash()).rejects.toMatchObject({ code: 'PLUGIN_CRASH_LOOP', details: { crashes: 3 } })
    expect(own.healthOf(target.tenantId, target.pluginKey)).toMatchObject({
      state: 'crash_loop',
      since: expect.any(Date),
      crashes: Array(3).fill({ at: expect.any(Date), cause: 'it ended itself with code 3', exitCode: 3, signal: null }),
      restartAfter: expect.any(Date),
      restarts: 2,
      calls: 3,
      unanswered: 3,
      meanMs: undefined,
    })

    const fixed = targetOf(`exports.install = () => ({ success: true })`, { pluginKey: target.pluginKey })
    expect(await own.call(fixed, callOf({ kind: 'install', configuration: {} }))).toEqual({ success: true })
    for (let i = 0; i < 3; i++) await expect(crash()).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
    await own.reset(target.tenantId, target.pluginKey)
    await expect(crash()).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
    await own.stop()
  })

  it('waits before it is started again', async () => {
    const own = createRuntime({ log: silentLog, limits: { backoffMs: 60_000, warmRunners: 1 } })
    const target = hostile('process-exit')
    const attack = () => own.call(target, functionCall('attack')).catch(({ code }: { code: string }) => code)
    expect(await attack()).toBe('PLUGIN_EXITED')
    const again = attack()
    const other = targetOf(`exports.install = () => ({}); exports.hello = () => 'served meanwhile'`)
    expect(await Promise.race([again, own.call(other, functionCall('hello'))])).toBe('served meanwhile')
    expect(own.status().processes.map(({ pluginKey }) => pluginKey)).toEqual([other.pluginKey])
    await own.stop({ drainMs: 0 })
  })

  it('keeps nobody waiting who cancels meanwhile, and is started all the same', async () => {
    const own = createRuntime({ log: silentLog, limits: { backoffMs: 2_000, maxResidents: 1, warmRunners: 1 } })
    const code = `exports.install = () => ({}); exports.exit = () => process.exit(1); exports.hello = () => 'hello'`
    const target = targetOf(code)
    await own.call(target, functionCall('exit')).catch(() => undefined)
    const controller = new AbortController()
    const call = own.call(target, functionCall('hello', [], { signal: controller.signal }))
    const order: string[] = []
    const patient = own.call(target, functionCall('hello')).finally(() => order.push('answered'))
    const cancelled = expect(call.finally(() => order.push('cancelled'))).rejects.toMatchObject({
      code: 'CALL_CANCELLED',
    })
    setTimeout(() => controller.abort(), 50)
    await cancelled
    // More than have a place at once: each leaves its own to the next.
    for (let caller = 0; caller < 200; caller++) {
      const impatient = new AbortController()
      const called = own.call(target, functionCall('hello', [], { signal: impatient.signal }))
      impatient.abort()
      await expect(called).rejects.toMatchObject({ code: 'CALL_CANCELLED' })
    }
    expect(order).toEqual(['cancelled'])
    expect(await patient).toBe('hello')
    expect(order).toEqual(['cancelled', 'answered'])
    // Who cancelled holds nothing: the only place is free for another.
    expect(await own.call(targetOf(code, { pluginKey: 'other' }), functionCall('hello'))).toBe('hello')
    const late = own.call(target, functionCall('hello', [], { signal: controller.signal }))
    await expect(late).rejects.toMatchObject({ code: 'CALL_CANCELLED' })
    await own.stop()
  })

  it('has its GET asked once more, and nothing else', async () => {
    const target = targetOf(`
      exports.install = () => ({})
      exports.exit = () => process.exit(1)
      const slow = () => new Promise((resolve) => setTimeout(resolve, 400, { data: 'answered' }))
      exports.router = { 'GET /slow': slow, 'POST /slow': slow }`)
    const own = createRuntime({ log: silentLog, limits: { backoffMs: 10, warmRunners: 1 } })
    await own.call(target, route('GET', '/slow'))
    const calls = [own.call(target, route('GET', '/slow')), own.call(target, route('POST', '/slow'))]
    setTimeout(() => void own.stopPlugin(target.tenantId, target.pluginKey), 100)
    const [get, post] = await Promise.allSettled(calls)
    expect(get).toMatchObject({ status: 'fulfilled', value: { data: 'answered' } })
    expect(post).toMatchObject({ status: 'rejected', reason: { code: 'PLUGIN_RESTARTED' } })
    await own.stop()
  })
})

describe('the health of a plugin', () => {
  const target =
    targetOf(`exports.install = () => ({}); exports.fine = () => 1; exports.hang = () => new Promise(() => undefined)
    exports.fail = () => { throw new Error('no') }`)

  it('counts calls, errors and calls without an answer, and takes three of those in a row for unresponsive', async () => {
    const own = createRuntime({ log: silentLog, limits: { warmRunners: 1, graceMs: 50 } })
    const health = () => own.healthOf(target.tenantId, target.pluginKey)
    expect(health()).toMatchObject({ state: 'stopped', since: undefined, calls: 0 })
    await own.call(target, functionCall('fine'))
    await own.call(target, functionCall('fail')).catch(() => undefined)
    expect(health()).toMatchObject({ state: 'running', calls: 2, errors: 1, unanswered: 0, crashes: [], restarts: 0 })
    expect(health().meanMs).toBeGreaterThan(0)
    const hang = () => own.call(target, functionCall('hang', [], { deadlineMs: 30 })).catch(() => undefined)
    await hang()
    await hang()
    expect(health()).toMatchObject({ unanswered: 2 })
    expect(health().state).not.toBe('unresponsive')
    await hang()
    expect(health()).toMatchObject({ state: 'unresponsive', since: expect.any(Date), calls: 5, unanswered: 3 })
    await own.call(target, functionCall('fine'))
    expect(health()).toMatchObject({ state: 'running', calls: 6, crashes: [] })
    await own.stop()
  })

  it('is of one tenant only', async () => {
    const own = createRuntime({ log: silentLog, limits: { warmRunners: 1 } })
    await own.call(target, functionCall('fine'))
    expect(own.healthOf('another000', target.pluginKey)).toMatchObject({ state: 'stopped', calls: 0 })
    await own.stop()
  })

  it('ends its pause by itself after crashPauseMs, a day', async () => {
    const own = createRuntime({
      log: silentLog,
      limits: { crashPauseMs: 300, maxCrashes: 1, backoffMs: 0, warmRunners: 1 },
    })
    const crashing = hostile('process-exit')
    const crash = () => own.call(crashing, functionCall('attack'))
    await expect(crash()).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
    await expect(crash()).rejects.toMatchObject({ code: 'PLUGIN_CRASH_LOOP' })
    await new Promise((resolve) => setTimeout(resolve, 350))
    await expect(crash()).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
    await own.stop()
  })
})

describe('stopping', () => {
  const slow = targetOf(`exports.install = () => ({})
    exports.slow = (ms) => new Promise((resolve) => setTimeout(resolve, ms, 'done'))`)

  it('waits for calls in flight and takes no more', async () => {
    const own = createRuntime({ log: silentLog, limits: { warmRunners: 1 } })
    const running = own.call(slow, functionCall('slow', [300]))
    await expect.poll(() => own.status().processes[0]?.callsInFlight).toBe(1)
    const stopped = own.stop()
    await expect(own.call(slow, functionCall('slow', [1]))).rejects.toMatchObject({ code: 'SHUTTING_DOWN' })
    expect(await running).toBe('done')
    await stopped
    expect(own.status()).toMatchObject({ warm: 0, processes: [] })
  })

  it('ends what does not come to an end', async () => {
    const own = createRuntime({ log: silentLog, limits: { warmRunners: 0 } })
    const running = own.call(slow, functionCall('slow', [60_000]))
    const failed = expect(running).rejects.toMatchObject({ code: 'PLUGIN_RESTARTED' })
    await expect.poll(() => own.status().processes[0]?.callsInFlight).toBe(1)
    await own.stop({ drainMs: 50 })
    await failed
  })

  it('reaches every process of a tenant, or of a digest', async () => {
    const own = createRuntime({ log: silentLog, limits: { warmRunners: 0 } })
    const other = targetOf(`${slow.artifact.code}\n`, { pluginKey: slow.pluginKey })
    for (const target of [slow, other, { ...slow, tenantId: 'another000' }]) {
      await own.call(target, functionCall('slow', [1]))
    }
    await own.stopMatching({ digest: slow.artifact.digest }, { kind: 'stopped', text: 'an operator blocked it' })
    expect(own.status().processes.map(({ digest }) => digest)).toEqual([other.artifact.digest])
    await own.stopMatching({ tenantId: slow.tenantId }, { kind: 'stopped', text: 'the tenant left' })
    expect(own.status().processes).toEqual([])
    await own.stop()
  })
})
