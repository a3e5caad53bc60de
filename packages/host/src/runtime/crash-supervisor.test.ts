import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
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
  beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }))
  afterEach(() => void vi.useRealTimers())

  it('is doubled with each crash', () => {
    const waits = [1, 2, 3].map((times) => crashed(times).stateOf(plugin).restartAfter - Date.now())
    expect(waits).toEqual([500, 1_000, 2_000])
  })

  it('is never longer than a pause, however many crashes the operator allows', () => {
    expect(crashed(99).stateOf(plugin).restartAfter - Date.now()).toBe(hour)
  })

  it('is waited for also when it is longer than a timer can be', async () => {
    const waiting = crashed(99, { crashPauseMs: 1_000 * hour }).backoff(plugin)
    expect(await Promise.race([waiting, sleep(50, 'waits', { ref: false })])).toBe('waits')
  })
})
