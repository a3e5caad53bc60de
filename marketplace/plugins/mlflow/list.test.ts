import { readFileSync } from 'node:fs'
import type { RouteRequest } from '@tenon/sdk'
import { startMlflowStandin } from '@tenon/standins'
import { expect, it } from 'vitest'
import { contextOf, startTestApplication } from '../../testing/test-application'
import { install, router, syncModels } from './index'

interface Column {
  key: string
  type: string
}

function shownColumns(): Column[] {
  const manifest = JSON.parse(readFileSync(new URL('../../plugins.json', import.meta.url), 'utf8')) as {
    plugins: { key: string; contributes: { views?: { columns: Column[] }[] } }[]
  }
  return manifest.plugins.find(({ key }) => key === 'mlflow')?.contributes.views?.[0]?.columns ?? []
}

it('has every column that the manifest shows, with days that are days', async () => {
  const application = await startTestApplication()
  const server = await startMlflowStandin()
  try {
    const { tenantId } = application.one
    const context = contextOf(application, application.one)
    const configuration = { tracking_server_url: server.url, auth_method: 'none' }
    await install(1, tenantId, {}, context)
    await syncModels(tenantId, configuration, context)
    const declared = router['GET /models']
    const handler = typeof declared === 'function' ? declared : declared?.handler
    const answer = await handler?.({ ...context, configuration, query: {}, params: {} } as unknown as RouteRequest)
    const { models } = JSON.parse(JSON.stringify(answer?.data)) as { models: Record<string, string>[] }
    expect(models.length).toBeGreaterThan(0)
    for (const { key, type } of shownColumns()) {
      expect(models[0], key).toHaveProperty(key)
      if (type === 'date') for (const model of models) expect(Date.parse(model[key] ?? ''), key).not.toBeNaN()
    }
    expect(shownColumns().filter(({ type }) => type === 'date')).toHaveLength(2)
  } finally {
    await server.close()
    await application.close()
  }
})
