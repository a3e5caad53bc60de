import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { ApiError } from '../api/ApiError.js'
import { configureRequests } from '../api/request.js'
import * as repository from './plugin.repository.js'

let server: Server
const asked: string[] = []
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    const refused = request.url?.endsWith('/nothing')
    response.writeHead(refused ? 404 : 200, { 'content-type': 'application/json' })
    const refusal = { message: 'Not Found', data: 'Plugin not found', code: 'PLUGIN_NOT_FOUND', requestId: 'r-1' }
    response.end(JSON.stringify(refused ? refusal : { message: 'OK', data: [] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  configureRequests({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

it('has the thirteen functions of the seed, each at its endpoint', async () => {
  const plugin = { pluginKey: 'any' }
  await repository.getAllPlugins({ category: 'security' })
  await repository.getPluginByKey({ key: 'any' })
  await repository.searchPlugins({ query: 'two words' })
  await repository.installPlugin(plugin)
  await repository.uninstallPlugin({ installationId: 3 })
  await repository.getInstalledPlugins()
  await repository.getCategories()
  await repository.updatePluginConfiguration({ installationId: 3, configuration: {} })
  await repository.testPluginConnection({ ...plugin, configuration: {} })
  await repository.connectOAuthWorkspace({ ...plugin, code: 'c', state: 's' })
  await repository.getOAuthWorkspaces(plugin)
  await repository.updateOAuthWorkspace({ ...plugin, webhookId: 5, is_active: false })
  await repository.disconnectOAuthWorkspace({ ...plugin, webhookId: 5 })
  expect(asked).toEqual([
    'GET /plugins/marketplace?category=security',
    'GET /plugins/marketplace/any',
    'GET /plugins/marketplace/search?q=two+words',
    'POST /plugins/install',
    'DELETE /plugins/installations/3',
    'GET /plugins/installations',
    'GET /plugins/categories',
    'PUT /plugins/installations/3/configuration',
    'POST /plugins/any/test-connection',
    'POST /plugins/any/oauth/connect',
    'GET /plugins/any/oauth/workspaces',
    'PATCH /plugins/any/oauth/workspaces/5',
    'DELETE /plugins/any/oauth/workspaces/5',
  ])
})

it('throws the sentence of the server, with its code and the id of the request', async () => {
  const failure = await repository.getPluginByKey({ key: 'nothing' }).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(ApiError)
  expect(failure).toMatchObject({
    message: 'Plugin not found',
    status: 404,
    code: 'PLUGIN_NOT_FOUND',
    requestId: 'r-1',
  })
})
