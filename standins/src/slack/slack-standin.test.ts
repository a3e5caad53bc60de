import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request as httpsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { startSlackStandin, type SlackStandin, type SlackStandinOptions } from './slack-standin.js'

const APP = { clientId: '1234.5678', clientSecret: 'top-secret' }
const REDIRECT_URI = 'http://127.0.0.1:3000/plugins/slack/manage'
const SCOPES = 'incoming-webhook,chat:write,channels:join'
const running: SlackStandin[] = []

afterEach(async () => {
  await Promise.all(running.splice(0).map((standin) => standin.close()))
})

async function start(options: Partial<SlackStandinOptions> = {}): Promise<SlackStandin> {
  const standin = await startSlackStandin({ ...APP, ...options })
  running.push(standin)
  return standin
}

function authorizeUrl({ url }: SlackStandin, more: Record<string, string> = {}): string {
  const parameters = { client_id: APP.clientId, scope: SCOPES, redirect_uri: REDIRECT_URI, state: 'a state&', ...more }
  return `${url}/oauth/v2/authorize?${new URLSearchParams(parameters)}`
}

/** Where Slack sends the browser back to. */
async function decide(standin: SlackStandin, more: Record<string, string> = {}): Promise<URLSearchParams> {
  const response = await fetch(authorizeUrl(standin, { auto: '1', ...more }), { redirect: 'manual' })
  return new URL(response.headers.get('location') ?? '').searchParams
}

interface Access {
  ok: boolean
  error?: string
  access_token: string
  refresh_token: string
  bot_user_id: string
  scope: string
  team: { id: string; name: string }
  authed_user: { id: string; access_token?: string; scope?: string }
  incoming_webhook: { url: string; channel: string; channel_id: string; configuration_url: string }
}

async function exchange({ url }: SlackStandin, more: Record<string, string> = {}): Promise<Access> {
  const form = { client_id: APP.clientId, client_secret: APP.clientSecret, redirect_uri: REDIRECT_URI, ...more }
  const response = await fetch(`${url}/api/oauth.v2.access`, { method: 'POST', body: new URLSearchParams(form) })
  expect(response.status).toBe(200)
  return (await response.json()) as Access
}

async function connect(standin: SlackStandin, more: Record<string, string> = {}): Promise<Access> {
  const code = (await decide(standin, more)).get('code') ?? ''
  return exchange(standin, { code })
}

async function call(
  { url }: SlackStandin,
  method: string,
  token: string | undefined,
  given: Record<string, unknown> = {},
): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) }
  const response = await fetch(`${url}/api/${method}`, { method: 'POST', headers, body: JSON.stringify(given) })
  expect(response.status).toBe(200)
  return (await response.json()) as Record<string, unknown>
}

async function postToWebhook(url: string, payload: unknown): Promise<[number, string]> {
  const body = typeof payload === 'string' ? payload : JSON.stringify(payload)
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  return [response.status, await response.text()]
}

describe('tokens that end', () => {
  const renew = (standin: SlackStandin, refresh_token: string) =>
    exchange(standin, { grant_type: 'refresh_token', refresh_token })

  it('are renewed with a token that is good once', async () => {
    const standin = await start({ tokenLifetimeSeconds: 43_200 })
    const first = await connect(standin)
    expect(first).toMatchObject({ ok: true, expires_in: 43_200, refresh_token: expect.stringMatching(/^xoxe-1-/) })
    expect(first.access_token).toMatch(/^xoxe\.xoxb-1-/)
    const second = await renew(standin, first.refresh_token)
    expect(second).toMatchObject({ ok: true, team: first.team, expires_in: 43_200 })
    expect(second.access_token).not.toBe(first.access_token)
    expect(await call(standin, 'auth.test', second.access_token)).toMatchObject({ ok: true })
    expect(await renew(standin, first.refresh_token)).toEqual({ ok: false, error: 'invalid_refresh_token' })
  })

  it('are refused when they have ended', async () => {
    const standin = await start({ tokenLifetimeSeconds: 0 })
    const { access_token } = await connect(standin)
    expect(await call(standin, 'auth.test', access_token)).toEqual({ ok: false, error: 'token_expired' })
  })

  it('are not renewed for an app that was removed', async () => {
    const standin = await start({ tokenLifetimeSeconds: 43_200 })
    const { refresh_token } = await connect(standin)
    await fetch(`${standin.url}/inbox/remove-app`, { method: 'POST' })
    expect(await renew(standin, refresh_token)).toEqual({ ok: false, error: 'invalid_refresh_token' })
  })

  it('are those of an app that asked for it alone', async () => {
    expect(await connect(await start())).not.toHaveProperty('refresh_token')
  })
})

