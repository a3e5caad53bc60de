import type { PluginEvent, RouteRequest, RouteResult, SeedContext } from '@tenon/sdk'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connectionsOf, startTestSlack, type TestConnection, type TestSlack } from '../../testing/slack-workspaces'
import {
  contextOf,
  type ObservedContext,
  startTestApplication,
  type TestApplication,
} from '../../testing/test-application'
import type { DeliveryError } from './deliver'
import { knownEvents } from './events'
import * as slackPlugin from './index'
import {
  configure,
  connected,
  onEvent,
  router,
  sendNotificationByRoutingType,
  testConnection,
  uninstall,
  VALID_ROUTING_TYPES,
  validateConfig,
} from './index'
import { type SlackMessage, slackMessage } from './slack-message'

let application: TestApplication
let test: TestSlack
let context: ObservedContext

beforeAll(async () => {
  application = await startTestApplication()
})
afterAll(() => application.close())
beforeEach(async () => {
  test = await startTestSlack()
  context = contextOf(application, application.one)
})
afterEach(async () => {
  await test.close()
  await application.sequelize.query('TRUNCATE slack_webhooks')
})

const withConnections = (...connections: TestConnection[]): SeedContext => ({
  ...context,
  ...connectionsOf(connections),
})

const inbox = (): string[] => test.slack.inbox().map(({ channelName, text }) => `#${channelName} ${text}`)
const webhookRequests = (): number => test.slack.requests.filter(({ path }) => path.startsWith('/services/')).length

let events = 0
function eventOf(name: string, payload: Record<string, unknown>): PluginEvent {
  events += 1
  return { id: `event-${events}`, name, payload, source: 'app', occurredAt: '2026-01-05T08:00:00.000Z' }
}

