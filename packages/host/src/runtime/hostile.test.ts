import { afterAll, describe, expect, it } from 'vitest'
import { callOf, functionCall, hostile, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import { createRuntime, type LogLine, type Progress, type RouteAnswer } from './index.js'

const runtime = createRuntime({
  log: silentLog,
  // Short graces keep the test short; crash loops have a test of their own.
  limits: { graceMs: 200, pingMs: 300, loadMs: 1_500, maxCrashes: 100, backoffMs: 0, memoryPollMs: 50, warmRunners: 1 },
})
afterAll(() => runtime.stop())

const neighbour = targetOf(`exports.install = () => ({}); exports.hello = () => 'hello'`)
const attack = (name: string, ...args: unknown[]) => runtime.call(hostile(name), functionCall('attack', args))

/** The host is well and a neighbour answers. */
async function expectUnharmed(): Promise<void> {
  expect(await runtime.call(neighbour, functionCall('hello'))).toBe('hello')
}

describe('a plugin that does not come back', () => {
  it.each(['endless-loop', 'microtask-flood', 'catastrophic-regex'])(
    'with %s is killed at its deadline',
    async (name) => {
      const before = runtime.call(neighbour, functionCall('hello'))
      const call = runtime.call(hostile(name), functionCall('attack', [], { deadlineMs: 100 }))
      await expect(call).rejects.toMatchObject({ code: 'CALL_TIMEOUT', details: { seconds: 0.1 } })
      expect(await before).toBe('hello')
      expect(runtime.status().processes.some(({ pluginKey }) => pluginKey === name)).toBe(false)
      await expectUnharmed()
    },
  )

  it('fails only its own call when its process still answers', async () => {
    const target = hostile('promise-that-never-settles')
    const hanging = runtime.call(target, functionCall('attack', [], { deadlineMs: 100 }))
    const neighbourly = runtime.call(target, functionCall('slow'))
    await expect(hanging).rejects.toMatchObject({ code: 'CALL_TIMEOUT' })
    expect(await neighbourly).toBe('finished')
    expect(await runtime.call(target, functionCall('pid'))).toBe('alive')
  })

  it('is killed when its top-level code never ends', async () => {
    await expect(attack('endless-loop-at-load')).rejects.toMatchObject({ code: 'PLUGIN_LOAD_FAILED' })
  })

  it('is found spinning after its answer', async () => {
    const impatient = createRuntime({ log: silentLog, limits: { idlePingMs: 200, warmRunners: 0 } })
    expect(await impatient.call(hostile('spinning-after-the-answer'), functionCall('attack'))).toBe('answered')
    await expect.poll(() => impatient.status().processes.length, { timeout: 5_000 }).toBe(0)
    await impatient.stop()
  })
})

describe('a plugin that ends its process', () => {
  it('fails its calls with its exit code', async () => {
    const other = runtime.call(hostile('process-exit'), functionCall('wait'))
    const failed = expect(other).rejects.toMatchObject({ code: 'PLUGIN_EXITED' })
    await expect(attack('process-exit')).rejects.toMatchObject({ code: 'PLUGIN_EXITED', details: { exitCode: 3 } })
    await failed
    await expectUnharmed()
  })

  it('cannot be loaded when it does so at once', async () => {
    await expect(attack('process-exit-at-load')).rejects.toMatchObject({ code: 'PLUGIN_LOAD_FAILED' })
  })
})

describe('a plugin that takes memory', () => {
  it.each(['heap-bomb', 'buffer-bomb'])('with a %s is killed', async (name) => {
    const told = attack(name).catch(({ code, message }: { code: string; message: string }) => `${code} ${message}`)
    expect(await told).toMatch(/^PLUGIN_KILLED .*memory/)
    await expectUnharmed()
  })
})

describe('a plugin that breaks the protocol', () => {
  it.each([
    ['giant-frame', 'a frame of 4294967295 bytes'],
    ['garbage-on-the-pipe', 'it broke the protocol'],
    ['six-hundred-megabytes', 'a frame of 1633771873 bytes'],
    ['forged-answer', 'it answered a call that was not made'],
    ['forged-log-flood', 'log lines in a second'],
    ['attachment-hoard', 'too many bytes of attachments'],
  ])('with %s is killed', async (name, reason) => {
    const before = process.memoryUsage.rss()
    await expect(attack(name)).rejects.toMatchObject({
      code: 'PLUGIN_KILLED',
      message: expect.stringContaining(reason),
    })
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024)
    await expectUnharmed()
  })

  it.each([
    ...['unknown', 'proto', 'constructor', 'ready', 'pong', 'number', 'nul', 'list', 'extra', 'deep', 'attachment'],
    ...['tag', 'text', 'kind', 'empty'],
  ])('with the forged message "%s" is killed', async (which) => {
    await expect(attack('forged-messages', which)).rejects.toMatchObject({
      code: 'PLUGIN_KILLED',
      message: expect.stringContaining('it broke the protocol'),
    })
    await expectUnharmed()
  })
})

