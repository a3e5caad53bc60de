import net from 'node:net'
import os from 'node:os'
import type { PluginInvocation } from '@tenon/contract/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { callOf, functionCall, hostile, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import { createRuntime, type Runtime, type RuntimeLimits } from './index.js'

const started: Runtime[] = []
function start(limits: Partial<RuntimeLimits>): Runtime {
  const runtime = createRuntime({ log: silentLog, limits: { warmRunners: 0, graceMs: 50, backoffMs: 0, ...limits } })
  started.push(runtime)
  return runtime
}
afterEach(() => Promise.all(started.splice(0).map((runtime) => runtime.stop({ drainMs: 0 }))))

describe('the deadline of each kind of call', () => {
  const slow = targetOf(`
    const work = () => new Promise((resolve) => setTimeout(resolve, 300, { success: true, valid: true, errors: [], data: 1 }))
    module.exports = { install: work, uninstall: work, configure: work, validateConfig: work, testConnection: work, any: work,
      router: { 'GET /slow': work }, events: { onRisk: work }, jobs: { sync: work } }`)
  const configuration = {}
  const event = { id: '1', name: 'risk.created', payload: {} }
  const kinds: [keyof RuntimeLimits, PluginInvocation][] = [
    ['lifecycleMs', { kind: 'install', configuration }],
    ['lifecycleMs', { kind: 'configure', configuration }],
    ['uninstallMs', { kind: 'uninstall' }],
    ['validateConfigMs', { kind: 'validateConfig', configuration }],
    ['testConnectionMs', { kind: 'testConnection', configuration }],
    ['functionMs', { kind: 'function', name: 'any', args: [] }],
    ['routeMs', { kind: 'route', method: 'GET', path: '/slow' }],
    ['eventMs', { kind: 'event', handler: 'onRisk', event } as PluginInvocation],
    ['jobMs', { kind: 'job', name: 'sync', args: [] }],
  ]

  it.each(kinds)('%s leaves time for what is faster and ends what is slower', async (name, invocation) => {
    const patient = start({ [name]: 15_000 })
    await expect(patient.call(slow, callOf(invocation))).resolves.toBeDefined()
    const impatient = start({ [name]: 100 })
    await expect(impatient.call(slow, callOf(invocation))).rejects.toMatchObject({ code: 'CALL_TIMEOUT' })
  })
})

describe('after its deadline', () => {
  it('a call still has graceMs to come to an end by itself', async () => {
    const tidying = targetOf(`exports.install = () => ({})
      exports.sync = (context) => new Promise((resolve) =>
        context.signal.addEventListener('abort', () => setTimeout(resolve, 200, 'tidied up')))`)
    const sync = functionCall('sync', [{ $context: true }], { deadlineMs: 50 })
    expect(await start({ graceMs: 15_000 }).call(tidying, sync)).toBe('tidied up')
    await expect(start({ graceMs: 20 }).call(tidying, sync)).rejects.toMatchObject({ code: 'CALL_TIMEOUT' })
  })

  it('a process that answers within pingMs lives on, and is ended otherwise', async () => {
    const busy = targetOf(`exports.install = () => ({})
      exports.pause = () => new Promise((resolve) => setTimeout(resolve, 500, 'finished'))
      exports.spin = () => new Promise(() => setImmediate(() => { const end = Date.now() + 300; while (Date.now() < end); }))`)
    const neighbourOfBusy = async (runtime: Runtime) => {
      const neighbour = runtime.call(busy, functionCall('pause')).catch(({ code }: { code: string }) => code)
      const call = runtime.call(busy, functionCall('spin', [], { deadlineMs: 50 }))
      await expect(call).rejects.toMatchObject({ code: 'CALL_TIMEOUT' })
      return neighbour
    }
    expect(await neighbourOfBusy(start({ pingMs: 15_000 }))).toBe('finished')
    expect(await neighbourOfBusy(start({ pingMs: 20 }))).toBe('PLUGIN_RESTARTED')
  })
})

