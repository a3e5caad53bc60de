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

describe('starting', () => {
  const plain = targetOf(`exports.install = () => ({}); exports.hello = () => 'hello'`)

  it('may take as long as startMs and not longer', async () => {
    expect(await start({ startMs: 20_000 }).call(plain, functionCall('hello'))).toBe('hello')
    await expect(start({ startMs: 1 }).call(plain, functionCall('hello'))).rejects.toMatchObject({
      code: 'PLUGIN_RESTARTED',
    })
  })

  it('makes a child as nice as niceness says', async () => {
    const runtime = start({ niceness: 5 })
    await runtime.call(plain, functionCall('hello'))
    expect(os.getPriority(runtime.status().processes[0]?.pid)).toBe(os.getPriority() + 5)
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
