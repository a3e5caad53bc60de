import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { createCrashSupervisor } from './crash-supervisor.js'
import { silentLog } from './fixtures/plugin-under-test.js'

const plugin = { tenantId: 'a4ayc80OGd', pluginKey: 'crasher' }
const hour = 60 * 60_000
const limits = { crashWindowMs: 24 * hour, crashPauseMs: hour, maxCrashes: 100, backoffMs: 500 }

function crashed(times: number, more: Partial<typeof limits> = {}) {
  const supervisor = createCrashSupervisor({ limits: { ...limits, ...more }, log: silentLog })
  for (let crash = 0; crash < times; crash++) supervisor.noticeCrash(plugin, 'digest')
  return supervisor
}

describe('the wait before a restart', () => {
  it('is doubled with each crash', () => {
    const waits = [1, 2, 3].map((times) => crashed(times).stateOf(plugin).restartAfter - Date.now())
    for (const [index, wait] of waits.entries()) {
      expect(wait).toBeLessThanOrEqual(500 * 2 ** index)
      expect(wait).toBeGreaterThan(500 * 2 ** index - 400)
    }
  })

  it('is never longer than a pause, however many crashes the operator allows', () => {
    const { restartAfter } = crashed(99).stateOf(plugin)
    expect(restartAfter).toBeLessThanOrEqual(Date.now() + hour)
    expect(restartAfter).toBeGreaterThan(Date.now() + hour - 10_000)
  })

  it('is waited for also when it is longer than a timer can be', async () => {
    const waiting = crashed(99, { crashPauseMs: 1_000 * hour }).backoff(plugin)
    expect(await Promise.race([waiting, sleep(50, 'waits', { ref: false })])).toBe('waits')
  })
})
