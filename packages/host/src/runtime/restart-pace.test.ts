import { expect, it } from 'vitest'
import { createRestartPace } from './restart-pace.js'

const tenants = Array.from({ length: 20 }, (_, number) => `tenant${number}`)
const pluginsOf = (tenantId: string, count: number) =>
  Array.from({ length: count }, (_, number) => ({ tenantId, pluginKey: `plugin${number}` }))

it('serves two hundred that wait at once, one in each gap, and tenants in turns', async () => {
  const pace = createRestartPace({ gapMs: 5, maxWaitMs: 20_000 })
  const all = tenants.flatMap((tenantId) => pluginsOf(tenantId, 10))
  all.forEach((plugin) => pace.noticeBadEnd(plugin))
  const served: string[] = []
  const before = performance.now()
  await Promise.all(
    all.map(async (plugin) => {
      await pace.turn(plugin)
      served.push(plugin.tenantId)
    }),
  )
  expect(served).toHaveLength(all.length)
  // A timer may fire a millisecond early.
  expect(performance.now() - before).toBeGreaterThanOrEqual((all.length - 1) * 4)
  for (let round = 0; round < 10; round++) {
    const inRound = served.slice(round * tenants.length, (round + 1) * tenants.length)
    // The very first is served when nobody else has come yet, so its tenant is last in each round after that.
    expect(new Set(inRound).size).toBeGreaterThanOrEqual(tenants.length - 1)
  }
})

it('refuses those whose turn does not come in time, and goes on with the others', async () => {
  const pace = createRestartPace({ gapMs: 50, maxWaitMs: 120 })
  const [mallory, alice] = [pluginsOf('mallory', 50), pluginsOf('alice', 1)]
  const all = [...mallory, ...alice]
  all.forEach((plugin) => pace.noticeBadEnd(plugin))
  const outcomes = await Promise.allSettled(all.map((plugin) => pace.turn(plugin)))
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(refused.map(({ reason }) => (reason as { code: string }).code)).toEqual(
    Array(refused.length).fill('PLUGIN_OVERLOADED'),
  )
  expect(refused.length).toBeGreaterThan(40)
  // One plugin of somebody else does not wait behind fifty.
  expect(outcomes.at(-1)).toMatchObject({ status: 'fulfilled' })
  await pace.turn({ tenantId: 'alice', pluginKey: 'other' })
})
