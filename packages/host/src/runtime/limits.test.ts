import { existsSync, readFileSync } from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import type { PluginInvocation } from '@tenon/contract/wire'
import { afterEach, describe, expect, it } from 'vitest'
import { callOf, functionCall, hostile, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import {
  createRuntime,
  type EndedProcess,
  type LogLine,
  type PluginTarget,
  type Runtime,
  type RuntimeLimits,
} from './index.js'
import { runnerArguments } from './launch.js'
import { resolveLimits } from './limits.js'

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** In front of a plugin that speaks to the host by itself. */
const capture = `
  exports.install = () => ({})
  const frame = (kind, ...parts) => {
    const body = Buffer.concat([Buffer.from([kind]), ...parts])
    const header = Buffer.alloc(4)
    header.writeUInt32LE(body.length)
    return Buffer.concat([header, body])
  }
  const message = (value) => frame(1, Buffer.from(JSON.stringify(value)))
  const captured = () => new Promise((resolve) => {
    const { Duplex } = require('stream')
    const { write } = Duplex.prototype
    Duplex.prototype.write = function (...args) {
      Duplex.prototype.write = write
      resolve({ pipe: this, call: JSON.parse(args[0].subarray(5).toString()).call })
      return write.apply(this, args)
    }
    console.log('this line names the call')
  })
  const answers = (pipe, count) => new Promise((resolve) => {
    let seen = ''
    pipe.on('data', (bytes) => {
      seen += bytes.toString('latin1').replace(/x+/g, '')
      if (seen.split('"t":"reply"').length > count) resolve()
    })
  })`

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

// Elsewhere a niceness cannot be taken back, or is not known to count.
describe.runIf(existsSync('/proc/self/autogroup'))('what computes', () => {
  const busy = targetOf(`exports.install = () => ({})
    exports.compute = (ms) => { const end = Date.now() + ms; while (Date.now() < end); return 'done' }
    exports.wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms, 'done'))`)

  /** Who is not root shares one change of a niceness in a tenth of a second with all who are not. */
  const longEnoughMs = process.getuid?.() === 0 ? 1_500 : 4_000

  /** All that its session was while the call went on. */
  async function nicenessDuring(limits: Partial<RuntimeLimits>, name: string, ms: number) {
    const runtime = start(limits)
    await runtime.call(busy, functionCall('wait', [0]))
    const pid = runtime.status().processes[0]?.pid
    const nicenessNow = () => Number(/nice (-?\d+)/.exec(readFileSync(`/proc/${pid}/autogroup`, 'utf8'))?.[1])
    await expect.poll(nicenessNow).toBe(resolveLimits(limits).niceness)
    const seen = new Set<number>()
    const looking = setInterval(() => seen.add(nicenessNow()), 5)
    expect(await runtime.call(busy, functionCall(name, [ms]))).toBe('done')
    clearInterval(looking)
    return { seen: [...seen], afterwards: () => nicenessNow() }
  }

  it.each([12, 17])('is as nice as a computingNiceness of %d says, until it rests', async (computingNiceness) => {
    const { seen, afterwards } = await nicenessDuring({ computingNiceness }, 'compute', longEnoughMs)
    expect(seen).toEqual([5, computingNiceness])
    await expect.poll(afterwards).toBe(5)
  })

  it('is not nicer before it has taken computingMs of a processor, however long it waits', async () => {
    expect((await nicenessDuring({ computingMs: 60_000 }, 'compute', 1_000)).seen).toEqual([5])
    expect((await nicenessDuring({ computingMs: 50 }, 'wait', 1_000)).seen).toEqual([5])
    expect((await nicenessDuring({ computingMs: 50 }, 'compute', longEnoughMs)).seen).toEqual([5, 15])
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

it('a heap of V8 has three quarters of the memory of its process, where V8 takes such a limit', () => {
  const heapOf = (nodeVersion: string, limits: Partial<RuntimeLimits>) =>
    runnerArguments(nodeVersion, '/runner.cjs', { confinement: { tier: 'T1' }, limits: resolveLimits(limits) }).find(
      (argument) => argument.startsWith('--max-old-space-size'),
    )
  expect(heapOf('22.12.0', {})).toBe('--max-old-space-size=384')
  expect(heapOf('24.0.0', { maxRssBytes: 1024 ** 3 })).toBe('--max-old-space-size=768')
  expect(heapOf('20.19.0', {})).toBeUndefined()
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

describe('restarts after bad ends', () => {
  const fragile = targetOf(
    `exports.install = () => ({}); exports.hello = () => 'hello'; exports.crash = () => process.exit(1)`,
    { pluginKey: 'fragile' },
  )
  const of = (tenantId: string, pluginKey = 'fragile') => ({ ...fragile, tenantId, pluginKey })
  const crash = (runtime: Runtime, target: PluginTarget) =>
    expect(runtime.call(target, functionCall('crash'))).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
  const hello = (runtime: Runtime, target: PluginTarget) => runtime.call(target, functionCall('hello'))

  it.each([200, 400])('have restartGapMs between them, here %d, and none before the first', async (restartGapMs) => {
    const runtime = start({ restartGapMs, maxCrashes: 5 })
    const plugins = ['mallory000', 'alice00000'].map((tenantId) => of(tenantId))
    for (const plugin of plugins) await crash(runtime, plugin)
    const before = Date.now()
    await Promise.all(plugins.map((plugin) => hello(runtime, plugin)))
    const [first = 0, second = 0] = runtime
      .status()
      .processes.map(({ startedAt }) => startedAt.getTime())
      .sort((a, b) => a - b)
    expect(Date.now()).toBeGreaterThanOrEqual(before + restartGapMs)
    expect(first).toBeLessThanOrEqual(second)
  })

  it('let those start meanwhile whose processes came to no bad end', async () => {
    const runtime = start({ restartGapMs: 60_000, maxCrashes: 5 })
    const [mallory, alice] = [of('mallory000'), of('alice00000')]
    await crash(runtime, mallory)
    await crash(runtime, mallory)
    const waiting = hello(runtime, mallory).catch(({ code }: { code: string }) => code)
    expect(await Promise.race([waiting, hello(runtime, alice)])).toBe('hello')
    expect(runtime.status().processes.map(({ tenantId }) => tenantId)).toEqual(['alice00000'])
    await runtime.stopPlugin(alice.tenantId, alice.pluginKey)
    expect(await hello(runtime, alice)).toBe('hello')
  })

  it('come by turns of tenants', async () => {
    const runtime = start({ restartGapMs: 30, maxCrashes: 5 })
    const plugins = ['one', 'two', 'three'].map((key) => of('mallory000', key))
    plugins.push(of('alice00000'))
    for (const plugin of plugins) await crash(runtime, plugin)
    const order: string[] = []
    await Promise.all(
      plugins.map(async (plugin) => {
        await hello(runtime, plugin)
        order.push(plugin.tenantId)
      }),
    )
    // The first one starts before the others have come.
    expect(order.at(-1)).toBe('mallory000')
  })

  it.each([
    ['hangs', `exports.hang = () => new Promise(() => undefined)`, 'hang', 'CALL_TIMEOUT'],
    ['cannot be loaded', `throw new Error('not today')`, 'hang', 'PLUGIN_LOAD_FAILED'],
  ])('are those of a plugin that %s, too', async (_what, code, name, told) => {
    const runtime = start({ restartGapMs: 60_000, queueWaitMs: 300 })
    const target = targetOf(`exports.install = () => ({}); ${code}`)
    const call = () =>
      runtime.call(target, functionCall(name, [], { deadlineMs: 50 })).catch((error: { code: string }) => error.code)
    expect(await call()).toBe(told)
    await expect.poll(call, { timeout: 10_000 }).toBe('PLUGIN_OVERLOADED')
  })
})

describe('lines', () => {
  const talkative = targetOf(`exports.install = () => ({})
    exports.talk = (lines) => { for (let i = 0; i < lines; i++) console.log(i); return new Promise((resolve) => setTimeout(resolve, 300, 'done')) }`)

  it('are passed on up to maxLinesPerSecond, and the others counted', async () => {
    const heard = async (limits: Partial<RuntimeLimits>, count: number) => {
      const runtime = start(limits)
      const lines: LogLine[] = []
      const onLog = (line: LogLine) => void lines.push(line)
      await runtime.call(talkative, functionCall('talk', [count], { onLog }))
      const { length } = lines
      // The count comes with the next line, in another second.
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await runtime.call(talkative, functionCall('talk', [1], { onLog }))
      return [length, lines.at(-1)?.dropped]
    }
    expect(await heard({ maxLinesPerSecond: 50 }, 50)).toEqual([50, undefined])
    expect(await heard({ maxLinesPerSecond: 50 }, 51)).toEqual([50, 1])
  })

  it('may be as many in a second as the limit says', async () => {
    const runtime = start({ maxChatterPerSecond: 50 })
    expect(await runtime.call(talkative, functionCall('talk', [20]))).toBe('done')
    await expect(runtime.call(talkative, functionCall('talk', [200]))).rejects.toMatchObject({
      code: 'PLUGIN_KILLED',
      message: expect.stringContaining('more than 50 log lines in a second'),
    })
  })
})

describe('what travels between host and child', () => {
  const kilobyte = 1_000
  const plain = targetOf(`exports.install = () => ({})
    exports.text = (size) => 'x'.repeat(size)
    exports.bytes = (size) => Buffer.alloc(size)
    exports.lists = (count) => Array(count).fill([])
    exports.sizeOf = (value) => value.length`)
  // Writes to the pipe itself, as a plugin would that has taken over its process.
  const forger = targetOf(`const { Duplex } = require('stream')
    const write = Duplex.prototype.write
    const pipe = () => new Promise((resolve) => {
      Duplex.prototype.write = function (...args) {
        Duplex.prototype.write = write
        resolve(this)
        return write.apply(this, args)
      }
      console.log('this line goes through the pipe')
    })
    const frame = (kind, ...parts) => {
      const body = Buffer.concat([Buffer.from([kind]), ...parts])
      const header = Buffer.alloc(4)
      header.writeUInt32LE(body.length)
      return Buffer.concat([header, body])
    }
    exports.install = () => ({})
    exports.frame = async (size) => void (await pipe()).write(frame(2, Buffer.from([9, 0, 0, 0]), Buffer.alloc(size - 5)))
    exports.hoard = async (first, count) => {
      const to = await pipe()
      for (let id = first; id < first + count; id++) to.write(frame(2, Buffer.from([id, 0, 0, 0]), Buffer.alloc(10_000)))
    }
    exports.lists = async (count) => {
      const text = JSON.stringify({ t: 'ask', id: 1, call: 1, method: 'none', params: Array(count).fill([]) })
      void (await pipe()).write(frame(1, Buffer.from(text)))
    }
    exports.line = async (size) => {
      const text = JSON.stringify({ t: 'log', level: 'info', text: '' })
      void (await pipe()).write(frame(1, Buffer.from(text + ' '.repeat(size - text.length))))
    }`)
  const broken = (reason: string) => ({ code: 'PLUGIN_KILLED', message: expect.stringContaining(reason) })

  it('comes in frames of maxFrameBytes at most, of which larger values take several', async () => {
    const runtime = start({ maxFrameBytes: 100 * kilobyte })
    expect(await runtime.call(plain, functionCall('text', [300 * kilobyte]))).toHaveLength(300 * kilobyte)
    expect(await runtime.call(forger, functionCall('frame', [100 * kilobyte]))).toBeUndefined()
    await expect(runtime.call(forger, functionCall('frame', [100 * kilobyte + 1]))).rejects.toMatchObject(
      broken('a frame of 100001 bytes was announced, the limit is 100000'),
    )
  })

  it('has at most maxRunnerMessageBytes of text when it comes from a child', async () => {
    const runtime = start({ maxRunnerMessageBytes: 100 * kilobyte })
    const answer = JSON.stringify({ t: 'answer', id: 2, value: '' })
    const most = 100 * kilobyte - answer.length
    expect(await runtime.call(plain, functionCall('text', [most]))).toHaveLength(most)
    await expect(runtime.call(plain, functionCall('text', [most + 1]))).rejects.toMatchObject({
      code: 'RESULT_TOO_LARGE',
    })
    expect(await runtime.call(forger, functionCall('line', [100 * kilobyte]))).toBeUndefined()
    await expect(runtime.call(forger, functionCall('line', [100 * kilobyte + 1]))).rejects.toMatchObject(
      broken('a message of 100001 bytes arrived, the limit is 100000'),
    )
  })

  it('is made of at most maxRunnerMessageParts when it comes from a child', async () => {
    const runtime = start({ maxRunnerMessageParts: 2_000 })
    // Beside the lists: the message and the list of them, three keys, and the word "answer".
    const most = 2_000 - 2 - 3 * 5 - 1
    expect(await runtime.call(plain, functionCall('lists', [most]))).toHaveLength(most)
    await expect(runtime.call(plain, functionCall('lists', [most + 1]))).rejects.toMatchObject({
      code: 'RESULT_TOO_LARGE',
      message: expect.stringContaining('2,000 lists, objects and short texts') as string,
    })
    // Two keys more, and another word.
    expect(await runtime.call(forger, functionCall('lists', [most - 2 * 5 - 1]))).toBeUndefined()
    await expect(runtime.call(forger, functionCall('lists', [most - 2 * 5]))).rejects.toMatchObject(
      broken('a message of more than 2000 parts arrived'),
    )
  })

  it('has at most maxHostMessageBytes of text when it goes to a child, whose other calls go on', async () => {
    const runtime = start({ maxHostMessageBytes: 100 * kilobyte })
    const sizeOf = (size: number) => runtime.call(plain, functionCall('sizeOf', ['x'.repeat(size)]))
    const call = functionCall('sizeOf', [''])
    const { invocation, context } = call
    const most = 100 * kilobyte - JSON.stringify({ t: 'call', id: 1, invocation, context }).length
    expect(await sizeOf(most)).toBe(most)
    await expect(sizeOf(most + 1)).rejects.toMatchObject({ code: 'BODY_TOO_LARGE' })
    expect(await sizeOf(most)).toBe(most)
  })

  it('that cannot carry the code of a plugin says so at once, and is no crash of it', async () => {
    const ends: EndedProcess[] = []
    const runtime = createRuntime({
      log: silentLog,
      limits: { warmRunners: 0, loadMs: 15_000, maxAttachmentBytes: 10 * kilobyte },
      onProcessEnd: (_plugin, end) => void ends.push(end),
    })
    started.push(runtime)
    const large = targetOf(`exports.install = () => ({}); exports.hello = () => 1 // ${'x'.repeat(20 * kilobyte)}`)
    await expect(runtime.call(large, functionCall('hello'))).rejects.toMatchObject({
      code: 'PLUGIN_LOAD_FAILED',
      message: expect.stringContaining('more than can be sent') as string,
    })
    await expect.poll(() => ends).toMatchObject([{ crashed: false, reason: 'start' }])
  })

  it('has at most maxAttachmentBytes beside it, either way', async () => {
    const runtime = start({ maxAttachmentBytes: 100 * kilobyte, maxRunnerMessageBytes: 10 * kilobyte })
    const sizeOf = (size: number) => runtime.call(plain, functionCall('sizeOf', [Buffer.alloc(size)]))
    expect(await runtime.call(plain, functionCall('bytes', [100 * kilobyte]))).toHaveLength(100 * kilobyte)
    await expect(runtime.call(plain, functionCall('bytes', [100 * kilobyte + 1]))).rejects.toMatchObject({
      code: 'RESULT_TOO_LARGE',
    })
    expect(await sizeOf(100 * kilobyte)).toBe(100 * kilobyte)
    await expect(sizeOf(100 * kilobyte + 1)).rejects.toMatchObject({ code: 'BODY_TOO_LARGE' })
    // Texts wait beside the files when they are large themselves, so there is room for one of each.
    expect(await runtime.call(forger, functionCall('hoard', [100, 11]))).toBeUndefined()
    await expect(runtime.call(forger, functionCall('hoard', [200, 1]))).rejects.toMatchObject(
      broken('too many bytes of attachments are waiting'),
    )
  })

  it('is a whole file where that has at most maxWholeFileBytes', async () => {
    const reader = targetOf(`exports.install = () => ({})
      exports.router = {
        'POST /whole': ({ file }) => ({ data: file.buffer.length }),
        'POST /pieces': { file: 'pieces', handler: ({ file }) => ({ data: file.buffer.length }) },
      }`)
    const runtime = start({ maxWholeFileBytes: 2_000_000 })
    const read = (path: string, size: number) => {
      const pieces = async (params: unknown) =>
        (params as { position: number }).position === 0 ? Buffer.alloc(size) : null
      const file = { originalname: 'risks.xlsx', mimetype: 'text/plain', size, uploadId: '1' }
      return runtime.call(
        reader,
        callOf({ kind: 'route', method: 'POST', path, file }, { host: () => ({ 'uploads.read': pieces }) }),
      )
    }
    expect(await read('/whole', 2_000_000)).toMatchObject({ data: 2_000_000 })
    await expect(read('/whole', 2_000_001)).rejects.toThrow('file.buffer holds files of at most 2 MB')
    await expect(read('/pieces', 1)).rejects.toThrow('file.buffer holds nothing, because the route reads pieces')
  })
})

describe('messages of a child', () => {
  const rowsOf = (pluginKey: string) =>
    targetOf(
      `exports.install = () => ({})
      exports.rows = (count) => Array.from({ length: count }, (_, id) => ({ id, title: 'A risk' }))`,
      { pluginKey },
    )
  /** For how long the host has read nothing of a plugin that had had its share. */
  const restedMs = (runtime: Runtime, name: string) =>
    runtime.status().processes.find(({ pluginKey }) => pluginKey === name)?.restedMs
  const read = async (runtime: Runtime, name: string, count: number) =>
    expect(await runtime.call(rowsOf(name), functionCall('rows', [count]))).toHaveLength(count)

  it('may take messageMsPerSecond of the host at once, of which nobody notices anything', async () => {
    const [patient, impatient] = [10_000, 5].map((messageMsPerSecond) => start({ messageMsPerSecond }))
    for (const runtime of [patient, impatient] as Runtime[]) await read(runtime, 'heavy', 80_000)
    expect(restedMs(patient as Runtime, 'heavy')).toBe(0)
    await expect.poll(() => restedMs(impatient as Runtime, 'heavy')).toBeGreaterThan(0)
  })

  it('beyond messageMsPerSecond are read more slowly, and leave their process alive', async () => {
    const ends: EndedProcess[] = []
    const runtime = createRuntime({
      log: silentLog,
      limits: { warmRunners: 0, graceMs: 50, pingMs: 1_000, messageMsPerSecond: 10 },
      onProcessEnd: (_plugin, end) => void ends.push(end),
    })
    started.push(runtime)
    const flood = functionCall('attack', [], { deadlineMs: 500 })
    await expect(runtime.call(hostile('heavy-messages'), flood)).rejects.toMatchObject({ code: 'CALL_TIMEOUT' })
    await expect.poll(() => ends).toMatchObject([{ crashed: false, reason: 'deadline' }])
  })

  it('may together take allMessageMsPerSecond of the host at once', async () => {
    const [patient, impatient] = [10_000, 5].map((allMessageMsPerSecond) =>
      start({ messageMsPerSecond: 10_000, allMessageMsPerSecond }),
    )
    for (const runtime of [patient, impatient] as Runtime[]) await read(runtime, 'heavy', 80_000)
    expect(restedMs(patient as Runtime, 'heavy')).toBe(0)
    await expect.poll(() => restedMs(impatient as Runtime, 'heavy')).toBeGreaterThan(0)
  })

  it('beyond allMessageMsPerSecond wait for each other, and nobody waits for them', async () => {
    const runtime = start({ messageMsPerSecond: 10_000, allMessageMsPerSecond: 20 })
    await read(runtime, 'working', 1)
    const over: string[] = []
    const cancelled = new AbortController()
    const names = Array.from({ length: 4 }, (_, at) => `flood-${at}`)
    const floods = names.map((name) =>
      runtime
        .call(hostile('heavy-messages', name), functionCall('attack', [], { signal: cancelled.signal }))
        .catch(({ code }: { code: string }) => over.push(code)),
    )
    for (const name of names) await expect.poll(() => restedMs(runtime, name), { timeout: 20_000 }).toBeGreaterThan(0)
    for (let call = 0; call < 20; call++) await read(runtime, 'working', 1)
    expect(over).toEqual([])
    cancelled.abort()
    await Promise.all(floods)
    expect(over).toEqual(Array(4).fill('CALL_CANCELLED'))
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

describe('what a child asks the host for', () => {
  it.each([
    [{}, 20],
    [{ maxHostCallBytes: 4_000_000 }, 4],
  ])('are worked on up to maxHostCallBytes at once (%o), here %d, and the others come later', async (limits, most) => {
    let now = 0
    let seen = 0
    let begin = (): void => undefined
    const asManyAsMay = new Promise<void>((resolve) => (begin = resolve))
    const host = {
      take: async () => {
        seen = Math.max(seen, ++now)
        if (now === most) begin()
        await asManyAsMay
        // Time for one more to come that may not.
        await sleep(50)
        now--
      },
    }
    const asking = targetOf(`${capture}
      exports.ask = async () => {
        const { pipe, call } = await captured()
        const piece = Buffer.alloc(1_000_000)
        for (let id = 1; id <= 20; id++) {
          pipe.write(frame(2, Buffer.from([id, 0, 0, 0]), piece))
          pipe.write(message({ t: 'ask', id: 1_000 + id, call, method: 'take', params: { $: 'bytes', v: id, size: 1_000_000 } }))
        }
        await answers(pipe, 20)
        return 'answered'
      }`)
    const runtime = start(limits)
    expect(await runtime.call(asking, functionCall('ask', [], { host: () => host }))).toBe('answered')
    expect(seen).toBe(most)
  })

  const deaf = targetOf(`${capture}
    const ask = (pipe, call, id) => pipe.write(message({ t: 'ask', id, call, method: 'read', params: {} }))
    exports.atOnce = async (count) => {
      const { pipe, call } = await captured()
      pipe._handle.readStop()
      for (let id = 1; id <= count; id++) ask(pipe, call, 1_000 + id)
      return new Promise(() => undefined)
    }
    exports.inTurn = async (count) => {
      const { pipe, call } = await captured()
      const all = answers(pipe, count)
      pipe._handle.readStop()
      for (let id = 1; id <= count; id++) {
        ask(pipe, call, 1_000 + id)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
      console.log('all of them')
      await new Promise((resolve) => setTimeout(resolve, 100))
      pipe._handle.readStart()
      await all
      return 'answered'
    }`)
  const text = 'x'.repeat(100_000)

  it('wait where it has not read half of maxUnreadBytes, and go on when it reads', async () => {
    const begunUnder = async (limits: Partial<RuntimeLimits>) => {
      let begun = 0
      let unread = 0
      const host = { read: () => (begun++, Promise.resolve(text)) }
      const onLog = ({ text: line }: LogLine) => void (line === 'all of them' && (unread = begun))
      expect(await start(limits).call(deaf, functionCall('inTurn', [40], { host: () => host, onLog }))).toBe('answered')
      expect(begun).toBe(40)
      return unread
    }
    expect(await begunUnder({ maxUnreadBytes: 2_000_000 })).toBeLessThan(30)
    expect(await begunUnder({})).toBe(40)
  })

  it('end it where more than maxUnreadBytes of their answers are not read', async () => {
    const host = { read: () => Promise.resolve(text) }
    const call = (limits: Partial<RuntimeLimits>, deadlineMs: number) =>
      start(limits).call(deaf, functionCall('atOnce', [100], { host: () => host, deadlineMs }))
    await expect(call({}, 1_000)).rejects.toMatchObject({ code: 'CALL_TIMEOUT' })
    await expect(call({ maxUnreadBytes: 2_000_000 }, 15_000)).rejects.toMatchObject({
      code: 'PLUGIN_KILLED',
      message: expect.stringContaining('it does not read what it asks for') as string,
    })
  })
})
