import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type LoopbackServer, startHttpServer } from '../egress/fixtures/loopback-server.js'
import type { NetworkPolicy } from '../egress/index.js'
import { functionCall, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import { createRuntime, type NetworkLedger, type Runtime, type RuntimeLimits } from './index.js'

const plugin = targetOf(`
const http = require('http')
exports.install = () => ({})
const get = (url) => new Promise((resolve, reject) =>
  http.get(url, { agent: false }, (answer) => {
    let bytes = 0
    answer.on('data', (part) => (bytes += part.length)).on('end', () => resolve(bytes)).on('error', reject)
    answer.on('aborted', () => reject(Object.assign(new Error('aborted'), { code: 'ABORTED' })))
  }).on('error', reject))
exports.times = async (url, count) => {
  const answers = []
  for (let at = 0; at < count; at++) answers.push(await get(url).catch((error) => error.code + ' ' + error.message))
  return answers
}
`)
const everywhere: NetworkPolicy = { allows: () => true, allowsAddress: () => false }

let server: LoopbackServer
let runtime: Runtime | undefined
beforeAll(async () => {
  server = await startHttpServer()
})
afterAll(() => server.close())
afterEach(() => runtime?.stop())

function start(limits: Partial<RuntimeLimits>, networkLedger?: NetworkLedger): Runtime {
  const hostMap = new Map([['service.example:80', { host: '127.0.0.1', port: server.port }]])
  runtime = createRuntime({
    log: silentLog,
    hostMap,
    limits: { warmRunners: 0, ...limits },
    ...(networkLedger ? { networkLedger } : {}),
  })
  return runtime
}

const ask = (path: string, count: number, target = plugin) =>
  (runtime as Runtime).call(
    target,
    functionCall('times', [`http://service.example${path}`, count], { network: everywhere }),
  ) as Promise<(number | string)[]>

const useOf = ({ tenantId, pluginKey } = plugin) => (runtime as Runtime).healthOf(tenantId, pluginKey).network

describe('the connections of a plugin', () => {
  it('are counted, and as many as the limit may be opened in a window', async () => {
    start({ maxEgressConnections: 3 })
    expect(await ask('/bytes/10', 3)).toEqual([10, 10, 10])
    expect(useOf()).toMatchObject({ connections: 3, refused: 0 })
  })

  it('are refused beyond it, and the refusals are counted', async () => {
    start({ maxEgressConnections: 3 })
    const answers = await ask('/bytes/10', 4)
    expect(answers.slice(0, 3)).toEqual([10, 10, 10])
    expect(answers[3]).toMatch(
      /^EDQUOT connect EDQUOT service.example:80: this plugin has had its 3 connections of 3600/,
    )
    expect(useOf()).toMatchObject({ connections: 3, refused: 1 })
  })

  it('are counted anew in the next window', async () => {
    start({ maxEgressConnections: 1, egressWindowMs: 300 })
    expect(await ask('/bytes/10', 2)).toEqual([10, expect.stringContaining('EDQUOT')])
    await new Promise((resolve) => setTimeout(resolve, 350))
    expect(await ask('/bytes/10', 1)).toEqual([10])
  })

  it('of one tenant do not count for another', async () => {
    start({ maxEgressConnections: 1 })
    await ask('/bytes/10', 2)
    expect(await ask('/bytes/10', 1, { ...plugin, tenantId: 'another' })).toEqual([10])
    expect(useOf({ ...plugin, tenantId: 'another' })).toMatchObject({ connections: 1, refused: 0 })
  })
})

describe('the connections through one server', () => {
  /** Keeps what it is told. */
  function toldLedger() {
    let connections = 0
    const ledger: NetworkLedger = {
      add: (uses) => {
        for (const use of uses) connections += use.connections
        return Promise.resolve(uses.map((use) => ({ ...use, connections })))
      },
    }
    return { ledger, told: () => connections }
  }

  it('are told to the other servers within egressShareMs', async () => {
    const { ledger, told } = toldLedger()
    start({ egressShareMs: 100 }, ledger)
    await ask('/bytes/10', 5)
    await vi.waitFor(() => expect(told()).toBe(5))
  })

  it('are not told to the other servers before egressShareMs is over', async () => {
    const { ledger, told } = toldLedger()
    start({ egressShareMs: 60_000 }, ledger)
    // The first of a window asks at once what the others counted.
    await ask('/bytes/10', 1)
    await vi.waitFor(() => expect(told()).toBe(1))
    await ask('/bytes/10', 4)
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(told()).toBe(1)
  })

  it('are told in one go when the others could not be reached for a while', async () => {
    const told: number[] = []
    let reach = (): void => undefined
    const reached = new Promise<void>((resolve) => (reach = resolve))
    start(
      { egressShareMs: 10 },
      {
        async add(uses) {
          told.push(...uses.map(({ connections }) => connections))
          if (told.length === 1) await reached
          return uses.map((use) => ({ ...use, connections: told.reduce((sum, one) => sum + one, 0) }))
        },
      },
    )
    await ask('/bytes/10', 1)
    await vi.waitFor(() => expect(told).toEqual([1]))
    for (let round = 0; round < 4; round++) {
      await ask('/bytes/10', 1)
      await new Promise((resolve) => setTimeout(resolve, 30))
    }
    expect(told).toEqual([1])
    reach()
    await vi.waitFor(() => expect(told).toEqual([1, 4]))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(told).toEqual([1, 4])
    expect(useOf()).toMatchObject({ connections: 5 })
  })

  it('are not told again when the server stops', async () => {
    const { ledger, told } = toldLedger()
    const add = vi.spyOn(ledger, 'add')
    start({ egressShareMs: 20 }, ledger)
    await ask('/bytes/10', 3)
    await vi.waitFor(() => expect(told()).toBe(3))
    await new Promise((resolve) => setTimeout(resolve, 100))
    const times = add.mock.calls.length
    await (runtime as Runtime).stop()
    expect(add).toHaveBeenCalledTimes(times)
  })

  it('are told when the server stops', async () => {
    const { ledger, told } = toldLedger()
    start({ egressShareMs: 60_000 }, ledger)
    await ask('/bytes/10', 1)
    await vi.waitFor(() => expect(told()).toBe(1))
    await ask('/bytes/10', 2)
    await (runtime as Runtime).stop()
    expect(told()).toBe(3)
  })
})

describe('the bytes of a plugin', () => {
  it('are counted in both directions, and may come up to the limit', async () => {
    start({ maxEgressBytes: 20_000 })
    expect(await ask('/bytes/15000', 1)).toEqual([15_000])
    const { bytesIn, bytesOut } = useOf()
    expect(bytesIn).toBeGreaterThan(15_000)
    expect(bytesOut).toBeGreaterThan(20)
  })

  it('beyond it end the connection, and no other is opened', async () => {
    start({ maxEgressBytes: 20_000 })
    const answers = await ask('/bytes/30000', 2)
    expect(answers[0]).toEqual(expect.any(String))
    expect(answers[1]).toMatch(/EDQUOT .* this plugin has had its 20000 bytes/)
    expect(useOf()).toMatchObject({ connections: 1, refused: 1 })
  })

  it('may be more where the operator says so', async () => {
    start({ maxEgressBytes: 50_000 })
    expect(await ask('/bytes/30000', 1)).toEqual([30_000])
  })
})
