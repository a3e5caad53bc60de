// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { Refusal, setStage } from '../testing/stage.js'
import { PluginRuns } from './PluginRuns.js'
import type { Run } from './run.repository.js'
import { aRun } from './testing/aRun.js'

const stage = setStage()

const plugin = { key: 'any', displayName: 'Any' } as Plugin
const installation = { id: 7, pluginKey: 'any', status: 'installed' } as PluginInstallation
const refused = new Refusal(500, { data: 'It broke.', code: 'INTERNAL', requestId: 'req-7' })

async function show(run: Run): Promise<void> {
  stage.answers = { 'GET /plugins/installations/7/runs': { items: [run], total: 1 } }
  stage.show(<PluginRuns plugin={plugin} installation={installation} may={() => true} />)
  await expect.poll(() => stage.page.textContent).toContain('Sync models')
}
const alerts = () => [...stage.page.querySelectorAll('[role="alert"]')].map(({ textContent }) => textContent)

describe('a run', () => {
  it('that could not be stopped says so with the request that failed', async () => {
    const run = aRun({ state: 'running' })
    await show(run)
    stage.answers[`POST /plugins/runs/${run.id}/cancel`] = refused
    stage.click('Cancel Sync models')
    await expect.poll(alerts).toEqual(['It broke.Request req-7'])
  })

  it('that could not be tried again says so with the request that failed', async () => {
    const run = aRun({ state: 'failed', restartable: true, error: null })
    await show(run)
    stage.answers[`POST /plugins/runs/${run.id}/retry`] = refused
    stage.click('Try again: Sync models')
    await expect.poll(alerts).toEqual(['It broke.Request req-7'])
  })
})
