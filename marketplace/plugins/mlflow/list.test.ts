import { readFileSync } from 'node:fs'
import type { RouteRequest } from '@tenon/sdk'
import { startMlflowStandin } from '@tenon/standins'
import { afterAll, beforeAll, expect, it } from 'vitest'
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

interface Model {
  id: number
  model_name: string
  version: string
  lifecycle_stage: string | null
  metrics: Record<string, number>
}

interface Groups {
  groups: { value: string | null; count: number }[]
  total: number
}

let application: Awaited<ReturnType<typeof startTestApplication>>
let server: Awaited<ReturnType<typeof startMlflowStandin>>
beforeAll(async () => {
  application = await startTestApplication()
  server = await startMlflowStandin()
  const context = contextOf(application, application.one)
  await install(1, application.one.tenantId, {}, context)
  await syncModels(application.one.tenantId, configuration(), context)
})
afterAll(async () => {
  await server.close()
  await application.close()
})

const configuration = () => ({ tracking_server_url: server.url, auth_method: 'none' })

async function ask<Answer>(route: string, { params = {}, query = {} } = {}): Promise<Answer> {
  const declared = router[route]
  const handler = typeof declared === 'function' ? declared : declared?.handler
  const context = contextOf(application, application.one)
  const request = { ...context, configuration: configuration(), query, params } as unknown as RouteRequest
  return JSON.parse(JSON.stringify((await handler?.(request))?.data)) as Answer
}

it('has every column that the manifest shows, with days that are days', async () => {
  const { models } = await ask<{ models: Record<string, string>[] }>('GET /models')
  expect(models.length).toBeGreaterThan(0)
  for (const { key, type } of shownColumns()) {
    expect(models[0], key).toHaveProperty(key)
    if (type === 'date') for (const model of models) expect(Date.parse(model[key] ?? ''), key).not.toBeNaN()
  }
  expect(shownColumns().filter(({ type }) => type === 'date')).toHaveLength(2)
})

it('has the versions of a model in their order, with their metrics, for the chart that the manifest declares', async () => {
  const { models } = await ask<{ models: Model[] }>('GET /models')
  const [one] = models
  const { versions } = await ask<{ versions: Model[] }>('GET /models/:id/versions', { params: { id: String(one?.id) } })
  const own = models.filter(({ model_name }) => model_name === one?.model_name)
  expect(versions.map(({ version }) => Number(version))).toEqual(
    own.map(({ version }) => Number(version)).sort((a, b) => a - b),
  )
  expect(own.length).toBeGreaterThan(1)
  expect(versions.some(({ metrics }) => typeof metrics.auc === 'number')).toBe(true)
  expect(await ask('GET /models/:id/versions', { params: { id: '0' } })).toBe('There is no such model.')
})

it('is divided into groups, each of which has exactly the rows that it counts', async () => {
  const { total } = await ask<{ total: number }>('GET /models')
  for (const by of ['lifecycle_stage', 'experiment_name', 'model_name']) {
    const { groups } = await ask<Groups>('GET /models/groups', { query: { by } })
    expect(groups.reduce((sum, { count }) => sum + count, 0)).toBe(total)
    for (const { value, count } of groups) {
      const query = { [`group.${by}`]: value ?? '', pageSize: '1' }
      expect(await ask('GET /models', { query }), `${by} ${value}`).toMatchObject({ total: count })
    }
  }
})

it('pages the groups, of what fits the filters', async () => {
  const query = { by: 'model_name', page: '2', pageSize: '3' }
  const all = await ask<Groups>('GET /models/groups', { query: { by: 'model_name' } })
  expect(await ask('GET /models/groups', { query })).toEqual({ groups: all.groups.slice(3, 6), total: all.total })
  const [first] = all.groups
  const filtered = await ask('GET /models/groups', {
    query: { ...query, page: '1', 'filter.model_name': first?.value },
  })
  expect(filtered).toMatchObject({ groups: [first] })
  expect(await ask('GET /models/groups', { query: { by: 'metrics; DROP TABLE risks' } })).toBe(
    'The models cannot be grouped by that.',
  )
})
