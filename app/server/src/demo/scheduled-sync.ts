import { addModelVersion, addRegisteredModel } from '@tenon/standins'
import type { RunJson } from '@tenon/contract'
import type { ApiClient } from './api-client.js'
import { expect } from './expect.js'
import type { Report } from './report.js'
import type { Mlflow } from './surroundings.js'
import { waitFor } from './wait-for.js'

const action = 'quick-sync'
const newModel = 'churn-forecast'
/** The server looks every two seconds for what is due. */
const marginMs = 3_000

/** Plans a sync for the next full minute, and lets it happen while other things are done. */
export async function planSync(
  api: ApiClient,
  { mlflow, installationId }: { mlflow: Mlflow; installationId: number },
  report: Report,
): Promise<{ see(): Promise<void> }> {
  const at = nextMinute(Date.now() + marginMs)
  const cron = `${at.getUTCMinutes()} ${at.getUTCHours()} * * *`
  await api.call('PUT', `/api/plugins/installations/${installationId}/schedules/${action}`, { cron, timeZone: 'UTC' })
  addRegisteredModel(mlflow.state, { name: newModel })
  addModelVersion(mlflow.state, { name: newModel })
  report('Plan a sync', `daily at ${timeOf(at)} UTC, which is soon; meanwhile somebody registers ${newModel} in MLflow`)

  return {
    async see() {
      report.meanwhile?.(`waiting for ${timeOf(at)} UTC`)
      const timeoutMs = Math.max(0, at.getTime() - Date.now()) + 20_000
      const run = await waitFor('the planned sync', () => scheduledRun(api, installationId), { timeoutMs })
      expect(run.state === 'succeeded', `the planned sync ${run.state}: ${run.error?.message}`)
      const { total } = await api.call<{ total: number }>('GET', `/api/plugins/mlflow/models?filter.name=${newModel}`)
      expect(total > 0, `${newModel} was not found by the sync`)
      report(
        'See it run by itself',
        `started at ${run.startedAt?.slice(11, 19)} UTC by nobody; ${newModel} is in the list`,
      )
    },
  }
}

async function scheduledRun(api: ApiClient, installationId: number): Promise<RunJson | undefined> {
  const { items } = await api.call<{ items: RunJson[] }>(
    'GET',
    `/api/plugins/installations/${installationId}/runs?action=${action}`,
  )
  return items.find(({ trigger, finishedAt }) => trigger === 'schedule' && finishedAt !== null)
}

function nextMinute(after: number): Date {
  return new Date(Math.ceil(after / 60_000) * 60_000)
}

const timeOf = (at: Date): string => at.toISOString().slice(11, 16)
