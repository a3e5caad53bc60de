import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin, type Who } from '../testing/host-in-test.js'

let it: HostInTest
let provider: Provider

/** The service where accounts are connected, as RFC 6749 describes it. */
interface Provider {
  url: string
  /** What it was asked to exchange. */
  exchanges: URLSearchParams[]
  /** What it was asked to revoke; while it is down, it answers with 503. */
  revocations: URLSearchParams[]
  isDown: boolean
  /** The accounts that codes stand for. */
  accounts: Record<string, { team: { id: string; name: string }; channel: string }>
  close(): void
}

const kinds = ['Membership and roles', 'Evidence and task alerts', 'Control or policy changes']

const chat: TestPlugin = {
  key: 'chat',
  entry: {
    contributes: {
      connections: [
        {
          id: 'workspace',
          kind: 'oauth2',
          provider: 'chat',
          scopes: ['post', 'join'],
          multiple: true,
          settings: {
            type: 'object',
            properties: { routing_type: { type: 'array', items: { enum: kinds }, default: kinds } },
          },
          response: {
            account: { id: '/team/id', name: '/team/name' },
            details: { team_name: '/team/name', channel: '/hook/channel', channel_id: '/hook/channel_id' },
            secrets: { webhook_url: '/hook/url' },
          },
          onConnect: 'joined',
        },
      ],
    },
  },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const joined = async (connection: any, context: any) => {
        const { accessToken, secrets } = await context.connections.open(connection.id)
        console.log(accessToken, secrets)
        context.log.info('joined ' + connection.details.channel + ' with ' + accessToken.length + ' ' + secrets.webhook_url.length)
      }
      export const router = {
        'GET /secrets': async ({ connections }: any) => ({ data: await Promise.all((await connections.list()).map(({ id }: any) => connections.open(id))) }),
        'GET /ways/:id': async ({ connections, params, fetch }: any) => {
          const id = Number(params.id)
          const ways = [connections.open(id), connections.secrets(id), fetch('https://chat.example/', { connection: id })]
          return { data: await Promise.all(ways.map((way) => way.then(() => 'given', ({ code }: any) => code))) }
        },
        'GET /of/:id': async ({ connections, params }: any) => ({ data: await connections.open(Number(params.id)) }),
      }`,
  },
}

beforeAll(async () => {
  provider = await startProvider()
  const grant = { clientId: 'client', clientSecret: 'canary-client-secret', audience: ['chat.example'] }
  it = await startHostInTest({
    publicUrl: 'https://app.example',
    grantable: {
      connections: {
        chat: {
          ...grant,
          authorizeUrl: 'https://chat.example/authorize?v=2',
          tokenUrl: `${provider.url}/token`,
          revokeUrl: `${provider.url}/revoke`,
        },
        greedy: { ...grant, authorizeUrl: 'https://chat.example/authorize', tokenUrl: `${provider.url}/token` },
        single: { ...grant, authorizeUrl: 'https://chat.example/authorize', tokenUrl: `${provider.url}/token` },
        unset: { ...grant, clientSecret: '', authorizeUrl: 'https://x.example', tokenUrl: `${provider.url}/token` },
      },
    },
  })
  await it.publish(chat, {
    key: 'unset',
    entry: { contributes: { connections: [{ id: 'w', kind: 'oauth2', provider: 'unset' }] } },
    files: chat.files,
  })
  for (const organizationId of [1, 2]) await it.api('POST', '/install', { pluginKey: 'chat' }, { organizationId })
})
afterAll(async () => {
  await it.close()
  provider.close()
})
beforeEach(async () => {
  await it.pool.query('DELETE FROM tenon.connections')
  provider.exchanges.length = 0
  provider.revocations.length = 0
})

const start = async (who: Who = {}): Promise<URL> => {
  const { content } = await it.api('POST', '/chat/oauth/start', {}, who)
  return new URL((content as { authorizeUrl: string }).authorizeUrl)
}
const stateOf = async (who?: Who): Promise<string> => (await start(who)).searchParams.get('state') ?? ''
const connect = (body: object, who?: Who) => it.api('POST', '/chat/oauth/connect', body, who)
const connected = async (code: string, who?: Who) => {
  const answer = await connect({ code, state: await stateOf(who) }, who)
  expect(answer).toMatchObject({ status: 201 })
  return answer.content as { id: number } & Record<string, unknown>
}
const workspaces = async (who?: Who) =>
  (await it.api('GET', '/chat/oauth/workspaces', undefined, who)).content as Record<string, unknown>[]

describe('tokens of what is not connected any more', () => {
  const revoked = () => provider.revocations.map((form) => form.get('token'))

  test('are taken back at the provider when an account is disconnected', async () => {
    const { id } = await connected('code-1')
    expect(await it.api('DELETE', `/chat/oauth/workspaces/${id}`)).toMatchObject({ status: 200 })
    expect(revoked()).toEqual(['canary-token-code-1'])
    expect(provider.revocations[0]?.get('client_secret')).toBe('canary-client-secret')
  })

  test('stay as long as anybody is connected to the same account', async () => {
    const [first, second] = [await connected('code-1'), await connected('code-2', { organizationId: 2 })]
    await it.api('DELETE', `/chat/oauth/workspaces/${first.id}`)
    expect(revoked()).toEqual([])
    await it.api('DELETE', `/chat/oauth/workspaces/${second.id}`, undefined, { organizationId: 2 })
    expect(revoked()).toEqual(['canary-token-code-2'])
  })

  test('are given up when the provider does not answer as it should, and the account is gone all the same', async () => {
    const { id } = await connected('code-1')
    provider.isDown = true
    expect(await it.api('DELETE', `/chat/oauth/workspaces/${id}`)).toMatchObject({ status: 200 })
    provider.isDown = false
    expect(await workspaces()).toEqual([])
    expect(it.log.join('')).toContain('"reason":"status 503"')
    expect(it.log.join('')).not.toContain('canary')
  })

  test('are taken back when the plugin is uninstalled, and when the organization is removed', async () => {
    await it.host.createTenant(3)
    await it.api('POST', '/install', { pluginKey: 'chat' }, { organizationId: 3 })
    await connected('code-other', { organizationId: 2 })
    await connected('code-1', { organizationId: 3 })
    await connected('code-2', { organizationId: 3 })
    const installed = (await it.api('GET', '/installations', undefined, { organizationId: 2 })).content as {
      id: number
    }[]
    await it.api('DELETE', `/installations/${installed[0]?.id}`, undefined, { organizationId: 2 })
    expect(revoked()).toEqual(['canary-token-code-other'])
    await it.host.removeTenant(3)
    expect(revoked().slice(1).sort()).toEqual(['canary-token-code-1', 'canary-token-code-2'])
    await it.api('POST', '/install', { pluginKey: 'chat' }, { organizationId: 2 })
  })
})

describe('a plugin that takes one account', () => {
  const declared = chat.entry?.['contributes'] as { connections: Record<string, unknown>[] }
  const connections = [{ ...declared.connections[0], multiple: false, onConnect: 'welcome' }]
  const post = (path: string, body: object) => it.api('POST', path, body)
  const connectWith = async (code: string) => {
    const { content } = await post('/single/oauth/start', {})
    const state = new URL((content as { authorizeUrl: string }).authorizeUrl).searchParams.get('state')
    return post('/single/oauth/connect', { code, state })
  }

  test('refuses a second one, renews the first, and is told by the handler that it declared', async () => {
    await it.publish({
      key: 'single',
      entry: { contributes: { connections } },
      files: {
        'index.ts': `
          import { definePlugin } from '@tenon/sdk'
          export default definePlugin({
            connections: { welcome: async (connection: any, context: any) => context.log.info('welcome ' + connection.account.name) },
          })`,
      },
    })
    expect(await post('/install', { pluginKey: 'single' })).toMatchObject({ status: 201 })
    expect(await connectWith('code-1')).toMatchObject({ status: 201 })
    expect(it.log.join('')).toContain('welcome Example')
    expect(await connectWith('code-1')).toMatchObject({ status: 201 })
    expect(await connectWith('code-other')).toMatchObject({ status: 409, body: { code: 'CONFLICT' } })
    expect((await it.api('GET', '/single/oauth/workspaces')).content).toHaveLength(1)
  })
})

describe('a plugin that points at tokens', () => {
  test('gets none of them into what is shown', async () => {
    const response = {
      account: { id: '/access_token', name: '/authed_user/access_token' },
      details: {
        all: '',
        team: '/team',
        token: '/access_token',
        of_user: '/authed_user/access_token',
        hook: '/hook/url',
        id: '/team/id',
      },
      secrets: { webhook_url: '/hook/url' },
    }
    const connections = [{ id: 'w', kind: 'oauth2', provider: 'greedy', response }]
    await it.publish({ key: 'greedy', entry: { contributes: { connections } }, files: chat.files ?? {} })
    expect(await it.api('POST', '/install', { pluginKey: 'greedy' })).toMatchObject({ status: 201 })
    const { content } = await it.api('POST', '/greedy/oauth/start', {})
    const state = new URL((content as { authorizeUrl: string }).authorizeUrl).searchParams.get('state')
    const answer = await it.api('POST', '/greedy/oauth/connect', { code: 'code-1', state })
    expect(answer).toMatchObject({ status: 201 })
    const { rows } = await it.pool.query('SELECT account_id, account_name, details FROM tenon.connections')
    expect(rows).toEqual([{ account_id: 'greedy', account_name: 'greedy', details: { id: 'T1' } }])
    expect(JSON.stringify([answer, await it.api('GET', '/greedy/oauth/workspaces')])).not.toContain('canary')
    const history = await it.pool.query("SELECT * FROM tenon.plugin_events WHERE plugin_key = 'greedy'")
    expect(JSON.stringify(history.rows)).not.toContain('canary')
  })
})

describe('the exchange of the code', () => {
  test('takes the client secret to no other address', async () => {
    const answer = await connect({ code: 'redirect', state: await stateOf() })
    expect(answer).toMatchObject({ status: 502, body: { code: 'OAUTH_EXCHANGE_FAILED' } })
    expect(provider.exchanges).toHaveLength(1)
  })

  test('reads an answer of up to 64 kB', async () => {
    const bytes = (count: number) => connectTo(`size-${count}`)
    const connectTo = async (code: string) => connect({ code, state: await stateOf() })
    expect(await bytes(65_536)).toMatchObject({ status: 201 })
    expect(await bytes(65_537)).toMatchObject({
      status: 502,
      body: { code: 'OAUTH_EXCHANGE_FAILED' },
    })
  })
})

describe('connecting an account', () => {
  test('sends the person to the service with everything but a secret', async () => {
    const url = await start()
    expect(url.origin + url.pathname).toBe('https://chat.example/authorize')
    expect(Object.fromEntries(url.searchParams)).toEqual({
      v: '2',
      response_type: 'code',
      client_id: 'client',
      scope: 'post join',
      redirect_uri: 'https://app.example/plugins/chat/manage',
      state: expect.stringMatching(/^[\w-]{43}$/) as string,
    })
  })

  test('exchanges the code, keeps the tokens sealed, shows what the plugin declared, and calls the plugin', async () => {
    const workspace = await connected('code-1')
    expect(Object.fromEntries(provider.exchanges[0] ?? [])).toEqual({
      grant_type: 'authorization_code',
      client_id: 'client',
      client_secret: 'canary-client-secret',
      code: 'code-1',
      redirect_uri: 'https://app.example/plugins/chat/manage',
    })
    expect(workspace).toEqual({
      id: expect.any(Number) as number,
      team_name: 'Example',
      channel: '#general',
      channel_id: 'C-#general',
      contribution_id: 'workspace',
      account_name: 'Example',
      is_active: true,
      routing_type: kinds,
      connected_by: 1,
      created_at: expect.stringMatching(/^\d{4}-/) as string,
    })
    expect(await workspaces()).toEqual([workspace])
    const { rows } = await it.pool.query('SELECT c::text FROM tenon.connections c')
    expect(JSON.stringify([workspace, rows, it.log])).not.toContain('canary')
    expect((await it.api('GET', '/chat/secrets')).content).toEqual([
      { accessToken: 'canary-token-code-1', secrets: { webhook_url: 'https://chat.example/canary-hook' } },
    ])
    await expect.poll(() => it.log.join()).toContain('joined #general with 19 32')
  })

  test('says which word the service refused the code with', async () => {
    const answer = await connect({ code: 'unheard-of', state: await stateOf() })
    expect(answer).toMatchObject({ status: 502, content: 'chat did not accept the sign-in: invalid_code' })
    expect(await workspaces()).toEqual([])
  })

  test('says what the operator has not set up', async () => {
    await it.api('POST', '/install', { pluginKey: 'unset' })
    expect(await it.api('POST', '/unset/oauth/start', {})).toMatchObject({
      status: 422,
      content: 'The operator has not set up unset here: the client secret is missing.',
    })
  })
})

describe('the state', () => {
  /** Refused before anything is asked of the service. */
  async function expectRefused(body: object, who?: Who) {
    const before = provider.exchanges.length
    expect(await connect(body, who)).toMatchObject({ status: 400, body: { code: 'OAUTH_STATE_INVALID' } })
    expect(provider.exchanges).toHaveLength(before)
  }

  test('is needed', async () => {
    expect(await connect({ code: 'code-1' })).toMatchObject({ status: 400, content: 'OAuth state is required' })
    await expectRefused({ code: 'code-1', state: 'made-up' })
  })

  test('works once', async () => {
    const state = await stateOf()
    const answers = await Promise.all([1, 2, 3].map(() => connect({ code: 'code-1', state })))
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400])
    await expectRefused({ code: 'code-1', state })
  })

  test('works for ten minutes', async () => {
    const [young, old] = [await stateOf(), await stateOf()]
    const age = (seconds: number) =>
      it.pool.query("UPDATE tenon.oauth_states SET expires_at = expires_at - $1 * interval '1 second'", [seconds])
    await age(590)
    expect((await connect({ code: 'code-1', state: young })).status).toBe(201)
    await age(11)
    await expectRefused({ code: 'code-1', state: old })
  })

  test('works only for the person, session, organization and plugin that began', async () => {
    const state = await stateOf()
    await expectRefused({ code: 'code-1', state }, { userId: 5 })
    await expectRefused({ code: 'code-1', state }, { sessionId: 'another' })
    await expectRefused({ code: 'code-1', state }, { organizationId: 2, userId: 1 })
    expect(await it.api('POST', '/unset/oauth/connect', { code: 'code-1', state })).toMatchObject({ status: 400 })
    // None of these attempts has used it up.
    expect((await connect({ code: 'code-1', state })).status).toBe(201)
  })
})

describe('connected accounts', () => {
  test('are as many as somebody connects; connecting one again renews it', async () => {
    const first = await connected('code-1')
    await connected('code-2')
    await it.api('PATCH', `/chat/oauth/workspaces/${first.id}`, { is_active: false, routing_type: [] })
    expect(await connected('code-1')).toMatchObject({ id: first.id, is_active: true, routing_type: [] })
    expect((await workspaces()).map(({ channel }) => channel)).toEqual(['#general', '#alerts'])
  })

  test('are routed, switched off and on, and disconnected', async () => {
    const { id } = await connected('code-1')
    const change = (body: object) => it.api('PATCH', `/chat/oauth/workspaces/${id}`, body)
    expect(await change({ routing_type: [kinds[1]] })).toMatchObject({
      status: 200,
      content: { id, is_active: true, routing_type: [kinds[1]] },
    })
    expect((await change({ is_active: false })).content).toMatchObject({ is_active: false, routing_type: [kinds[1]] })
    expect(await change({ routing_type: ['Gossip'] })).toMatchObject({ status: 422 })
    expect(await change({ is_active: 'yes' })).toMatchObject({ status: 400 })
    expect(await change({ access_token: 'x' })).toMatchObject({ status: 400 })
    expect(await workspaces()).toMatchObject([{ is_active: false, routing_type: [kinds[1]] }])
    const remove = () => it.api('DELETE', `/chat/oauth/workspaces/${id}`)
    expect(await remove()).toMatchObject({ status: 200, content: 'Workspace disconnected successfully' })
    expect(await remove()).toMatchObject({ status: 404, content: 'Connection not found' })
    expect(await change({ is_active: true })).toMatchObject({ status: 404 })
    expect(await workspaces()).toEqual([])
  })

  test('give no token to their plugin as long as they are switched off', async () => {
    const { id } = await connected('code-1')
    const change = (body: object) => it.api('PATCH', `/chat/oauth/workspaces/${id}`, body)
    const open = () => it.api('GET', `/chat/of/${id}`)
    expect(await open()).toMatchObject({ status: 200 })
    await change({ is_active: false })
    const sentence = 'Example is switched off for chat. An admin can switch it on among its connections.'
    // What the plugin did not catch is told as an error of the plugin.
    expect(await open()).toMatchObject({ status: 422, content: sentence })
    const { content: ways } = await it.api('GET', `/chat/ways/${id}`)
    expect(ways).toEqual(Array(3).fill('CONNECTION_SWITCHED_OFF'))
    await change({ is_active: true })
    expect(await open()).toMatchObject({ status: 200 })
    await change({ is_active: false })
    expect(await it.api('DELETE', `/chat/oauth/workspaces/${id}`)).toMatchObject({ status: 200 })
    expect(provider.revocations).toHaveLength(1)
  })

  test('are the organization’s: another admin manages what the first one connected', async () => {
    const { id } = await connected('code-1', { userId: 11 })
    const other = { userId: 12, sessionId: 'another session' }
    // Nothing asks whether the first admin is still there.
    expect(await workspaces(other)).toMatchObject([{ id, connected_by: 11, is_active: true }])
    const address = `/chat/oauth/workspaces/${id}`
    expect(await it.api('PATCH', address, { is_active: false }, other)).toMatchObject({ status: 200 })
    expect(await workspaces({ userId: 11 })).toMatchObject([{ id, is_active: false }])
    expect(await it.api('DELETE', address, undefined, other)).toMatchObject({ status: 200 })
    expect(await workspaces({ userId: 11 })).toEqual([])
  })

  test('are neither seen, changed, removed nor opened by another organization', async () => {
    const { id } = await connected('code-1')
    const stranger = { organizationId: 2 }
    expect(await workspaces(stranger)).toEqual([])
    const address = `/chat/oauth/workspaces/${id}`
    expect(await it.api('PATCH', address, { is_active: false }, stranger)).toMatchObject({ status: 404 })
    expect(await it.api('DELETE', address, undefined, stranger)).toMatchObject({ status: 404 })
    expect(await it.api('GET', `/chat/of/${id}`, undefined, stranger)).not.toMatchObject({ status: 200 })
    expect(await workspaces()).toMatchObject([{ id, is_active: true }])
  })

  test('are known where the installed plugins are listed, to their own organization', async () => {
    const listed = async (who?: Who) => {
      const { content } = await it.api('GET', '/installations', undefined, who)
      return (content as { pluginKey: string; connected?: boolean }[]).find(({ pluginKey }) => pluginKey === 'chat')
    }
    expect(await listed()).toMatchObject({ connected: false })
    const { id } = await connected('code-1')
    expect(await listed()).toMatchObject({ connected: true })
    expect(await listed({ organizationId: 2 })).toMatchObject({ connected: false })
    await it.api('DELETE', `/chat/oauth/workspaces/${id}`)
    expect(await listed()).toMatchObject({ connected: false })
  })

  test('go with the plugin', async () => {
    await connected('code-1', { organizationId: 2, userId: 21 })
    await connected('code-2', { organizationId: 2, userId: 22 })
    const { content } = await it.api('GET', '/installations', undefined, { organizationId: 2 })
    const [installation] = content as { id: number }[]
    await it.api('DELETE', `/installations/${installation?.id}`, undefined, { organizationId: 2 })
    expect((await it.pool.query('SELECT FROM tenon.connections WHERE organization_id = 2')).rowCount).toBe(0)
  })
})

async function startProvider(): Promise<Provider> {
  const team = { id: 'T1', name: 'Example' }
  const started: Provider = {
    url: '',
    exchanges: [],
    revocations: [],
    isDown: false,
    accounts: {
      'code-1': { team, channel: '#general' },
      'code-2': { team, channel: '#alerts' },
      'code-other': { team: { id: 'T2', name: 'Other' }, channel: '#x' },
    },
    close: () => undefined,
  }
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const form = new URLSearchParams(text)
      if (request.url === '/revoke') {
        started.revocations.push(form)
        response.writeHead(started.isDown ? 503 : 200, { 'content-type': 'application/json' }).end('{"ok":true}')
        return
      }
      started.exchanges.push(form)
      const code = form.get('code') ?? ''
      if (code === 'redirect') {
        response.writeHead(307, { location: `${started.url}/elsewhere` }).end()
        return
      }
      if (code.startsWith('size-')) {
        response.end('{"ok":true}'.padEnd(Number(code.slice('size-'.length))))
        return
      }
      const account = started.accounts[code]
      const answer = account
        ? {
            ok: true,
            access_token: `canary-token-${code}`,
            authed_user: { access_token: 'canary-token-of-user' },
            team: account.team,
            hook: {
              channel: account.channel,
              channel_id: `C-${account.channel}`,
              url: 'https://chat.example/canary-hook',
            },
          }
        : { ok: false, error: 'invalid_code' }
      response.setHeader('content-type', 'application/json').end(JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  started.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  started.close = () => {
    server.closeAllConnections()
    server.close()
  }
  return started
}
