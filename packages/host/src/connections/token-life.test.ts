import { createHash } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { serverTls, testAuthority } from '../egress/fixtures/certificates.js'
import { parseHostMap } from '../egress/index.js'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from '../testing/host-in-test.js'

/** A service that ends its tokens and renews them (RFC 6749, 6), and takes proof keys (RFC 7636). */
interface Provider {
  url: string
  requests: URLSearchParams[]
  /** What the token address answers to a renewal instead of tokens. */
  refusal: { status: number; error: string } | undefined
  /** A renewal is answered when this has come to its end. */
  until: Promise<unknown>
  /** Who signs in. */
  account: { id: string; name: string }
  expiresIn: number
  server: Server
}

/** Where the tokens are for. */
interface Api {
  /** The one token that it takes. */
  accepted: string
  seen: { authorization: string | undefined; own: unknown; body: string }[]
  /** Whom the requests were for, by their own words. */
  named: { tls: unknown; http: string | undefined }[]
  server: Server
}

let provider: Provider
let api: Api
let it: HostInTest
let two: Replica

const mail: TestPlugin = {
  key: 'mail',
  entry: {
    contributes: {
      connections: [
        {
          id: 'inbox',
          kind: 'oauth2',
          provider: 'mail',
          multiple: true,
          response: { account: { id: '/account/id', name: '/account/name' } },
        },
      ],
      actions: [{ id: 'sync', title: 'Sync', route: 'POST /sync' }],
    },
  },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const router = {
        'POST /open': async ({ connections, body }: any) => {
          const opened = await Promise.all(Array.from({ length: body.times }, () => connections.open(body.id)))
          return { data: [...new Set(opened.map(({ accessToken }) => accessToken))] }
        },
        'POST /ask': async ({ fetch, body }: any) => {
          const answer = await fetch(body.url ?? 'https://service.example/inbox', {
            connection: body.id, method: 'POST', body: 'hello', headers: { 'x-own': 'yes', ...body.headers },
          })
          return { data: { status: answer.status, said: await answer.text() } }
        },
        'POST /why': async ({ connections }: any) => {
          try { return { data: await connections.list() } }
          catch ({ message, code }: any) { return { data: { message, code } } }
        },
        'POST /report': async ({ connections, body }: any) => {
          const { accessToken } = body.leak ? await connections.open(body.id) : {}
          await connections.report(body.id, body.leak ? 'Refused: ' + accessToken : body.problem)
          return { data: await connections.list() }
        },
        'POST /sync': async ({ connections }: any) => {
          const [{ id }] = await connections.list()
          await connections.open(id)
          return { data: { success: true } }
        },
      }`,
  },
}

beforeAll(async () => {
  provider = await startProvider()
  const grant = {
    clientId: 'client',
    clientSecret: 'canary-client-secret',
    audience: ['service.example'],
    authorizeUrl: 'https://mail.example/authorize',
    tokenUrl: `${provider.url}/token`,
    pkce: true,
  }
  api = await startApi()
  const { port } = api.server.address() as AddressInfo
  it = await startHostInTest({
    publicUrl: 'https://app.example',
    grantable: { connections: { mail: grant } },
    egress: { hostMap: parseHostMap(`service.example:443=127.0.0.1:${port}`), extraCa: [testAuthority()] },
  })
  await it.publish(mail)
  expect(await it.api('POST', '/install', { pluginKey: 'mail' })).toMatchObject({ status: 201 })
  two = await it.startReplica()
})
afterAll(async () => {
  await two.close()
  await it.close()
  for (const { server } of [provider, api]) {
    server.closeAllConnections()
    server.close()
  }
})
beforeEach(async () => {
  await it.pool.query('DELETE FROM tenon.connections; DELETE FROM tenon.outbox; DELETE FROM tenon.plugin_runs')
  Object.assign(provider, {
    refusal: undefined,
    until: Promise.resolve(),
    account: { id: 'A', name: 'ada@example' },
    expiresIn: 3_600,
  })
  provider.requests.length = 0
  api.seen.length = 0
  api.accepted = 'token-1'
})

const start = async (body: object = {}) => {
  const answer = await it.api('POST', '/mail/oauth/start', body)
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 })
  return new URL((answer.content as { authorizeUrl: string }).authorizeUrl)
}
const signIn = async (body: object = {}) => {
  const state = (await start(body)).searchParams.get('state')
  return it.api('POST', '/mail/oauth/connect', { code: 'code', state })
}
const connected = async () => {
  const answer = await signIn()
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
  return (answer.content as { id: number }).id
}
const expire = (when: string) => it.pool.query('UPDATE tenon.connections SET expires_at = now() + $1::interval', [when])
const open = (id: number, times = 1, replica: Replica = it) => replica.api('POST', '/mail/open', { id, times })
const renewals = () => provider.requests.filter((form) => form.get('grant_type') === 'refresh_token')

describe('a sign-in', () => {
  test('is proved with a key that never went through the browser, where the operator says so', async () => {
    const url = await start()
    expect(url.searchParams.get('code_challenge_method')).toBe('S256')
    const state = url.searchParams.get('state') ?? ''
    expect(await it.api('POST', '/mail/oauth/connect', { code: 'code', state })).toMatchObject({ status: 201 })
    const verifier = provider.requests[0]?.get('code_verifier') ?? ''
    expect(verifier).toMatch(/^[\w-]{43}$/)
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    expect(challenge).toBe(url.searchParams.get('code_challenge'))
    expect(url.href).not.toContain(verifier)
  })

  test('again is of the same account, and keeps the connection', async () => {
    const id = await connected()
    provider.account = { id: 'B', name: 'eve@example' }
    expect(await signIn({ reconnect: id })).toMatchObject({
      status: 409,
      content:
        'You signed in as eve@example, but this connection is to ada@example. Sign in there, or connect the other account as a new one.',
    })
    provider.account = { id: 'A', name: 'ada@new.example' }
    expect(await signIn({ reconnect: id })).toMatchObject({ status: 201, content: { id } })
    const { rows } = await it.pool.query('SELECT id, account_name FROM tenon.connections')
    expect(rows).toEqual([{ id, account_name: 'ada@new.example' }])
    expect(await it.api('POST', '/mail/oauth/start', { reconnect: id + 1 })).toMatchObject({ status: 404 })
  })
})

describe('what the host itself could not do', () => {
  test('is told to a plugin without the words of the database', async () => {
    await it.pool.query('ALTER TABLE tenon.connections RENAME TO elsewhere')
    const answer = await it.api('POST', '/mail/why')
    await it.pool.query('ALTER TABLE tenon.elsewhere RENAME TO connections')
    expect(answer.content).toMatchObject({ code: 'INTERNAL' })
    expect(JSON.stringify(answer.body)).not.toMatch(/relation|connections/)
  })
})

describe('an access token', () => {
  test('that has ended is renewed once, for 100 calls at the same moment on two servers', async () => {
    const id = await connected()
    await expire('-1 minute')
    const answers = await Promise.all([open(id, 50), open(id, 50, two)])
    expect(renewals()).toHaveLength(1)
    expect(answers.map(({ content }) => content)).toEqual([['token-2'], ['token-2']])
    expect(renewals()[0]?.get('refresh_token')).toBe('refresh-1')
    // The service sent another refresh token, which is what counts from now on.
    await expire('-1 minute')
    expect((await open(id)).content).toEqual(['token-3'])
    expect(renewals()[1]?.get('refresh_token')).toBe('refresh-2')
  })

  test('is renewed a minute before its end, and not earlier', async () => {
    const id = await connected()
    await expire('61 seconds')
    expect((await open(id)).content).toEqual(['token-1'])
    await expire('55 seconds')
    expect((await open(id)).content).toEqual(['token-2'])
  })

  test('is used to its end while the service is away, and no person is bothered', async () => {
    const id = await connected()
    provider.refusal = { status: 503, error: 'server_error' }
    await expire('30 seconds')
    expect((await open(id)).content).toEqual(['token-1'])
    await expire('-1 second')
    expect((await open(id)).status).toBe(422)
    provider.refusal = undefined
    expect((await open(id)).content).toEqual(['token-2'])
    expect((await it.api('GET', '/alerts')).content).toEqual([])
  })

  test('that the service will not renew needs a person, who is told once', async () => {
    const id = await connected()
    provider.refusal = { status: 400, error: 'invalid_grant' }
    await expire('-1 second')
    const sentence = 'mail no longer accepts the sign-in of ada@example. An admin has to connect it again.'
    expect((await open(id)).content).toBe(sentence)
    await open(id, 5)
    expect(renewals()).toHaveLength(1)
    expect((await it.api('GET', '/mail/oauth/workspaces')).content).toMatchObject([{ id, needs_reauth: true }])
    expect((await it.api('GET', '/alerts')).content).toMatchObject([
      { pluginKey: 'mail', subject: { kind: 'connection', connectionId: id, account: 'ada@example' } },
    ])
    const { rows } = await it.pool.query(`SELECT payload FROM tenon.outbox WHERE name = 'plugin.failing'`)
    expect(rows).toMatchObject([{ payload: { pluginKey: 'mail', connection: { id, account: 'ada@example' } } }])

    const run = await it.api('POST', '/mail/sync')
    expect(run.content).toBe(sentence)
    await vi.waitFor(async () => {
      const runs = await it.pool.query('SELECT failure FROM tenon.plugin_runs')
      expect(runs.rows).toMatchObject([
        {
          failure: {
            kind: 'configuration',
            nextStep: 'Open the connections of the plugin and sign in to the service again.',
          },
        },
      ])
    })

    provider.refusal = undefined
    expect(await signIn({ reconnect: id })).toMatchObject({ status: 201 })
    expect((await open(id)).status).toBe(200)
    expect((await it.api('GET', '/alerts')).content).toEqual([])
  })

  test.each([
    ['refuses', { status: 400, error: 'invalid_grant' }],
    ['renews', undefined],
  ])(
    'of a person who signs in again stays, also when the service %s the old one after that',
    async (_what, refusal) => {
      const id = await connected()
      await expire('-1 second')
      let answer = () => {}
      const until = new Promise<void>((resolve) => (answer = resolve))
      Object.assign(provider, { refusal, until })
      const opening = open(id)
      await vi.waitFor(() => expect(renewals()).toHaveLength(1))
      expect(await signIn({ reconnect: id })).toMatchObject({ status: 201 })
      const tokens = 'SELECT sealed_tokens, expires_at, needs_reauth_since FROM tenon.connections'
      const { rows } = await it.pool.query(tokens)
      answer()
      expect((await opening).content).toEqual(['token-1'])
      expect((await it.pool.query(tokens)).rows).toEqual(rows)
      expect((await it.api('GET', '/alerts')).content).toEqual([])
      expect((await open(id)).content).toEqual(['token-1'])
    },
  )

  test('is renewed by another server when the one that began to do so has died', async () => {
    const id = await connected()
    await expire('-1 second')
    await it.pool.query(`UPDATE tenon.connections SET refreshing_until = now() + interval '300 milliseconds'`)
    expect((await open(id, 1, two)).content).toEqual(['token-2'])
  })

  test('stays sealed, and so does what renews it', async () => {
    const id = await connected()
    await expire('-1 second')
    await open(id)
    const { rows } = await it.pool.query('SELECT c::text FROM tenon.connections c')
    const shown = [rows, (await it.api('GET', '/mail/oauth/workspaces')).body, it.log]
    expect(JSON.stringify(shown)).not.toMatch(/(token|refresh)-\d|canary/)
  })
})

describe('what a plugin says of a connection', () => {
  const report = (id: number, problem: unknown, more: object = {}) =>
    it.api('POST', '/mail/report', { id, problem, ...more })
  const announced = async () =>
    (await it.pool.query(`SELECT name, payload FROM tenon.outbox WHERE name LIKE 'plugin.%' ORDER BY id`)).rows
  const listed = async () => (await it.api('GET', '/mail/oauth/workspaces')).content
  const alerts = async () => (await it.api('GET', '/alerts')).content

  test('is shown and told once, however often it is said, until it works again', async () => {
    const id = await connected()
    await Promise.all([report(id, 'The inbox is full.'), report(id, 'The inbox is full.')])
    expect((await report(id, 'The inbox is closed.')).content).toMatchObject([{ id, problem: 'The inbox is closed.' }])
    const since = expect.any(String) as string
    expect(await listed()).toMatchObject([{ id, problem: 'The inbox is closed.', problem_since: since }])
    expect(await alerts()).toMatchObject([
      {
        pluginKey: 'mail',
        subject: { kind: 'connection', connectionId: id },
        error: { kind: 'configuration', message: 'ada@example: The inbox is closed.' },
      },
    ])
    const connection = { id, account: 'ada@example', provider: 'mail' }
    expect(await announced()).toMatchObject([
      { name: 'plugin.failing', payload: { pluginKey: 'mail', connection, error: { message: 'The inbox is full.' } } },
    ])
    const [works] = (await report(id, null)).content as object[]
    await report(id, null)
    for (const [shown] of [[works], (await listed()) as object[]]) expect(shown).not.toHaveProperty('problem')
    expect(await alerts()).toEqual([])
    expect((await announced()).map(({ name }: { name: string }) => name)).toEqual([
      'plugin.failing',
      'plugin.recovered',
    ])
  })

  test('ends when the account is connected again, and bothers nobody while it is switched off', async () => {
    const id = await connected()
    await report(id, 'The inbox is full.')
    await it.api('PATCH', `/mail/oauth/workspaces/${id}`, { is_active: false })
    expect(await alerts()).toEqual([])
    await it.api('PATCH', `/mail/oauth/workspaces/${id}`, { is_active: true })
    expect(await alerts()).toHaveLength(1)
    for (const again of [{ reconnect: id }, {}]) {
      await report(id, 'The inbox is full.')
      expect(await signIn(again)).toMatchObject({ status: 201 })
      expect(await alerts()).toEqual([])
      expect(JSON.stringify(await listed())).not.toContain('full')
    }
  })

  test('is a sentence of text without secrets, and of its own connection', async () => {
    const id = await connected()
    await report(id, `${'x'.repeat(600)}`)
    expect(await listed()).toMatchObject([{ problem: 'x'.repeat(500) }])
    expect((await report(id, '', { leak: true })).status).toBe(200)
    expect(await listed()).toMatchObject([{ problem: 'Refused: [hidden]' }])
    for (const nothing of ['', ' \0', 7, {}]) expect((await report(id, nothing)).status).toBe(422)
    expect((await report(id + 1, 'Not mine.')).status).toBe(422)
    await it.pool.query('UPDATE tenon.connections SET organization_id = 2')
    expect((await report(id, 'Not mine.')).status).toBe(422)
    const { rows } = await it.pool.query('SELECT problem FROM tenon.connections')
    expect(rows).toEqual([{ problem: 'Refused: [hidden]' }])
  })
})

describe('a request with a connection', () => {
  const ask = async (id: number, url?: string) => it.api('POST', '/mail/ask', { id, url })

  test('carries a token that the plugin never sees, to the hosts that the operator named and to no other', async () => {
    const id = await connected()
    expect((await ask(id)).content).toEqual({ status: 200, said: 'you said hello' })
    expect(api.seen).toEqual([{ authorization: 'Bearer token-1', own: 'yes', body: 'hello' }])
    for (const url of [
      'https://elsewhere.example/',
      'http://service.example/',
      'https://service.example.evil.example/',
    ])
      expect((await ask(id, url)).content).toContain('sending a token to')
    expect(api.seen).toHaveLength(1)
  })

  test('names no other host to the server of that host', async () => {
    const id = await connected()
    const headers = { Host: 'other.example', authorization: 'Bearer of-the-plugin' }
    const { content } = await it.api('POST', '/mail/ask', { id, headers })
    expect(content).toEqual({ status: 200, said: 'you said hello' })
    expect(api.named.at(-1)).toEqual({ tls: 'service.example', http: 'service.example' })
  })

  test('is sent once more with another token when the service has ended this one early', async () => {
    const id = await connected()
    api.accepted = 'token-2'
    expect((await ask(id)).content).toEqual({ status: 200, said: 'you said hello' })
    expect(api.seen.map(({ authorization, body }) => [authorization, body])).toEqual([
      ['Bearer token-1', 'hello'],
      ['Bearer token-2', 'hello'],
    ])
    // One that is refused with every token is the plugin's to look at.
    api.accepted = 'none'
    expect((await ask(id)).content).toMatchObject({ status: 401 })
    expect(renewals()).toHaveLength(2)
  })
})

async function startApi(): Promise<Api> {
  const made: Api = {
    accepted: 'token-1',
    seen: [],
    named: [],
    server: createHttpsServer(serverTls(), (request, response) => {
      let body = ''
      request.on('data', (chunk: Buffer) => (body += chunk.toString()))
      request.on('end', () => {
        const { authorization, 'x-own': own } = request.headers
        made.seen.push({ authorization, own, body })
        made.named.push({
          tls: (request.socket as TLSSocket & { servername: unknown }).servername,
          http: request.headers.host,
        })
        const isAccepted = authorization === `Bearer ${made.accepted}`
        response.writeHead(isAccepted ? 200 : 401).end(isAccepted ? `you said ${body}` : 'no')
      })
    }),
  }
  await new Promise<void>((resolve) => made.server.listen(0, '127.0.0.1', resolve))
  return made
}

async function startProvider(): Promise<Provider> {
  let issued = 0
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const form = new URLSearchParams(text)
      made.requests.push(form)
      const isRenewal = form.get('grant_type') === 'refresh_token'
      const { refusal, until, account, expiresIn } = made
      const answer = (status: number, body: object) =>
        response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
      if (isRenewal && refusal) return void until.then(() => answer(refusal.status, { error: refusal.error }))
      issued = isRenewal ? issued + 1 : 1
      // Slow enough for everybody to be waiting.
      const tokens = { access_token: `token-${issued}`, refresh_token: `refresh-${issued}` }
      const slowly = isRenewal ? until : Promise.resolve()
      void slowly.then(() => setTimeout(() => answer(200, { ...tokens, expires_in: expiresIn, account }), 50))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const account = { id: 'A', name: 'ada@example' }
  const until = Promise.resolve()
  const made: Provider = { url, requests: [], refusal: undefined, until, account, expiresIn: 3_600, server }
  return made
}
