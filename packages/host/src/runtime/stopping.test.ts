import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { functionCall, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import { createRuntime, type PluginTarget, type Runtime, type RuntimeLimits } from './index.js'

/** Its top-level code never ends where the operator's environment says so. */
const plugin = targetOf(`
if (process.env.SPIN) while (true) {}
exports.install = () => ({})
exports.born = Math.random()
exports.work = (ms) => new Promise((resolve) => setTimeout(resolve, ms, exports.born))
`)
const spinning: PluginTarget = { ...plugin, tenantId: 'another', environment: { SPIN: '1' } }

let runtime: Runtime
afterEach(() => runtime.stop({ drainMs: 0 }))
const start = (limits: Partial<RuntimeLimits> = {}) => {
  runtime = createRuntime({ log: silentLog, limits: { warmRunners: 0, ...limits } })
}
const work = (ms: number, { target = plugin, isInForce = (): boolean => true } = {}) =>
  runtime.call(target, { ...functionCall('work', [ms]), isInForce })
const running = () => runtime.status().processes.length
const inFlight = () => runtime.status().processes.map(({ callsInFlight }) => callsInFlight)

describe('stopping what runs of a plugin', () => {
  it('does not wait for a process whose plugin is still being loaded, and ends that one as well', async () => {
    start({ loadMs: 60_000 })
    const long = work(60_000)
    long.catch(() => undefined)
    await work(1)
    const loading = work(1, { target: spinning })
    loading.catch(() => undefined)
    await sleep(600)
    await runtime.stopMatching({ digest: plugin.artifact.digest }, { kind: 'stopped', text: 'it is blocked' })
    await expect(long).rejects.toMatchObject({ code: 'PLUGIN_RESTARTED' })
    await expect(loading).rejects.toMatchObject({ code: 'PLUGIN_RESTARTED' })
    expect(running()).toBe(0)
  })

  it('lets what waits for its turn begin only if that is still wanted', async () => {
    start({ maxCallsPerPlugin: 1 })
    let isWanted = true
    const isInForce = () => isWanted
    const long = work(60_000, { isInForce })
    const waiting = [work(1, { isInForce }), work(1, { isInForce })]
    for (const one of [long, ...waiting]) one.catch(() => undefined)
    const calling = () => runtime.healthOf(plugin.tenantId, plugin.pluginKey).calling
    await expect.poll(() => [calling(), inFlight()]).toMatchObject([{ running: 1, waiting: 2 }, [1]])
    isWanted = false
    await runtime.stopPlugin(plugin.tenantId, plugin.pluginKey)
    for (const one of [long, ...waiting]) await expect(one).rejects.toMatchObject({ code: 'PLUGIN_RESTARTED' })
    expect(running()).toBe(0)
    isWanted = true
    expect(await work(1, { isInForce })).toEqual(expect.any(Number))
  })

  it('ends only what holds what is no longer granted', async () => {
    start()
    const earlier = { ...plugin, grants: 'a b' }
    const long = work(60_000, { target: earlier })
    const first = await work(1, { target: earlier })
    const later = work(1_500, { target: { ...plugin, grants: 'a' } })
    await expect.poll(inFlight).toEqual([1, 1])
    await runtime.stopMatching(
      { tenantId: plugin.tenantId, grants: 'a b' },
      { kind: 'stopped', text: 'it held what is no longer granted' },
    )
    await expect(long).rejects.toMatchObject({ code: 'PLUGIN_RESTARTED' })
    expect(await later).not.toBe(first)
  })
})