describe('starting', () => {
  const plain = targetOf(`exports.install = () => ({}); exports.hello = () => 'hello'`)

  it('may take as long as startMs and not longer', async () => {
    expect(await start({ startMs: 20_000 }).call(plain, functionCall('hello'))).toBe('hello')
    await expect(start({ startMs: 1 }).call(plain, functionCall('hello'))).rejects.toMatchObject({
      code: 'PLUGIN_RESTARTED',
    })
  })

  it('gives top-level code loadMs', async () => {
    const slow = targetOf(`const end = Date.now() + 300; while (Date.now() < end);
      exports.install = () => ({}); exports.hello = () => 'hello'`)
    expect(await start({ loadMs: 15_000 }).call(slow, functionCall('hello'))).toBe('hello')
    await expect(start({ loadMs: 100 }).call(slow, functionCall('hello'))).rejects.toMatchObject({
      code: 'PLUGIN_LOAD_FAILED',
    })
  })

  it.each([5, 7])('makes a child as nice as a niceness of %d says', async (niceness) => {
    const runtime = start({ niceness })
    await runtime.call(plain, functionCall('hello'))
    expect(os.getPriority(runtime.status().processes[0]?.pid)).toBe(os.getPriority() + niceness)
  })

  it.each([0, 2])('keeps warmRunners ready, %d of them', async (warmRunners) => {
    const runtime = start({ warmRunners })
    await runtime.call(plain, functionCall('hello'))
    await expect.poll(() => runtime.status().warm).toBe(warmRunners)
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(runtime.status().warm).toBe(warmRunners)
  })
})

describe('calls of one plugin', () => {
  const counting = targetOf(`exports.install = () => ({}); let now = 0; let most = 0
    exports.work = (ms) => new Promise((resolve) => {
      most = Math.max(most, ++now)
      setTimeout(() => { now--; resolve(most) }, ms)
    })`)
  const work = (ms: number) => functionCall('work', [ms])

  it.each([1, 2])('are at most maxCallsPerPlugin at once, here %d; others wait for their turn', async (most) => {
    const runtime = start({ maxCallsPerPlugin: most })
    await runtime.call(counting, work(0))
    const answers = await Promise.all(Array.from({ length: 4 }, () => runtime.call(counting, work(100))))
    expect(Math.max(...(answers as number[]))).toBe(most)
  })

  it('wait maxQueuedPerPlugin at a time; one more is refused', async () => {
    const runtime = start({ maxCallsPerPlugin: 1, maxQueuedPerPlugin: 2 })
    const taken = Array.from({ length: 3 }, () => runtime.call(counting, work(100)))
    await expect(runtime.call(counting, work(100))).rejects.toMatchObject({ code: 'PLUGIN_OVERLOADED' })
    expect(await Promise.all(taken)).toEqual([1, 1, 1])
  })

  it('wait queueWaitMs and not longer', async () => {
    const waiting = async (queueWaitMs: number) => {
      const runtime = start({ maxCallsPerPlugin: 1, queueWaitMs })
      const first = runtime.call(counting, work(400))
      const second = runtime.call(counting, work(0))
      return Promise.allSettled([second, first])
    }
    expect(await waiting(15_000)).toMatchObject([{ value: 1 }, { value: 1 }])
    expect(await waiting(100)).toMatchObject([{ reason: { code: 'PLUGIN_OVERLOADED' } }, { value: 1 }])
  })
})

