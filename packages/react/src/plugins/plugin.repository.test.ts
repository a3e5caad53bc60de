import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ApiError } from '../api/ApiError.js'
import { configureRequests } from '../api/request.js'
import * as repository from './plugin.repository.js'

/** What the server was asked. */
interface Asked {
  method: string | undefined
  url: string | undefined
  body: unknown
  isClosed: Promise<void>
}

/** Plays the server: it keeps what it is asked, and answers with what is in here, or not at all. */
let answer: { status: number; body: unknown } | undefined
let asked: Asked[]
let told: ApiError[]
let server: Server
beforeAll(async () => {
  server = createServer(async (request, response) => {
    const isClosed = new Promise<void>((resolve) => response.once('close', resolve))
    asked.push({ method: request.method, url: request.url, body: await bodyOf(request), isClosed })
    if (!answer) return
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  configureRequests({ baseUrl: `http://127.0.0.1:${port}`, onError: (error) => told.push(error) })
})
beforeEach(() => {
  asked = []
  told = []
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const body = await text(request)
  if (body === '') return undefined
  return request.headers['content-type'] === 'application/json' ? JSON.parse(body) : body
}

const plugin = { key: 'any', displayName: 'Any', features: [] }
const installation = { id: 3, pluginKey: 'any', status: 'installed', configuration: null }
const workspace = { id: 5, is_active: true, created_at: '2026-01-01T00:00:00.000Z', connected_by: 1 }
const ofPlugin = { pluginKey: 'any' }

interface Row {
  name: string
  call: (signal: AbortSignal) => Promise<unknown>
  sends: string
  body?: unknown
  /** What the server answers, and what the function does of it. */
  data: unknown
  /** What the function answers, where it is not the same. */
  answers?: unknown
  isCancellable?: boolean
}

/** The functions of the seed, S98 to S110, in its order. */
const functions: Row[] = [
  {
    name: 'getAllPlugins',
    call: (signal) => repository.getAllPlugins({ category: 'security', signal, responseType: 'json' }),
    sends: 'GET /plugins/marketplace?category=security',
    data: [plugin],
    isCancellable: true,
  },
  {
    name: 'getPluginByKey',
    call: (signal) => repository.getPluginByKey({ key: 'any', signal, responseType: 'json' }),
    sends: 'GET /plugins/marketplace/any',
    data: plugin,
    isCancellable: true,
  },
  {
    name: 'searchPlugins',
    call: (signal) => repository.searchPlugins({ query: 'two words & more', signal, responseType: 'json' }),
    sends: 'GET /plugins/marketplace/search?q=two+words+%26+more',
    data: [plugin],
    isCancellable: true,
  },
  {
    name: 'installPlugin',
    call: () => repository.installPlugin(ofPlugin),
    sends: 'POST /plugins/install',
    body: { pluginKey: 'any' },
    data: installation,
  },
  {
    name: 'uninstallPlugin',
    call: () => repository.uninstallPlugin({ installationId: 3 }),
    sends: 'DELETE /plugins/installations/3',
    data: 'Plugin uninstalled successfully',
  },
  {
    name: 'getInstalledPlugins',
    call: (signal) => repository.getInstalledPlugins({ signal, responseType: 'json' }),
    sends: 'GET /plugins/installations',
    data: [{ ...installation, plugin }],
    isCancellable: true,
  },
  {
    name: 'getCategories',
    call: (signal) => repository.getCategories({ signal, responseType: 'json' }),
    sends: 'GET /plugins/categories',
    data: [{ id: 'security', name: 'Security', description: 'Keeps watch' }],
    isCancellable: true,
  },
  {
    name: 'updatePluginConfiguration',
    call: () => repository.updatePluginConfiguration({ installationId: 3, configuration: { url: 'u', retries: 2 } }),
    sends: 'PUT /plugins/installations/3/configuration',
    body: { configuration: { url: 'u', retries: 2 } },
    data: { ...installation, configuration: { url: 'u', retries: 2 } },
  },
  {
    name: 'testPluginConnection',
    call: () => repository.testPluginConnection({ ...ofPlugin, configuration: { url: 'u' } }),
    sends: 'POST /plugins/any/test-connection',
    body: { configuration: { url: 'u' } },
    data: { success: false, message: 'Nobody answers', steps: [{ name: 'connect', ok: false }] },
  },
  {
    name: 'connectOAuthWorkspace',
    call: () => repository.connectOAuthWorkspace({ ...ofPlugin, code: 'c', state: 's' }),
    sends: 'POST /plugins/any/oauth/connect',
    body: { code: 'c', state: 's' },
    data: workspace,
  },
  {
    name: 'getOAuthWorkspaces',
    call: (signal) => repository.getOAuthWorkspaces({ ...ofPlugin, signal }),
    sends: 'GET /plugins/any/oauth/workspaces',
    data: [workspace],
    isCancellable: true,
  },
  {
    name: 'updateOAuthWorkspace',
    call: () => repository.updateOAuthWorkspace({ ...ofPlugin, webhookId: 5, routing_type: ['a'], is_active: false }),
    sends: 'PATCH /plugins/any/oauth/workspaces/5',
    body: { routing_type: ['a'], is_active: false },
    data: { ...workspace, is_active: false },
  },
  {
    name: 'disconnectOAuthWorkspace',
    call: () => repository.disconnectOAuthWorkspace({ ...ofPlugin, webhookId: 5 }),
    sends: 'DELETE /plugins/any/oauth/workspaces/5',
    data: 'Disconnected',
    answers: undefined,
  },
]

const anySignal = () => new AbortController().signal

describe('a function of the seed', () => {
  it('is one of thirteen', () => {
    expect(functions).toHaveLength(13)
    expect(functions.map(({ name }) => name).filter((name) => !(name in repository))).toEqual([])
  })

  it.each(functions)('$name asks its endpoint and answers what is inside of the envelope', async (row) => {
    answer = { status: 200, body: { message: 'OK', data: row.data } }
    expect(await row.call(anySignal())).toEqual('answers' in row ? row.answers : row.data)
    expect(asked).toMatchObject([{ body: row.body }])
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([row.sends])
  })

  it.each(functions)('$name throws the sentence of the server with status, code and details', async ({ call }) => {
    const details = { problems: [{ field: '/url', message: 'Not an address' }] }
    answer = {
      status: 422,
      body: { message: 'Unprocessable', data: 'It was refused', code: 'REFUSED', requestId: 'r-1', details },
    }
    const error = await call(anySignal()).catch((failure: unknown) => failure)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ message: 'It was refused', status: 422, code: 'REFUSED', requestId: 'r-1', details })
    expect((error as ApiError).problems).toEqual(details.problems)
    expect(told).toEqual([error])
  })

  it.each(functions.filter(({ isCancellable }) => isCancellable))(
    '$name is given up when its signal says so, which is no failure',
    async ({ call }) => {
      answer = undefined
      const controller = new AbortController()
      const outcome = call(controller.signal).catch((failure: unknown) => failure)
      await expect.poll(() => asked.length).toBe(1)
      controller.abort()
      expect(await outcome).toMatchObject({ name: 'AbortError' })
      await asked[0]?.isClosed
      expect(told).toEqual([])
    },
  )

  it('may be given nothing at all, where everything is optional', async () => {
    answer = { status: 200, body: { data: [] } }
    expect(await repository.getInstalledPlugins()).toEqual([])
    expect(await repository.getCategories()).toEqual([])
    expect(await repository.getAllPlugins({})).toEqual([])
    expect(asked.at(-1)?.url).toBe('/plugins/marketplace')
  })
})

describe('what a function adds to the seed', () => {
  it.each<[string, () => Promise<unknown>, string, unknown]>([
    [
      'installs with some of the permissions',
      () => repository.installPlugin({ ...ofPlugin, permissions: ['a'] }),
      'POST /plugins/install',
      { pluginKey: 'any', permissions: ['a'] },
    ],
    [
      'keeps the data of what it uninstalls',
      () => repository.uninstallPlugin({ installationId: 3, data: 'keep' }),
      'DELETE /plugins/installations/3?data=keep',
      undefined,
    ],
    [
      'saves although the test fails',
      () => repository.updatePluginConfiguration({ installationId: 3, configuration: {}, force: true }),
      'PUT /plugins/installations/3/configuration?force=true',
      { configuration: {} },
    ],
    [
      'changes other settings of an account',
      () => repository.updateOAuthWorkspace({ ...ofPlugin, webhookId: 5, language: 'en' }),
      'PATCH /plugins/any/oauth/workspaces/5',
      { language: 'en' },
    ],
  ])('%s', async (_, call, sends, body) => {
    answer = { status: 200, body: { data: null } }
    await call()
    expect(asked.map(({ method, url }) => `${method} ${url}`)).toEqual([sends])
    expect(asked[0]?.body).toEqual(body)
  })

  const key = 'a/../b?c'
  it.each<[string, () => Promise<unknown>]>([
    ['getPluginByKey', () => repository.getPluginByKey({ key })],
    ['testPluginConnection', () => repository.testPluginConnection({ pluginKey: key, configuration: {} })],
    ['connectOAuthWorkspace', () => repository.connectOAuthWorkspace({ pluginKey: key, code: 'c' })],
    ['getOAuthWorkspaces', () => repository.getOAuthWorkspaces({ pluginKey: key })],
    ['updateOAuthWorkspace', () => repository.updateOAuthWorkspace({ pluginKey: key, webhookId: 5 })],
    ['disconnectOAuthWorkspace', () => repository.disconnectOAuthWorkspace({ pluginKey: key, webhookId: 5 })],
    ['startOAuth', () => repository.startOAuth({ pluginKey: key })],
  ])('%s takes a key as one part of the address, whatever is in it', async (_, call) => {
    answer = { status: 200, body: { data: null } }
    await call()
    expect(asked[0]?.url?.split('/')).toContain(encodeURIComponent(key))
  })
})

describe('without a server', () => {
  it('says so, in a sentence of its own', async () => {
    answer = { status: 200, body: {} }
    configureRequests({ baseUrl: 'http://127.0.0.1:1' })
    await expect(repository.getCategories()).rejects.toMatchObject({ status: 0, code: 'UNREACHABLE' })
  })
})
