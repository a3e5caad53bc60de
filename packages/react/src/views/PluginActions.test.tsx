// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import type { Plugin } from '../plugins/types.js'
import type { Schedule } from '../runs/run.repository.js'
import { Refusal, setStage } from '../testing/stage.js'
import { type ActionOutcome, PluginActions } from './PluginActions.js'

const stage = setStage()

const plugin = { key: 'registry', name: 'registry' } as Plugin
const action = { id: 'sync', title: 'Sync', route: 'POST /sync', description: 'Reads all', schedule: '0 3 * * *' }
const planned: Schedule = {
  action: 'sync',
  title: 'Sync',
  cron: '0 3 * * *',
  timeZone: 'UTC',
  enabled: true,
  isCustom: false,
  proposed: '0 3 * * *',
  nextRunAt: null,
  lastRunAt: null,
}
const schedules = 'GET /plugins/installations/7/schedules'

/** Somebody comes to the button by keyboard, when all is known. */
async function showFocused(schedule?: Partial<Schedule>, { hasTime = true } = {}) {
  stage.answers = {
    'GET /plugins/installations': [{ id: 7, pluginKey: 'registry', status: 'installed' }],
    'GET /plugins/installations/7/runs': { items: [], total: 0 },
    ...(schedule ? { [schedules]: [{ ...planned, ...schedule }] } : {}),
  }
  const { schedule: proposed, ...rest } = action
  const shown = { ...rest, ...(hasTime ? { schedule: proposed } : {}) } as never
  stage.show(<PluginActions plugin={plugin} actions={[shown]} may={() => true} onOutcome={() => undefined} />)
  await expect.poll(() => stage.asked).toContain(schedules)
  await expect.poll(() => stage.client.isFetching()).toBe(0)
  stage.named('Sync').focus()
}
const hint = () => document.querySelector('[role="tooltip"]')?.textContent

describe('the hint of an action', () => {
  it('says when it runs by itself', async () => {
    await showFocused({})
    await expect.poll(hint).toBe('Reads all. Also runs by itself every day at 03:00 UTC.')
  })

  it('follows what an admin chose', async () => {
    const chosen = { cron: '30 6 * * 1', timeZone: 'Europe/Berlin', isCustom: true }
    await showFocused(chosen)
    await expect.poll(hint).toBe('Reads all. Also runs by itself every Monday at 06:30 Europe/Berlin.')
  })

  it('says nothing of times for an action that was switched off, or runs only by hand', async () => {
    await showFocused({ enabled: false })
    await expect.poll(hint).toBe('Reads all')
  })

  it('says nothing of times while they are not known', async () => {
    await showFocused()
    await expect.poll(hint).toBe('Reads all')
  })

  it('has the times that an admin gave to an action for which its plugin proposes none', async () => {
    const given = { cron: '0 * * * *', isCustom: true, proposed: null }
    await showFocused(given, { hasTime: false })
    await expect.poll(hint).toBe('Reads all. Also runs by itself every hour.')
  })
})

describe('an action that could not be begun', () => {
  it('is told with the request that failed, for who has to ask for help', async () => {
    const told: ActionOutcome[] = []
    stage.answers = {
      'GET /plugins/installations': [{ id: 7, pluginKey: 'registry', status: 'installed' }],
      'GET /plugins/installations/7/runs': { items: [], total: 0 },
      [schedules]: [],
      'POST /plugins/registry/sync': new Refusal(500, { data: 'It broke.', code: 'INTERNAL', requestId: 'req-1' }),
    }
    const tell = (outcome: ActionOutcome) => void told.push(outcome)
    stage.show(<PluginActions plugin={plugin} actions={[action as never]} may={() => true} onOutcome={tell} />)
    stage.click('Sync')
    await expect
      .poll(() => told)
      .toMatchObject([{ title: 'Sync', message: 'It broke.', success: false, error: { requestId: 'req-1' } }])
  })
})