describe('an event', () => {
  it('goes to the workspaces that want its kind, and to no other', async () => {
    const wanting = await test.connect('risk-alerts', { routing_type: ['Evidence and task alerts'] })
    const other = await test.connect('general', { routing_type: ['Membership and roles'] })
    const none = await test.connect('research', { routing_type: [] })
    const off = { ...(await test.connect('ai-governance')), isActive: false }
    const event = eventOf('risk.imported', { imported: 12, importId: 'x', fileName: 'risks.xlsx' })
    await onEvent(event, withConnections(wanting, other, none, off))
    expect(inbox()).toEqual(['#risk-alerts Risks imported: 12 risks were imported from risks.xlsx.'])
    // Its foot says what it is about, not in which of the kinds it falls.
    expect(JSON.stringify(test.slack.inbox()[0]?.payload.blocks)).toContain('Risks · 2026-01-05 08:00 UTC')
  })

  it('goes to a new workspace whatever its kind, unless a default was configured', async () => {
    const fresh = await test.connect('general')
    await onEvent(eventOf('user.invited', { name: 'Ada Okafor', role: 'Editor' }), withConnections(fresh))
    const configuration = { routing_type: ['Projects and organizations'] }
    await onEvent(eventOf('user.invited', { name: 'Ben' }), { ...withConnections(fresh), configuration })
    await onEvent(eventOf('project.created', { count: 1, names: ['P'] }), { ...withConnections(fresh), configuration })
    expect(inbox()).toEqual([
      '#general New member: Ada Okafor joined as Editor.',
      '#general New project: 1 project was added: P.',
    ])
  })

  it('carries its id, so that a repeated delivery can be recognised', async () => {
    const event = eventOf('user.role_changed', { name: 'Ada', from: 'Editor', to: 'Admin' })
    await onEvent(event, withConnections(await test.connect('general')))
    const [message] = test.slack.inbox()
    expect(message?.text).toBe('Role changed: Ada was Editor and is now Admin.')
    expect(message?.payload.metadata).toEqual({
      event_type: 'tenon_notification',
      event_payload: { event_id: event.id, event_name: 'user.role_changed' },
    })
    expect(JSON.stringify(message?.payload.blocks)).toContain('Members · 2026-01-05 08:00 UTC')
  })

  it.each(Object.entries(knownEvents))('%s reaches the channels of its kind, and those alone', async (name, known) => {
    const wanting = await test.connect('general', { routing_type: [known.routingType] })
    const others = VALID_ROUTING_TYPES.filter((type) => type !== known.routingType)
    const other = await test.connect('research', { routing_type: others })
    await onEvent(eventOf(name, { name: 'This' }), withConnections(wanting, other))
    expect(test.slack.inbox().map(({ channelName }) => channelName)).toEqual(['general'])
  })

  it('names five of many', async () => {
    const payload = { count: 1_000, ids: [1], names: ['a', 'b', 'c', 'd', 'e'] }
    await onEvent(eventOf('risk.created', payload), withConnections(await test.connect('general')))
    expect(inbox()).toEqual(['#general New risks: 1,000 risks were added: a, b, c, d, e and 995 more.'])
  })

  it.each([
    ['risk.imported', { imported: 'many' }, 'Risks imported: Risks were imported.'],
    ['risk.imported', { imported: -2, fileName: ['x'] }, 'Risks imported: Risks were imported.'],
    ['risk.created', { count: 'some', names: ['A', 'B'] }, 'New risks: 2 risks were added: A, B.'],
    ['risk.created', { count: 1, names: ['A', 'B'] }, 'New risks: 2 risks were added: A, B.'],
    ['risk.created', { count: {}, names: [{}, null, 7] }, 'New risk: 1 risk was added: 7.'],
    ['risk.created', { count: 2.5 }, 'New risk: 1 risk was added.'],
    ['risk.deleted', { count: '3' }, 'Removed risks: 3 risks were removed.'],
    ['project.deleted', {}, 'Removed project: 1 project was removed.'],
    ['task.assigned', 'text', 'Task assigned: Somebody'],
  ])('%s with %j is told in words that make sense', async (name, payload, text) => {
    await onEvent(eventOf(name, payload as Record<string, unknown>), withConnections(await test.connect('general')))
    expect(inbox()).toEqual([`#general ${text}`])
  })

  it('that it does not know is ignored', async () => {
    const connection = await test.connect('general')
    for (const name of ['risk.unheard_of', 'constructor', 'toString']) {
      await onEvent(eventOf(name, {}), withConnections(connection))
    }
    expect(inbox()).toEqual([])
  })

  it('reaches the other workspaces when one fails, and only the failed one when it is repeated', async () => {
    const [one, two] = [await test.connect('general'), await test.connect('research')]
    const context = withConnections(one, two)
    test.slack.failNext({ path: /^\/services\//, status: 500 })
    const event = eventOf('project.created', { count: 1, names: ['P'] })
    const failure: unknown = await onEvent(event, context).catch((error: unknown) => error)
    expect(failure).toMatchObject({ retryable: true, delivered: 1 })
    const { settled } = failure as DeliveryError
    test.slack.failNext({ path: /^\/services\//, status: 500 })
    await expect(onEvent({ ...event, settled }, context)).rejects.toMatchObject({ delivered: 0, settled })
    await onEvent({ ...event, settled }, context)
    expect(inbox().map((line) => line.split(' ')[0])).toEqual(['#research', '#general'])
  })

  it('that one workspace refuses for good says so of that one, until it takes another one', async () => {
    const [one, two] = [await test.connect('general'), await test.connect('research')]
    const context = withConnections(one, two)
    const send = () => onEvent(eventOf('project.created', { names: ['P'] }), context).catch(() => {})
    const refused = (status: number, body: string) =>
      test.slack.failNext({ path: /^\/services\//, status, body, after: 1 })
    for (const [status, body] of [
      [400, 'invalid_payload'],
      [500, 'rollup_error'],
    ] as const) {
      refused(status, body)
      await send()
      expect([one.problem, two.problem]).toEqual([undefined, undefined])
    }
    refused(404, 'channel_not_found')
    await send()
    expect([one.problem, two.problem]).toEqual([undefined, 'The channel no longer exists. Connect another channel.'])
    await send()
    expect([one.problem, two.problem]).toEqual([undefined, undefined])
  })

  it('that is cut off says who has had it', async () => {
    const [one, two] = [await test.connect('general'), await test.connect('research')]
    const abort = new AbortController()
    const { connections } = connectionsOf([one, two])
    const secrets: typeof connections.secrets = (id) => {
      if (id === two.id) abort.abort(new Error('The time for this call is over.'))
      return connections.secrets(id)
    }
    const cutOff = { ...withConnections(one, two), connections: { ...connections, secrets }, signal: abort.signal }
    await expect(onEvent(eventOf('project.created', { names: ['P'] }), cutOff)).rejects.toMatchObject({
      retryable: true,
      settled: [`connection ${one.id}`],
    })
    expect(inbox()).toHaveLength(1)
  })
})

describe('a message', () => {
  const markup = '*bold* _italic_ ~gone~ `code` > quoted :bell: & &amp;'
  const attack = `<!channel> <@U123> <https://evil.example|Sign in> &lt;!here&gt; @here ${markup}`

  /** What a reader sees, and whether it is bold. */
  const partsOf = ({ blocks }: SlackMessage): [string, boolean][] =>
    blocks.flatMap((block) =>
      block.type === 'rich_text'
        ? block.elements.flatMap(({ elements }) =>
            elements.map((element): [string, boolean] =>
              element.type === 'text' ? [element.text, element.style?.bold === true] : [element.type, false],
            ),
          )
        : [],
    )

  it('shows what people wrote as they wrote it: no markup, no mention, no link', () => {
    const { text, blocks, ...rest } = slackMessage({ title: attack, message: `${attack}\n${attack}` })
    expect(partsOf({ text, blocks, ...rest })).toEqual([
      [attack, true],
      [`\n${attack}\n${attack}`, false],
    ])
    expect(JSON.stringify(blocks)).not.toContain('mrkdwn')
    expect(text).not.toMatch(/[<>]/)
    expect(text).toContain('&lt;!channel&gt; &lt;@U123&gt;')
    expect(text).toContain('&amp;lt;!here&amp;gt;')
  })

  it('is cut to what Slack takes, never in the middle of an escape or of a character', () => {
    const message = slackMessage({ title: '&'.repeat(500), message: '<😀'.repeat(3_000) })
    const parts = partsOf(message)
    expect(parts.map(([part]) => part).join('').length).toBeLessThanOrEqual(3_000)
    for (const [part] of parts) expect(part).toMatch(/^\P{Cs}+…$/u)
    expect(message.text.length).toBeLessThanOrEqual(3_000)
    expect(message.text).toMatch(/(&lt;|😀)…$/)
    expect(message.text.replace(/&(amp|lt|gt);/g, '')).not.toContain('&')
  })

  it('of any text is one that Slack takes', async () => {
    const connection = await test.connect('general')
    const context = withConnections(connection)
    const texts = [markup, attack, '', ' ', '\u202e', '\ud83d', '&'.repeat(5_000), '😀'.repeat(5_000), '\n\n']
    for (const title of texts)
      for (const message of texts)
        await sendNotificationByRoutingType(1, 'Membership and roles', { title, message }, context.sequelize, context)
    expect(test.slack.inbox()).toHaveLength(texts.length ** 2)
  })

  it('has a title of one line, and nothing that turns the direction of writing', () => {
    expect(slackMessage({ title: 'One\r\n\ttwo', message: '' })).toMatchObject({ text: 'One two' })
    const alone = slackMessage({ title: '', message: 'Alone' })
    expect([alone.text, partsOf(alone)]).toEqual(['Alone', [['Alone', false]]])
    // Slack takes no half of a character.
    const halves = slackMessage({ title: 'half \ud83d', message: 'of \ude00 it, 😀\u202e' })
    expect([halves.text, partsOf(halves)]).toEqual([
      'half: of   it, 😀',
      [
        ['half', true],
        ['\nof   it, 😀', false],
      ],
    ])
  })
})

describe('what Slack answers', () => {
  async function answerTo(
    status: number,
    options: { headers?: Record<string, string>; body?: string } = {},
  ): Promise<{ status: number | undefined; message: string }> {
    const connection = await test.connect('general')
    test.slack.failNext({ path: /^\/services\//, status, ...options })
    const { data, status: answered } = await call({ connectionId: connection.id }, withConnections(connection))
    expect(data).toMatchObject({ success: false, sent: 0 })
    return { status: answered, message: (data as { message: string }).message }
  }

  it.each([
    [404, 'no_service', 422, 'The webhook was removed in Slack'],
    [200, 'no_service', 422, 'The webhook was removed in Slack'],
    [404, 'channel_not_found', 422, 'The channel no longer exists'],
    [410, 'channel_is_archived', 422, 'The channel was archived'],
    [403, 'invalid_token', 422, 'no longer accepts this connection'],
    [403, 'action_prohibited', 422, 'An admin of the Slack workspace'],
    [400, 'invalid_payload', 500, 'did not take the message (status 400)'],
    [500, 'rollup_error', 502, 'cannot be reached at the moment'],
    [200, `<!DOCTYPE html>${'<p>Blocked</p>'.repeat(1_000)}`, 502, 'cannot be reached at the moment'],
  ])('%i %.20s is explained, with the status %i', async (status, body, answered, message) => {
    expect(await answerTo(status, { body })).toEqual({
      status: answered,
      message: expect.stringContaining(message) as string,
    })
  })

  const answerOfWebApi = async (body: string) => {
    const connection = await test.connect('general')
    connection.opened.secrets = {}
    const failing = () => test.slack.failNext({ path: /^\/api\/chat\.postMessage/, status: 200, body })
    failing()
    const answer = await call({ connectionId: connection.id }, withConnections(connection))
    failing()
    const event = eventOf('user.removed', { name: 'Ada' })
    const failure: unknown = await onEvent(event, withConnections(connection)).catch((error: unknown) => error)
    return { ...answer, retryable: (failure as DeliveryError).retryable }
  }

  it.each([
    ['channel_not_found', 422, 'The channel no longer exists. Connect another channel.'],
    ['not_in_channel', 422, 'Invite it there: /invite'],
    ['is_archived', 422, 'The channel was archived. Unarchive it in Slack'],
    ['token_revoked', 422, 'no longer accepts this connection. Sign in again for it.'],
    ['invalid_auth', 422, 'no longer accepts this connection. Sign in again for it.'],
    ['account_inactive', 422, 'no longer accepts this connection'],
    ['missing_scope', 422, 'was not given this permission. Connect the workspace again.'],
    ['a_word_of_tomorrow', 500, 'did not take the message'],
  ])('"%s" of the Web API is explained, and not tried again', async (error, status, message) => {
    expect(await answerOfWebApi(JSON.stringify({ ok: false, error }))).toMatchObject({
      status,
      retryable: false,
      data: { message: expect.stringContaining(message) as string },
    })
  })

  it.each([
    ['{"ok":false,"error":"internal_error"}', 502],
    ['{"ok":false,"error":"fatal_error"}', 502],
    ['{"ok":false,"error":"service_unavailable"}', 502],
    ['{"ok":false,"error":"request_timeout"}', 504],
    ['{"ok":false,"error":"team_added_to_org"}', 502],
    ['<!DOCTYPE html><title>Down for maintenance</title>', 502],
    ['null', 502],
  ])('%s of the Web API passes, and is tried again', async (body, status) => {
    expect(await answerOfWebApi(body)).toMatchObject({
      status,
      retryable: true,
      data: { message: expect.stringContaining('cannot be reached at the moment') as string },
    })
  })

  it.each([
    ['CONNECTION_NEEDS_REAUTH', 'slack no longer accepts the sign-in of Acme. An admin has to connect it again.'],
    ['PERMISSION_DENIED', 'Slack has no permission for this: connection:workspace'],
    ['EGRESS_REFUSED', 'A request to slack.com is refused: it is not allowed here'],
  ])('%s of the host is told as the host tells it, and not tried again', async (code, sentence) => {
    const connection = await test.connect('general')
    connection.opened.secrets = {}
    const error = Object.assign(new Error(sentence), { code })
    if (code === 'PERMISSION_DENIED') error.name = 'PermissionDenied'
    const context = { ...withConnections(connection), fetch: () => Promise.reject(error) }
    const message = `#general in ${connection.account.name}: ${sentence}`
    expect(await call({}, context)).toMatchObject({ status: 422, data: { message } })
    const event = eventOf('user.removed', { name: 'Ada' })
    await expect(onEvent(event, context)).rejects.toMatchObject({ retryable: false, message })
  })

  it('of several workspaces is told with the status of what an admin has to do', async () => {
    const [one, two] = [await test.connect('general'), await test.connect('research')]
    test.slack.failNext({ path: /^\/services\//, status: 500 })
    test.slack.failNext({ path: /^\/services\//, status: 404, body: 'no_service' })
    const { status, data } = await call({}, withConnections(one, two))
    expect(status).toBe(422)
    expect((data as { message: string }).message).toMatch(/cannot be reached.+The webhook was removed/)
  })

  it('is asked of no workspace that is not there, or of none at all', async () => {
    const off = { ...(await test.connect('general')), isActive: false }
    for (const connectionId of [99, true, [off.id], {}, null, '', 'x']) {
      expect(await call({ connectionId }, withConnections(off))).toMatchObject({ status: 404 })
    }
    expect(await call({ connectionId: String(off.id) }, withConnections(off))).toMatchObject({ status: 409 })
    expect(await call({}, withConnections(off))).toMatchObject({ status: 409 })
    expect(await call({}, withConnections())).toMatchObject({ status: 409 })
    const on = { ...off, isActive: true }
    expect(await call({ connectionId: String(on.id) }, withConnections(on))).toMatchObject({ data: { sent: 1 } })
  })

  it('429 of the Web API is waited for, too', async () => {
    const connection = await test.connect('general')
    await connected(connection, withConnections(connection))
    connection.opened.secrets = {}
    test.slack.failNext({ path: /^\/api\/chat\.postMessage/, status: 429, headers: { 'retry-after': '1' } })
    expect(await call({}, withConnections(connection))).toMatchObject({ data: { success: true, sent: 1 } })
  })

  it('is never shown as it is', async () => {
    const { message } = await answerTo(400, { body: 'internal https://10.0.0.1/secret' })
    expect(message).not.toContain('secret')
  })

  it('429 is waited for when it is short', async () => {
    const connection = await test.connect('general')
    test.slack.failNext({ path: /^\/services\//, status: 429, headers: { 'retry-after': '1' } })
    const before = performance.now()
    expect(await call({}, withConnections(connection))).toMatchObject({ data: { success: true, sent: 1 } })
    expect(performance.now() - before).toBeGreaterThan(990)
  })

  it('429 is heeded by everything that goes to the same channel, however many there are', async () => {
    const connection = await test.connect('general')
    test.slack.failNext({ path: /^\/services\//, status: 429, headers: { 'retry-after': '1' } })
    const first = call({}, withConnections(connection))
    await expect.poll(webhookRequests).toBe(1)
    await new Promise((resolve) => setTimeout(resolve, 200))
    const others = Array.from({ length: 5 }, () => call({}, withConnections(connection)))
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(webhookRequests()).toBe(1)
    for (const answer of await Promise.all([first, ...others])) expect(answer).toMatchObject({ data: { sent: 1 } })
    expect(webhookRequests()).toBe(7)
  })

  it('429 is left to a later delivery when it is long', async () => {
    const { status, message } = await answerTo(429, { headers: { 'retry-after': '60' } })
    expect(status).toBe(429)
    expect(message).toContain('Slack asks to send less. It takes messages again in 60 seconds.')
  })

  it.each(['1e9', '99999999999999', '-1', 'later'])(
    '429 that asks for %s stops nothing for longer than an hour',
    async (seconds) => {
      const connection = await test.connect('general')
      test.slack.failNext({ path: /^\/services\//, status: 429, headers: { 'retry-after': seconds } })
      const failure: unknown = await onEvent(eventOf('user.removed', {}), withConnections(connection)).catch(
        (error: unknown) => error,
      )
      const { retryable, retryAfterMs = 0 } = failure as DeliveryError
      expect([retryable, retryAfterMs]).toEqual([true, /^\d+$/.test(seconds) ? 3_600_000 : 0])
    },
  )

  it('429 of an event says when Slack wants to be asked again', async () => {
    const connection = await test.connect('general')
    test.slack.failNext({ path: /^\/services\//, status: 429, headers: { 'retry-after': '3600' } })
    const event = eventOf('user.removed', { name: 'Ada' })
    await expect(onEvent(event, withConnections(connection))).rejects.toMatchObject({
      retryable: true,
      retryAfterMs: 3_600_000,
    })
  })

  it('a redirect is not followed', async () => {
    const { status, message } = await answerTo(307, { headers: { location: 'https://hooks.slack.com/elsewhere' } })
    expect(status).toBe(502)
    expect(message).toContain('cannot be reached')
  })
})

async function call(body: object, context: SeedContext): Promise<RouteResult> {
  const handler = router['POST /test-message']
  if (typeof handler !== 'function') throw new Error('There is no such route')
  return handler({ ...context, body } as RouteRequest)
}

describe('a webhook address', () => {
  it.each([
    'http://hooks.slack.com/services/x',
    'https://127.0.0.1/services/x',
    'https://hooks.slack.com.evil.example/services/x',
    'https://hooks.slack.com@evil.example/services/x',
    'https://hooks.slack.com:8443/services/x',
    'nonsense',
  ])('like %s is not called', async (webhook_url) => {
    const connection = await test.connect('general')
    connection.opened.secrets.webhook_url = webhook_url
    const { data } = await call({}, withConnections(connection))
    expect((data as { message: string }).message).toContain('not one of a Slack webhook')
    expect(webhookRequests()).toBe(0)
  })
})

describe('connecting', () => {
  it('lets the app join the channel', async () => {
    const connection = await test.connect('ai-governance')
    expect(await connected(connection, withConnections(connection))).toEqual({
      success: true,
      message: 'Connected to #ai-governance in Example Company.',
      warnings: [],
    })
    const channel = test.slack.workspaces[0]?.channels.find(({ name }) => name === 'ai-governance')
    expect(channel?.members.has(String(connection.details.bot_user_id))).toBe(true)
  })

  it('works without joining when the channel is private', async () => {
    const connection = await test.connect('leadership')
    const { success, warnings } = await connected(connection, withConnections(connection))
    expect(success).toBe(true)
    expect(warnings).toHaveLength(1)
    expect(context.logged[0]).toContain('did not join')
    expect(await call({}, withConnections(connection))).toMatchObject({ data: { success: true } })
  })

  it('posts as the app where there is no webhook', async () => {
    const connection = await test.connect('general')
    await connected(connection, withConnections(connection))
    connection.opened.secrets = {}
    await onEvent(eventOf('user.removed', { name: 'Ada' }), withConnections(connection))
    expect(test.slack.inbox()).toMatchObject([
      { via: 'chat.postMessage', text: 'Member removed: Ada is no longer a member.' },
    ])
  })

  it('is counted by the connection test', async () => {
    const [on, off] = [await test.connect('general'), { ...(await test.connect('research')), isActive: false }]
    expect(await testConnection({}, withConnections(on, off))).toMatchObject({
      success: true,
      message: expect.stringMatching(/^1 workspace is/) as string,
    })
    expect(await testConnection({}, withConnections(off))).toMatchObject({ success: false })
    expect(await testConnection({})).toMatchObject({ success: true })
  })
})

describe('the configuration', () => {
  it.each([undefined, null, {}, { routing_type: [] }, { routing_type: [...VALID_ROUTING_TYPES] }])(
    'may be %j',
    (config) => {
      expect(validateConfig(config)).toEqual({ valid: true, errors: [] })
    },
  )

  it.each([{ routing_type: ['Gossip'] }, { routing_type: 'Membership and roles' as unknown as string[] }])(
    'may not be %j',
    (config) => {
      expect(validateConfig(config).valid).toBe(false)
    },
  )
})

describe('where workspaces are rows of a table', () => {
  async function addRow(userId: number, url: string, routing: string[], isActive = true): Promise<void> {
    await application.sequelize.query(
      `INSERT INTO slack_webhooks (access_token, scope, user_id, team_name, team_id, channel, channel_id,
         configuration_url, url, is_active, routing_type)
       VALUES ('', '', :userId, 'Example', 'T1', 'general', 'C1', '', :url, :isActive, ARRAY[:routing]::text[])`,
      { replacements: { userId, url, isActive, routing } },
    )
  }

  it('sends to those of one person, by routing type', async () => {
    const url = (await test.connect('general')).opened.secrets.webhook_url ?? ''
    const encoded = Buffer.from(url).toString('base64')
    await addRow(1, encoded, ['Membership and roles'])
    await addRow(1, url, ['Control or policy changes'])
    await addRow(1, encoded, ['Membership and roles'], false)
    await addRow(2, encoded, ['Membership and roles'])
    const { sequelize } = application
    await sendNotificationByRoutingType(1, 'Membership and roles', { title: 'Hello', message: 'world' }, sequelize)
    await slackPlugin.notifyControlPolicyChange(
      1,
      { name: 'Access control', action: 'was approved', by: 'Ada' },
      sequelize,
    )
    expect(inbox()).toEqual([
      '#general Hello: world',
      '#general Control or policy changed: Access control was approved (by Ada)',
    ])
  })

  it('has a function for each of the five types', async () => {
    const url = (await test.connect('general')).opened.secrets.webhook_url ?? ''
    await addRow(1, url, [...VALID_ROUTING_TYPES])
    const {
      notifyControlPolicyChange,
      notifyEvidenceTaskAlert,
      notifyMembershipRoles,
      notifyPolicyReminderStatus,
      notifyProjectOrganization,
    } = slackPlugin
    const all = [
      notifyControlPolicyChange,
      notifyEvidenceTaskAlert,
      notifyPolicyReminderStatus,
      notifyMembershipRoles,
      notifyProjectOrganization,
    ]
    for (const notify of all) await notify(1, { title: 'T', message: 'm' }, application.sequelize)
    expect(inbox()).toHaveLength(5)
  })

  it('takes what a plugin without types may pass', async () => {
    const connection = await test.connect('general')
    await addRow(1, connection.opened.secrets.webhook_url ?? '', ['Membership and roles'])
    const { sequelize } = application
    for (const notification of [{ title: 'Alone' }, { title: 7, message: null }, {}, null, undefined]) {
      await sendNotificationByRoutingType(1, 'Membership and roles', notification as never, sequelize)
    }
    for (const happening of [{}, undefined, { name: 'A', message: null }]) {
      await slackPlugin.notifyMembershipRoles(1, happening as never, sequelize)
    }
    expect(inbox()).toEqual([
      '#general Alone',
      '#general 7',
      ...Array<string>(3).fill('#general (nothing)'),
      ...Array<string>(2).fill('#general Membership or role changed'),
      '#general Membership or role changed: A',
    ])
  })

  it('refuses a type that does not exist', async () => {
    const sending = sendNotificationByRoutingType(1, 'Gossip', { title: 'T', message: 'm' }, application.sequelize)
    await expect(sending).rejects.toThrow('not a routing type')
  })

  it('changes the routing of one person, whatever the words contain', async () => {
    await addRow(1, 'x', [])
    await addRow(2, 'x', [])
    await configure(
      1,
      'a4ayc80OGd',
      { routing_type: ['Membership and roles', 'Projects and organizations'] },
      { sequelize: application.sequelize },
    )
    const rows = await application.sequelize.query('SELECT routing_type FROM slack_webhooks ORDER BY id', {
      type: 'SELECT',
    })
    expect(rows).toEqual([
      { routing_type: ['Membership and roles', 'Projects and organizations'] },
      { routing_type: [] },
    ])
  })

  it('counts what it tests and what it removes', async () => {
    const { sequelize } = application
    await addRow(1, 'x', [])
    await addRow(1, 'y', [], false)
    await addRow(2, 'z', [])
    expect(await testConnection({}, { sequelize, userId: 1 })).toMatchObject({
      success: true,
      message: expect.stringMatching(/^1 /) as string,
    })
    expect((await uninstall(1, 'a4ayc80OGd', { sequelize })).message).toContain('2 workspaces')
    expect((await uninstall(1, 'a4ayc80OGd', { sequelize })).message).toContain('0 workspaces')
  })
})