describe('a child without calls', () => {
  const restless = targetOf(`exports.install = () => ({})
    exports.spinLater = (ms) => { setTimeout(() => { const end = Date.now() + ms; while (Date.now() < end); }, 20) }`)
  const processes = (runtime: Runtime) => runtime.status().processes.length

  it('may be busy for a moment; one that answers no two idlePingMs long is ended', async () => {
    const runtime = start({ idlePingMs: 300 })
    await runtime.call(restless, functionCall('spinLater', [150]))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(processes(runtime)).toBe(1)
    await runtime.call(restless, functionCall('spinLater', [60_000]))
    await expect.poll(() => processes(runtime)).toBe(0)
  })

  it('is looked at every memoryPollMs: what is over between two looks is not seen', async () => {
    const bomb = targetOf(`exports.install = () => ({}); let kept
      exports.take = (bytes) => { kept = Buffer.alloc(bytes, 1); return new Promise((resolve) => setTimeout(resolve, 300, 'unseen')) }`)
    const take = (memoryPollMs: number) =>
      start({ memoryPollMs, maxRssBytes: 150_000_000 }).call(bomb, functionCall('take', [200_000_000]))
    expect(await take(15_000)).toBe('unseen')
    await expect(take(20)).rejects.toMatchObject({ code: 'PLUGIN_KILLED' })
  })
})

describe('crashes', () => {
  const crash = (runtime: Runtime) => runtime.call(hostile('process-exit'), functionCall('attack'))

  it('count within the window', async () => {
    const runtime = start({ maxCrashes: 2, crashWindowMs: 60_000 })
    await expect(crash(runtime)).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
    await expect(crash(runtime)).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
    await expect(crash(runtime)).rejects.toMatchObject({ code: 'PLUGIN_CRASH_LOOP' })
  })

  it.each([20, 40])('let the next start wait, twice as long with each: backoffMs is %d', async (backoffMs) => {
    const runtime = start({ maxCrashes: 5, backoffMs })
    const { tenantId, pluginKey } = hostile('process-exit')
    let startedAgain = Date.now()
    for (let crashes = 1; crashes <= 3; crashes++) {
      await expect(crash(runtime)).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
      const startsAgain = runtime.healthOf(tenantId, pluginKey).restartAfter?.getTime() ?? 0
      const pause = backoffMs * 2 ** (crashes - 1)
      expect(startsAgain).toBeGreaterThanOrEqual(startedAgain + pause)
      expect(startsAgain).toBeLessThanOrEqual(Date.now() + pause)
      startedAgain = startsAgain
    }
  })

  it('that are further apart do not', async () => {
    const runtime = start({ maxCrashes: 2, crashWindowMs: 20 })
    for (let i = 0; i < 3; i++) {
      await expect(crash(runtime)).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
  })
})

describe('lines', () => {
  const talkative = targetOf(`exports.install = () => ({})
    exports.talk = (lines) => { for (let i = 0; i < lines; i++) console.log(i); return new Promise((resolve) => setTimeout(resolve, 300, 'done')) }`)

  it('may be as many in a second as the limit says', async () => {
    const runtime = start({ maxChatterPerSecond: 50 })
    expect(await runtime.call(talkative, functionCall('talk', [20]))).toBe('done')
    await expect(runtime.call(talkative, functionCall('talk', [200]))).rejects.toMatchObject({
      code: 'PLUGIN_KILLED',
      message: expect.stringContaining('more than 50 log lines in a second'),
    })
  })
})

describe('connections', () => {
  it('wait for one another up to the limit; more fail', async () => {
    const server = net.createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as net.AddressInfo
    const plugin = targetOf(`exports.install = () => ({})
      exports.open = async (count, port) => {
        const codes = []
        for (let i = 0; i < count; i++) require('net').connect(port, '127.0.0.1').on('error', ({ code }) => codes.push(code))
        await new Promise((resolve) => setTimeout(resolve, 300))
        return codes
      }`)
    const network = { allows: () => true, allowsAddress: () => true }
    const limits = { maxConnections: 1, maxWaitingConnections: 2 }
    const open = (count: number) => start(limits).call(plugin, functionCall('open', [count, port], { network }))
    expect(await open(3)).toEqual([])
    expect(await open(4)).toEqual(['EMFILE'])
    server.close()
  })
})