describe('the consent page', () => {
  it('names the app, what it asks for and the channels, with a label for each choice', async () => {
    const standin = await start({ appName: 'Tenon' })
    const response = await fetch(authorizeUrl(standin, { user_scope: 'channels:write' }))
    const text = await response.text()
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(text).toContain('<title>Tenon asks for access to Slack</title>')
    expect(text).toContain('<label for="channel">Where should Tenon post?</label>')
    expect(text).toMatch(/<option value="C\w+">Example Company: #general<\/option>/)
    expect(text).toMatch(/<option value="C\w+">Example Labs: #general<\/option>/)
    expect(text).toContain('<code>channels:write</code> in your name')
  })

  it('escapes what it was given', async () => {
    const text = await (await fetch(authorizeUrl(await start(), { state: '"><script>alert(1)</script>' }))).text()
    expect(text).not.toContain('<script>alert')
    expect(text).toContain('value="&quot;&gt;&lt;script&gt;')
  })

  it('asks for a workspace when there is no webhook to place', async () => {
    const text = await (await fetch(authorizeUrl(await start(), { scope: 'chat:write' }))).text()
    expect(text).toContain('<label for="team">Workspace</label>')
    expect(text).not.toContain('id="channel"')
  })

  it('sends the person back with a code and the state after Allow, and with an error after Cancel', async () => {
    const standin = await start()
    const channel = standin.workspaces[1]?.channels[1]?.id ?? ''
    const press = async (decision: string): Promise<URLSearchParams> => {
      const { search } = new URL(authorizeUrl(standin))
      const body = new URLSearchParams([...new URLSearchParams(search), ['channel', channel], ['decision', decision]])
      const url = `${standin.url}/oauth/v2/authorize`
      const response = await fetch(url, { method: 'POST', body, redirect: 'manual' })
      expect(response.status).toBe(302)
      const location = response.headers.get('location') ?? ''
      expect(location.startsWith(REDIRECT_URI)).toBe(true)
      return new URL(location).searchParams
    }
    const allowed = await press('allow')
    expect(allowed.get('state')).toBe('a state&')
    const access = await exchange(standin, { code: allowed.get('code') ?? '' })
    expect(access).toMatchObject({ team: { name: 'Example Labs' }, incoming_webhook: { channel: '#research' } })
    expect(Object.fromEntries(await press('cancel'))).toEqual({ error: 'access_denied', state: 'a state&' })
  })

  it.each([
    ['invalid_client_id', { client_id: 'somebody' }],
    ['bad_redirect_uri', { redirect_uri: 'nowhere' }],
    ['bad_redirect_uri', { redirect_uri: 'http://127.0.0.1:3000.example/plugins/' }],
    ['invalid_scope', { scope: '' }],
  ])('shows %s instead of sending the person anywhere', async (error, parameters) => {
    const standin = await start({ redirectUris: ['http://127.0.0.1:3000/plugins/'] })
    const response = await fetch(authorizeUrl(standin, parameters), { redirect: 'manual' })
    expect(response.status).toBe(400)
    expect(await response.text()).toContain(error)
  })
})

describe('oauth.v2.access', () => {
  it('gives tokens, the workspace and a webhook', async () => {
    const standin = await start()
    const access = await connect(standin, { channel: 'risk-alerts', user_scope: 'channels:write' })
    const [workspace] = standin.workspaces
    const channelId = workspace?.channels.find(({ name }) => name === 'risk-alerts')?.id
    expect(access).toEqual({
      ok: true,
      app_id: expect.stringMatching(/^A0\w+$/),
      authed_user: {
        id: workspace?.userId,
        scope: 'channels:write',
        access_token: expect.stringMatching(/^xoxp-/),
        token_type: 'user',
      },
      scope: SCOPES,
      token_type: 'bot',
      access_token: expect.stringMatching(/^xoxb-\d+-\d+-\w{24}$/),
      bot_user_id: expect.stringMatching(/^U0\w+$/),
      team: { id: workspace?.id, name: 'Example Company' },
      enterprise: null,
      is_enterprise_install: false,
      incoming_webhook: {
        channel: '#risk-alerts',
        channel_id: channelId,
        configuration_url: expect.stringMatching(/^https:\/\/example-company\.slack\.com\/services\/B0\w+$/),
        url: expect.stringMatching(new RegExp(`^${standin.url}/services/T0\\w+/B0\\w+/\\w{24}$`)),
      },
    })
  })

  it('gives no user token and no webhook that were not asked for', async () => {
    const access = await connect(await start(), { scope: 'chat:write' })
    expect(access.authed_user).toEqual({ id: expect.any(String) })
    expect(access).not.toHaveProperty('incoming_webhook')
  })

  it('takes the client credentials as basic authentication too', async () => {
    const standin = await start()
    const code = (await decide(standin)).get('code') ?? ''
    const response = await fetch(`${standin.url}/api/oauth.v2.access`, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`${APP.clientId}:${APP.clientSecret}`).toString('base64')}` },
      body: new URLSearchParams({ code, redirect_uri: REDIRECT_URI }),
    })
    expect(await response.json()).toMatchObject({ ok: true })
  })

  it('puts webhooks below the base that it was told', async () => {
    const standin = await start({ publicWebhookBase: 'https://hooks.slack.com' })
    expect((await connect(standin)).incoming_webhook.url).toMatch(/^https:\/\/hooks\.slack\.com\/services\/T/)
  })

  it.each([
    ['invalid_client_id', { client_id: 'x' }],
    ['bad_client_secret', { client_secret: 'x' }],
    ['invalid_code', { code: 'x' }],
    ['bad_redirect_uri', { redirect_uri: 'http://127.0.0.1:3000/other' }],
  ])('refuses with %s and leaves the code good', async (error, wrong) => {
    const standin = await start()
    const code = (await decide(standin)).get('code') ?? ''
    expect(await exchange(standin, { code, ...wrong })).toEqual({ ok: false, error })
    expect(await exchange(standin, { code })).toMatchObject({ ok: true })
  })

  it('takes a code once', async () => {
    const standin = await start()
    const code = (await decide(standin)).get('code') ?? ''
    await exchange(standin, { code })
    expect(await exchange(standin, { code })).toEqual({ ok: false, error: 'code_already_used' })
  })

  it('does not take a code that is too old', async () => {
    const standin = await start({ codeLifetimeMs: 10 })
    const code = (await decide(standin)).get('code') ?? ''
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(await exchange(standin, { code })).toEqual({ ok: false, error: 'invalid_code' })
  })
})

describe('a stand-in with a memory', () => {
  it('knows after a restart what was connected, what was taken back, and nothing else', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slack-standin-'))
    const memory = { memoryFile: join(directory, 'memory.json'), publicWebhookBase: 'https://hooks.slack.com' }
    const restart = async () => {
      await Promise.all(running.splice(0).map((standin) => standin.close()))
      return start(memory)
    }
    const hookOf = (standin: SlackStandin, { incoming_webhook: { url } }: Access) =>
      postToWebhook(url.replace('https://hooks.slack.com', standin.url), { text: 'Hello' })
    try {
      const before = await start(memory)
      const [kept, removed, revoked] = [await connect(before), await connect(before), await connect(before)]
      await call(before, 'apps.uninstall', removed.access_token, {
        client_id: APP.clientId,
        client_secret: APP.clientSecret,
      })
      await call(before, 'auth.revoke', revoked.access_token)

      const after = await restart()
      expect(await call(after, 'auth.test', kept.access_token)).toMatchObject({ ok: true, team: 'Example Company' })
      expect(await hookOf(after, kept)).toEqual([200, 'ok'])
      expect(after.inbox().at(-1)).toMatchObject({ teamName: 'Example Company', channelName: 'general' })
      expect(await hookOf(after, removed)).toEqual([404, 'no_service'])
      expect(await call(after, 'auth.test', revoked.access_token)).toMatchObject({ error: 'token_revoked' })
      expect(await call(await start(), 'auth.test', kept.access_token)).toMatchObject({ error: 'invalid_auth' })
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('says which file it cannot read', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'slack-standin-'))
    const memoryFile = join(directory, 'memory.json')
    await writeFile(memoryFile, '{"installed":')
    await expect(start({ memoryFile })).rejects.toThrow(`${memoryFile} cannot be read. Delete it`)
    await rm(directory, { recursive: true })
  })
})

describe('the Web API', () => {
  it('says who a token belongs to', async () => {
    const standin = await start()
    const access = await connect(standin)
    expect(await call(standin, 'auth.test', access.access_token)).toMatchObject({
      ok: true,
      team: 'Example Company',
      team_id: access.team.id,
      user_id: access.bot_user_id,
    })
  })

  it('refuses without a token, with a foreign one and with a revoked one', async () => {
    const standin = await start()
    const { access_token: token } = await connect(standin)
    expect(await call(standin, 'auth.test', undefined)).toEqual({ ok: false, error: 'not_authed' })
    expect(await call(standin, 'auth.test', 'xoxb-1')).toEqual({ ok: false, error: 'invalid_auth' })
    expect(await call(standin, 'auth.revoke', token, { test: true })).toEqual({ ok: true, revoked: false })
    expect(await call(standin, 'auth.revoke', token)).toEqual({ ok: true, revoked: true })
    expect(await call(standin, 'auth.test', token)).toEqual({ ok: false, error: 'token_revoked' })
  })

  it('does not know a method that it does not play', async () => {
    const answer = await call(await start(), 'users.list', 'x')
    expect(answer).toEqual({ ok: false, error: 'unknown_method', req_method: 'users.list' })
  })

  it('says which scope is missing', async () => {
    const standin = await start()
    const { access_token: token } = await connect(standin, { scope: 'incoming-webhook' })
    expect(await call(standin, 'chat.postMessage', token, { channel: 'general', text: 'x' })).toEqual({
      ok: false,
      error: 'missing_scope',
      needed: 'chat:write',
      provided: 'incoming-webhook',
    })
  })

  it('lets a bot join a public channel, and then post in it', async () => {
    const standin = await start()
    const { access_token: token } = await connect(standin)
    const channel = standin.workspaces[0]?.channels[1]?.id
    const post = (): Promise<Record<string, unknown>> =>
      call(standin, 'chat.postMessage', token, { channel, text: 'hello' })
    expect(await post()).toEqual({ ok: false, error: 'not_in_channel' })
    expect(await call(standin, 'conversations.join', token, { channel })).toMatchObject({
      ok: true,
      channel: { id: channel, is_member: true },
    })
    expect(await call(standin, 'conversations.join', token, { channel })).toMatchObject({
      ok: true,
      warning: 'already_in_channel',
    })
    expect(await post()).toMatchObject({ ok: true, channel, message: { text: 'hello' } })
    expect(standin.inbox()).toMatchObject([{ via: 'chat.postMessage', channelName: 'ai-governance', text: 'hello' }])
    expect(JSON.stringify(standin.inbox())).not.toContain(token)
  })

  it('lets the person invite the bot into a private channel that the bot cannot see', async () => {
    const standin = await start()
    const access = await connect(standin, { channel: 'leadership', user_scope: 'groups:write' })
    const { channel_id: channel } = access.incoming_webhook
    const invite = (users: string): Promise<Record<string, unknown>> =>
      call(standin, 'conversations.invite', access.authed_user.access_token, { channel, users })
    const joined = await call(standin, 'conversations.join', access.access_token, { channel })
    expect(joined).toEqual({ ok: false, error: 'channel_not_found' })
    expect(await invite(access.bot_user_id)).toMatchObject({ ok: true, channel: { id: channel, is_private: true } })
    expect(await invite(access.bot_user_id)).toMatchObject({ ok: false, error: 'already_in_channel' })
    expect(await invite('U0NOBODY')).toMatchObject({ ok: false, error: 'user_not_found' })
    expect(await invite(access.authed_user.id)).toMatchObject({ ok: false, error: 'cant_invite_self' })
    expect(await invite('')).toMatchObject({ ok: false, error: 'no_user' })
  })

  it('does not find a channel that is not there and does not join one that is archived', async () => {
    const standin = await start({ workspaces: [{ name: 'W', channels: ['a', { name: 'old', archived: true }] }] })
    const { access_token: token } = await connect(standin)
    const join = (channel: string): Promise<Record<string, unknown>> =>
      call(standin, 'conversations.join', token, { channel })
    expect(await join('C0NOTHING')).toEqual({ ok: false, error: 'channel_not_found' })
    expect(await join(standin.workspaces[0]?.channels[1]?.id ?? '')).toEqual({ ok: false, error: 'is_archived' })
  })

  it('ends tokens and webhook when the app is uninstalled', async () => {
    const standin = await start()
    const { access_token: token, incoming_webhook: webhook } = await connect(standin)
    const { clientId: client_id, clientSecret: client_secret } = APP
    expect(await call(standin, 'apps.uninstall', token, { client_id, client_secret })).toEqual({ ok: true })
    expect(await call(standin, 'auth.test', token)).toEqual({ ok: false, error: 'token_revoked' })
    expect(await postToWebhook(webhook.url, { text: 'x' })).toEqual([404, 'no_service'])
  })

  it('asks to slow down', async () => {
    const standin = await start()
    standin.failNext({ path: 'conversations.join', status: 429, headers: { 'retry-after': '30' } })
    const response = await fetch(`${standin.url}/api/conversations.join`, { method: 'POST' })
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('30')
    expect(await response.json()).toEqual({ ok: false, error: 'ratelimited' })
  })
})

describe('an incoming webhook', () => {
  it('puts a message into its channel', async () => {
    const standin = await start()
    const { incoming_webhook: webhook, team } = await connect(standin, { channel: 'risk-alerts' })
    const payload = { text: 'A *risk* was added', blocks: [{ type: 'divider' }] }
    expect(await postToWebhook(webhook.url, payload)).toEqual([200, 'ok'])
    expect(standin.inbox()).toMatchObject([
      { via: 'webhook', teamId: team.id, channelName: 'risk-alerts', text: 'A *risk* was added', payload },
    ])
  })

  it('takes a form with a payload', async () => {
    const standin = await start()
    const { incoming_webhook: webhook } = await connect(standin)
    const body = new URLSearchParams({ payload: '{"text":"from a form"}' })
    expect((await fetch(webhook.url, { method: 'POST', body })).status).toBe(200)
    expect(standin.inbox()).toMatchObject([{ text: 'from a form' }])
  })

  it('refuses what is no message, and addresses that are not right', async () => {
    const standin = await start()
    const { url } = (await connect(standin)).incoming_webhook
    expect(await postToWebhook(url, '{"text":')).toEqual([400, 'invalid_payload'])
    expect(await postToWebhook(url, '"text"')).toEqual([400, 'invalid_payload'])
    expect(await postToWebhook(url, { text: '' })).toEqual([400, 'no_text'])
    expect(await postToWebhook(url.replace(/\w+$/, 'guessed'), { text: 'x' })).toEqual([403, 'invalid_token'])
    expect(await postToWebhook(url.replace(/B\w+/, 'B0NOTHING'), { text: 'x' })).toEqual([404, 'no_service'])
    expect(standin.inbox()).toEqual([])
  })

  it('refuses once its channel is archived, and once it is gone', async () => {
    const standin = await start()
    const { incoming_webhook: webhook } = await connect(standin)
    const [workspace] = standin.workspaces
    const channel = workspace?.channels.find(({ id }) => id === webhook.channel_id)
    if (!workspace || !channel) throw new Error('The channel of the webhook is missing')
    channel.isArchived = true
    expect(await postToWebhook(webhook.url, { text: 'x' })).toEqual([410, 'channel_is_archived'])
    workspace.channels = []
    expect(await postToWebhook(webhook.url, { text: 'x' })).toEqual([404, 'channel_not_found'])
  })

  it('gives every installation a webhook of its own', async () => {
    const standin = await start()
    const [one, other] = [await connect(standin), await connect(standin, { channel: 'risk-alerts' })]
    expect(one.incoming_webhook.url).not.toBe(other.incoming_webhook.url)
    await postToWebhook(other.incoming_webhook.url, { text: 'x' })
    expect(standin.inbox()).toMatchObject([{ channelName: 'risk-alerts' }])
  })

  it('fails on demand in plain text', async () => {
    const standin = await start()
    const { url } = (await connect(standin)).incoming_webhook
    standin.failNext({ path: /^\/services\//, status: 429 })
    expect(await postToWebhook(url, { text: 'x' })).toEqual([429, 'rate_limited'])
    expect(await postToWebhook(url, { text: 'x' })).toEqual([200, 'ok'])
  })
})

describe('blocks', () => {
  const text = (of: string) => ({ type: 'plain_text', text: of })
  const rich = (...elements: unknown[]) => ({ type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] })

  const good: unknown[] = [
    { type: 'divider', block_id: 'x'.repeat(255) },
    { type: 'header', text: { ...text('x'.repeat(150)), emoji: false } },
    { type: 'section', text: { type: 'mrkdwn', text: 'x'.repeat(3_000), verbatim: true } },
    { type: 'section', fields: Array.from({ length: 10 }, () => text('x'.repeat(2_000))) },
    { type: 'context', elements: Array.from({ length: 10 }, () => text('x')) },
    rich(
      { type: 'text', text: '*as it is*', style: { bold: true, italic: false } },
      { type: 'broadcast', range: 'here' },
    ),
    { type: 'rich_text', elements: [{ type: 'rich_text_quote', elements: [{ type: 'text', text: '\n' }] }] },
    { type: 'actions', elements: [] },
  ]

  const bad: [string, unknown, string][] = [
    ['no object', 'section', '/blocks/0'],
    ['an unknown type', { type: 'sektion' }, '/blocks/0/type'],
    ['a long id', { type: 'divider', block_id: 'x'.repeat(256) }, '/blocks/0/block_id'],
    ['a field that there is not', { type: 'divider', text: text('x') }, '/blocks/0/text'],
    ['a long header', { type: 'header', text: text('x'.repeat(151)) }, '/blocks/0/text/text'],
    ['a header with markup', { type: 'header', text: { type: 'mrkdwn', text: 'x' } }, '/blocks/0/text/type'],
    ['a section without text', { type: 'section' }, '/blocks/0'],
    ['a section with an empty text', { type: 'section', text: text('') }, '/blocks/0/text/text'],
    ['a long section', { type: 'section', text: text('x'.repeat(3_001)) }, '/blocks/0/text/text'],
    ['a long field', { type: 'section', fields: [text('x'.repeat(2_001))] }, '/blocks/0/fields/0/text'],
    ['many fields', { type: 'section', fields: Array.from({ length: 11 }, () => text('x')) }, '/blocks/0/fields'],
    ['verbatim plain text', { type: 'section', text: { ...text('x'), verbatim: true } }, '/blocks/0/text/verbatim'],
    ['a context of nothing', { type: 'context', elements: [] }, '/blocks/0/elements'],
    [
      'a context of much',
      { type: 'context', elements: Array.from({ length: 11 }, () => text('x')) },
      '/blocks/0/elements',
    ],
    ['a rich text of nothing', { type: 'rich_text', elements: [] }, '/blocks/0/elements'],
    ['a rich text of texts', { type: 'rich_text', elements: [text('x')] }, '/blocks/0/elements/0/type'],
    ['an empty part of a rich text', rich(), '/blocks/0/elements/0/elements'],
    ['an empty text in a rich text', rich({ type: 'text', text: '' }), '/blocks/0/elements/0/elements/0/text'],
    ['an unknown part of a rich text', rich({ type: 'texd', text: 'x' }), '/blocks/0/elements/0/elements/0/type'],
    [
      'an unknown style',
      rich({ type: 'text', text: 'x', style: { bald: true } }),
      '/blocks/0/elements/0/elements/0/style/bald',
    ],
    [
      'a style that is no choice',
      rich({ type: 'text', text: 'x', style: { bold: 'yes' } }),
      '/blocks/0/elements/0/elements/0/style/bold',
    ],
  ]

  it('are taken as Slack takes them', async () => {
    const standin = await start()
    const { access_token: token, incoming_webhook: webhook } = await connect(standin)
    expect(await postToWebhook(webhook.url, { text: 'x', blocks: good })).toEqual([200, 'ok'])
    await call(standin, 'conversations.join', token, { channel: webhook.channel_id })
    const posted = { channel: webhook.channel_id, text: 'x', blocks: good }
    expect(await call(standin, 'chat.postMessage', token, posted)).toMatchObject({ ok: true })
  })

  it.each(bad)('of %s are refused, with the place', async (_what, block, place) => {
    const standin = await start()
    const { access_token: token, incoming_webhook: webhook } = await connect(standin)
    await call(standin, 'conversations.join', token, { channel: webhook.channel_id })
    const message = { text: 'x', blocks: [block] }
    expect(await postToWebhook(webhook.url, message)).toEqual([400, 'invalid_blocks'])
    expect(await call(standin, 'chat.postMessage', token, { channel: webhook.channel_id, ...message })).toMatchObject({
      ok: false,
      error: 'invalid_blocks',
      errors: [expect.stringMatching(new RegExp(`\\[json-pointer:${place}\\]$`))],
    })
    expect(standin.inbox()).toEqual([])
  })

  it('are at most 50, and a list', async () => {
    const standin = await start()
    const { url } = (await connect(standin)).incoming_webhook
    const dividers = (count: number) => Array.from({ length: count }, () => ({ type: 'divider' }))
    expect(await postToWebhook(url, { text: 'x', blocks: dividers(50) })).toEqual([200, 'ok'])
    expect(await postToWebhook(url, { text: 'x', blocks: dividers(51) })).toEqual([400, 'invalid_blocks'])
    expect(await postToWebhook(url, { text: 'x', blocks: 'divider' })).toEqual([400, 'invalid_blocks_format'])
  })
})

describe('the inbox', () => {
  it('waits for a message, and says what came instead when it does not come', async () => {
    const standin = await start()
    const { url } = (await connect(standin)).incoming_webhook
    const waiting = standin.waitForMessage(({ text }) => text === 'second')
    await postToWebhook(url, { text: 'first' })
    await postToWebhook(url, { text: 'second' })
    expect((await waiting).text).toBe('second')
    expect((await standin.waitForMessage()).text).toBe('first')
    await expect(standin.waitForMessage(({ text }) => text === 'third', 20)).rejects.toThrow('#general: first')
  })

  it('shows messages by channel, newest first, and escapes everything', async () => {
    const standin = await start()
    expect(await (await fetch(`${standin.url}/inbox`)).text()).toContain('No messages yet')
    const { url } = (await connect(standin)).incoming_webhook
    await postToWebhook(url, {
      text: '<script>alert("x")</script> &lt;b&gt; *bold* <https://example.com/?a=1&amp;b|more>',
    })
    await postToWebhook(url, { text: '<javascript:alert(1)|click>' })
    const response = await fetch(`${standin.url}/`)
    const text = await response.text()
    expect(response.url).toBe(`${standin.url}/inbox`)
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'.*script-src 'sha256-/)
    expect(text).toContain('<title>Slack stand-in: 2 messages</title>')
    expect(text).toContain('<h2>Example Company: #general</h2>')
    expect(text).toContain(
      '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &lt;b&gt; <strong>bold</strong> ' +
        '<a href="https://example.com/?a=1&amp;b" rel="noreferrer">more</a>',
    )
    expect(text).toContain('<p>&lt;javascript:alert(1)|click&gt;</p>')
    expect(text.indexOf('click')).toBeLessThan(text.indexOf('bold'))
  })

  it('shows blocks and attachments as a reader would see them', async () => {
    const standin = await start()
    await postToWebhook((await connect(standin)).incoming_webhook.url, {
      text: 'for the notification only',
      blocks: [
        { type: 'header', text: { type: 'plain_text', text: 'Heading' } },
        { type: 'section', fields: [{ type: 'mrkdwn', text: '`field`' }] },
        {
          type: 'context',
          elements: [
            { type: 'mrkdwn', text: 'context' },
            { type: 'image', alt_text: 'no text' },
          ],
        },
      ],
      attachments: [{ fallback: 'attached' }, 'not an attachment'],
    })
    const text = await (await fetch(`${standin.url}/inbox`)).text()
    for (const shown of ['Heading', '<code>field</code>', 'context', 'attached'])
      expect(text).toContain(`<p>${shown}</p>`)
    expect(text).not.toContain('for the notification only')
  })

  it('shows rich text as it was written, with nothing of it read as markup', async () => {
    const standin = await start()
    const { url } = (await connect(standin)).incoming_webhook
    const elements = [
      { type: 'text', text: '*a* `b` &lt;', style: { bold: true } },
      { type: 'text', text: '\n<https://evil.example|c>' },
    ]
    const blocks = [{ type: 'rich_text', elements: [{ type: 'rich_text_section', elements }] }]
    expect(await postToWebhook(url, { text: 'x', blocks })).toEqual([200, 'ok'])
    const page = await (await fetch(`${standin.url}/inbox`)).text()
    expect(page).toContain('<strong>*a* `b` &amp;lt;</strong>\n&lt;https://evil.example|c&gt;')
  })

  it('is there for programs too', async () => {
    const standin = await start()
    await postToWebhook((await connect(standin)).incoming_webhook.url, { text: 'hello' })
    const { messages } = (await (await fetch(`${standin.url}/inbox.json`)).json()) as { messages: unknown[] }
    expect(messages).toMatchObject([{ text: 'hello', channelName: 'general' }])
  })
})

describe('over TLS', () => {
  it.each(['slack.com', 'hooks.slack.com', 'localhost'])(
    'answers for %s with a certificate of its own',
    async (name) => {
      const standin = await start({ tls: true })
      const { port } = new URL(standin.url)
      const status = await new Promise((resolve, reject) => {
        const to = { host: '127.0.0.1', port, path: '/inbox', servername: name, ca: standin.caCertificate }
        httpsRequest(to, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
      expect(status).toBe(200)
    },
  )
})