describe('a plugin that floods', () => {
  it('with log lines has most of them dropped, and still gets its answer', async () => {
    const lines: LogLine[] = []
    const call = functionCall('attack', [], { onLog: (line) => void lines.push(line) })
    expect(await runtime.call(hostile('log-flood'), call)).toBe('done')
    expect(lines.length).toBeGreaterThan(100)
    expect(lines.length).toBeLessThan(5_000)
  })

  it('with progress has most of it left out but for the last, and still gets its answer', async () => {
    const seen: Progress[] = []
    const target = targetOf(`exports.install = () => ({})
      exports.sync = async (rows, ends, context) => {
        for (let row = 1; row <= rows; row++) context.progress(row, rows, 'row ' + row)
        if (!ends) await new Promise((resolve) => setTimeout(resolve, 1_000))
        return 'done'
      }
      exports.nonsense = (context) => { context.progress(Infinity, -Infinity, 'rows'); return 'done' }`)
    const call = (name: string, ...args: unknown[]) =>
      runtime.call(
        target,
        functionCall(name, [...args, { $context: true }], { onProgress: (told) => void seen.push(told) }),
      )
    expect(await call('sync', 20_000, true)).toBe('done')
    expect(seen.at(-1)).toMatchObject({ done: 20_000, total: 20_000, message: 'row 20000' })
    const waiting = call('sync', 10_000, false)
    await expect.poll(() => seen.at(-1)).toMatchObject({ done: 10_000 })
    expect(await waiting).toBe('done')
    expect(seen.length).toBeLessThan(1_000)
    expect(await call('nonsense')).toBe('done')
    expect(seen.at(-1)).toMatchObject({ done: 0, total: 0, message: 'rows' })
  })

  it('costs nothing for lines that nobody will read: they are not even made', async () => {
    const target = targetOf(`exports.install = () => ({}); let made = 0
      const line = { [require('util').inspect.custom]: () => 'line ' + ++made }
      exports.flood = () => { for (let i = 0; i < 5_000; i++) console.log(line); return made }`)
    expect(await runtime.call(target, functionCall('flood'))).toBeLessThanOrEqual(1_000)
  })

  it.each([
    [{}, 256],
    [{ maxHostCalls: 50 }, 50],
  ])('with requests to the host (%o) has %d at work at once, and gets all of its answers', async (limits, cap) => {
    const own = createRuntime({ log: silentLog, limits: { warmRunners: 0, ...limits } })
    let most = 0
    let now = 0
    const host = {
      'secrets.seal': async () => {
        most = Math.max(most, ++now)
        await new Promise((resolve) => setTimeout(resolve, 5))
        now--
      },
    }
    const call = functionCall('attack', [{ $context: true }], { host: () => host })
    expect(await own.call(hostile('host-call-flood'), call)).toBe(3_000)
    expect(most).toBe(cap)
    await own.stop()
  })
})

describe('a plugin that has the host read the heaviest messages there are, again and again', () => {
  it('is ended for one that is made of too many parts', async () => {
    await expect(runtime.call(hostile('heavy-messages'), functionCall('tooMany'))).rejects.toMatchObject({
      code: 'PLUGIN_KILLED',
      message: expect.stringContaining('a message of more than 250000 parts arrived') as string,
    })
    await expectUnharmed()
  })

  it.each([
    ['', 'heavy-messages'],
    [' of the smallest frames on the pipe of sockets, too', 'socket-frame-flood'],
  ])('is read no more for a while%s, in which its neighbour is served', { timeout: 60_000 }, async (_what, name) => {
    const own = createRuntime({ log: silentLog, limits: { warmRunners: 0 } })
    const attacker = hostile(name)
    await Promise.all([own.call(neighbour, functionCall('hello')), own.call(attacker, functionCall('wait'))])
    const restedMs = () =>
      own.status().processes.find(({ pluginKey }) => pluginKey === attacker.pluginKey)?.restedMs ?? 0
    expect(restedMs()).toBe(0)
    const attack = own.call(attacker, functionCall('attack')).catch(({ code }: { code: string }) => code)
    for (let rests = 0; rests < 3; rests++) {
      const before = restedMs()
      await expect.poll(restedMs, { timeout: 15_000 }).toBeGreaterThan(before)
      expect(await own.call(neighbour, functionCall('hello'))).toBe('hello')
    }
    await own.stopPlugin(attacker.tenantId, attacker.pluginKey)
    expect(await attack).toBe('PLUGIN_RESTARTED')
    await own.stop({ drainMs: 0 })
  })
})

describe('a plugin that goes on after its answer', () => {
  it('is refused by its own context', async () => {
    let sealed = 0
    const host = { 'secrets.seal': async () => void sealed++ }
    const target = hostile('late-work')
    expect(await runtime.call(target, functionCall('attack', [{ $context: true }], { host: () => host }))).toBe(
      'answered',
    )
    await expect.poll(() => runtime.call(target, functionCall('refusal', [], { host: () => host }))).toBe('CALL_ENDED')
    expect(sealed).toBe(0)
  })

  it('is refused by the host when it forges the request', async () => {
    let sealed = 0
    const host = { 'secrets.seal': async () => void sealed++ }
    const target = hostile('late-forged-request')
    await runtime.call(target, functionCall('attack', [], { host: () => host }))
    await new Promise((resolve) => setTimeout(resolve, 150))
    expect(await runtime.call(target, functionCall('still', [], { host: () => host }))).toBe('here')
    expect(sealed).toBe(0)
  })
})

describe('what a plugin hands over', () => {
  it('cannot pollute a prototype', async () => {
    const host = { 'secrets.seal': async (params: unknown) => params, echo: async (params: unknown) => params }
    const answer = await runtime.call(
      hostile('prototype-pollution'),
      functionCall('attack', [{ $context: true }], { host: () => host }),
    )
    expect(answer).toEqual({ kept: true })
    expect(Object.hasOwn(answer as object, '__proto__')).toBe(false)
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  it('is refused when it is circular', async () => {
    await expect(attack('circular-result')).rejects.toMatchObject({ code: 'PLUGIN_RESULT_INVALID' })
  })

  it.each([
    ['a function', '() => () => 1'],
    ['a symbol', "() => Symbol('none')"],
    ['a BigInt of more than 1,000 digits', '() => [10n ** 1_000n]'],
  ])('is refused when it is %s, and its process lives on', async (_what, work) => {
    const target = targetOf(
      `exports.install = () => ({}); exports.answer = ${work}; exports.still = () => -(10n ** 999n)`,
    )
    const refusal = { code: 'PLUGIN_RESULT_INVALID' }
    await expect(runtime.call(target, functionCall('answer'))).rejects.toMatchObject(refusal)
    expect(await runtime.call(target, functionCall('still'))).toBe(-(10n ** 999n))
  })

  it('may have just under 8 MB and not more', async () => {
    const limit = 8 * 1024 * 1024 - 64
    expect(await attack('giant-result', limit - 100)).toHaveLength(limit - 100)
    await expect(attack('giant-result', limit)).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' })
  })

  it('may have 50,000 rows of 20 columns, with different texts and dates in some', async () => {
    const rows = targetOf(`exports.install = () => ({})
      exports.router = { 'GET /rows': () => ({ data: Array.from({ length: 50_000 }, (_, row) => {
        const numbers = Object.fromEntries([...'abcdefghijklmnopqr'].map((name, at) => [name, (row + at) % 10]))
        return { id: 'r' + row, day: new Date(row), ...numbers }
      }) }) }`)
    const answer = (await runtime.call(rows, callOf({ kind: 'route', method: 'GET', path: '/rows' }))) as RouteAnswer
    expect(answer.data).toHaveLength(50_000)
  })

  it.each(['getters', 'proxy', 'null', 'string'])('is an error of its own, whatever was thrown: %s', async (which) => {
    await expect(attack('thrown-traps', which)).rejects.toMatchObject({ code: 'PLUGIN_THREW', fromPlugin: true })
  })

  it('keeps name, code and cause of an error, and at most 2,000 characters of its message', async () => {
    await expect(attack('thrown-traps', 'long')).rejects.toMatchObject({ message: 'x'.repeat(2_000) })
    await expect(attack('thrown-traps', 'fields')).rejects.toMatchObject({
      pluginError: { name: 'TypeError', message: 'wrong', code: 'E_WRONG', cause: { message: 'deeper' } },
    })
  })
})

it('lets no attempt to get out succeed', async () => {
  const { tried, got } = (await attack('escape-attempts')) as { tried: number; got: object }
  expect(got).toEqual({})
  expect(tried).toBeGreaterThan(50)
})

it('withstands its own start-up probe', async () => {
  expect(await runtime.selfTest()).toMatchObject({ passed: true, breaches: [], broken: [] })
})

it('gives a request without a matching function no answer but a refusal', async () => {
  const code = `exports.install = () => ({}); exports.ask = (context) => context.secrets.open('x').catch((e) => e.code)`
  const call = functionCall('ask', [{ $context: true }], { host: () => ({}) })
  expect(await runtime.call(targetOf(code), call)).toBe('UNKNOWN_METHOD')
})
