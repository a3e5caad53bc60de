import { parsedBody, type Asked, type Reply } from '../exchange.js'
import { problemsOfBlocks } from './blocks.js'
import type { Inbox } from './inbox.js'
import type { Bearer, Installation } from './installation.js'
import type { Installations } from './installations.js'
import { parseList } from './lists.js'
import { findChannel, slackId, type Channel } from './workspace.js'

export interface WebApiOptions {
  readonly clientId: string
  readonly clientSecret: string
  readonly installations: Installations
  readonly inbox: Inbox
  /** Base of the webhook addresses that `oauth.v2.access` gives out. */
  readonly webhookBase: () => string
}

type Arguments = Readonly<Record<string, string>>
type Result = { readonly ok: boolean; readonly error?: string } & Readonly<Record<string, unknown>>
interface Method {
  /** Any one of these is enough; empty: none needed. */
  readonly scopes: readonly string[]
  call(bearer: Bearer, given: Arguments, token: string): Result
}

/**
 * Answers `/api/<method>`. As in Slack, a refusal is HTTP 200 with `ok: false` and a word for the reason;
 * only too many requests are an HTTP status.
 */
export function createWebApi(options: WebApiOptions): (asked: Asked, method: string) => Reply {
  const methods = createMethods(options)

  return (asked, name) => {
    const given = argumentsOf(asked)
    if (name === 'oauth.v2.access') return json(exchangeCode(options, asked, given))
    const method = methods[name]
    if (!method) return json({ ...failure('unknown_method'), req_method: name })

    const token = bearerToken(asked) ?? given.token
    if (!token) return json(failure('not_authed'))
    const bearer = options.installations.bearerOf(token)
    if (typeof bearer === 'string') return json(failure(bearer))

    const scopes = { 'x-oauth-scopes': bearer.scopes.join(','), 'x-accepted-oauth-scopes': method.scopes.join(',') }
    if (method.scopes.length > 0 && !method.scopes.some((scope) => bearer.scopes.includes(scope))) {
      const missing = {
        ...failure('missing_scope'),
        needed: method.scopes.join(','),
        provided: bearer.scopes.join(','),
      }
      return json(missing, scopes)
    }
    return json(method.call(bearer, given, token), scopes)
  }
}

/** A code for tokens, which is the last step of the OAuth flow, or a refresh token for newer ones. */
function exchangeCode(options: WebApiOptions, asked: Asked, given: Arguments): Result {
  const { clientId, clientSecret } = clientCredentials(asked, given)
  if (clientId !== options.clientId) return failure('invalid_client_id')
  if (clientSecret !== options.clientSecret) return failure('bad_client_secret')
  const { grant_type: grantType = 'authorization_code' } = given
  if (!['authorization_code', 'refresh_token'].includes(grantType)) return failure('invalid_grant_type')
  const redeemed =
    grantType === 'refresh_token'
      ? options.installations.takeRefreshToken(given.refresh_token ?? '')
      : options.installations.redeem(given.code ?? '', given.redirect_uri)
  if (typeof redeemed === 'string') return failure(redeemed)
  return accessResult(redeemed, options)
}

function accessResult(installation: Installation, { clientId, webhookBase, installations }: WebApiOptions): Result {
  const { accessToken, renewal } = installations.issueTokens(installation)
  const { workspace, channel, webhook, userToken } = installation
  return {
    ok: true,
    app_id: slackId('A', clientId),
    authed_user: {
      id: workspace.userId,
      ...(userToken && { scope: installation.userScopes.join(','), access_token: userToken, token_type: 'user' }),
    },
    scope: installation.scopes.join(','),
    token_type: 'bot',
    access_token: accessToken,
    ...(renewal && { refresh_token: renewal.refreshToken, expires_in: renewal.expiresInSeconds }),
    bot_user_id: installation.botUserId,
    team: { id: workspace.id, name: workspace.name },
    enterprise: null,
    is_enterprise_install: false,
    ...(channel &&
      webhook && {
        incoming_webhook: {
          channel: `#${channel.name}`,
          channel_id: channel.id,
          configuration_url: `https://${workspace.domain}.slack.com/services/${webhook.id}`,
          url: `${webhookBase()}/services/${workspace.id}/${webhook.id}/${webhook.secret}`,
        },
      }),
  }
}

function createMethods({
  installations,
  inbox,
  clientId,
  clientSecret,
}: WebApiOptions): Readonly<Record<string, Method>> {
  return {
    'auth.test': {
      scopes: [],
      call: ({ installation: { workspace, botUserId }, userId }) => ({
        ok: true,
        url: `https://${workspace.domain}.slack.com/`,
        team: workspace.name,
        user: userId === botUserId ? 'app' : 'person',
        team_id: workspace.id,
        user_id: userId,
        ...(userId === botUserId && { bot_id: slackId('B', botUserId) }),
        is_enterprise_install: false,
      }),
    },

    'auth.revoke': {
      scopes: [],
      call: (_bearer, given, token) => {
        const isRehearsal = given.test === '1' || given.test === 'true'
        if (!isRehearsal) installations.revoke(token)
        return { ok: true, revoked: !isRehearsal }
      },
    },

    'apps.uninstall': {
      scopes: [],
      call: ({ installation }, given) => {
        if (given.client_id !== clientId) return failure('invalid_client_id')
        if (given.client_secret !== clientSecret) return failure('bad_client_secret')
        installations.uninstall(installation)
        return { ok: true }
      },
    },

    'conversations.join': {
      scopes: ['channels:join', 'channels:write'],
      call: (bearer, given) => {
        const channel = visibleChannel(bearer, given.channel)
        if (!channel) return failure('channel_not_found')
        if (channel.isPrivate) return failure('method_not_supported_for_channel_type')
        if (channel.isArchived) return failure('is_archived')
        if (!channel.members.has(bearer.userId)) {
          channel.members.add(bearer.userId)
          return { ok: true, channel: wireChannel(channel, bearer) }
        }
        const warning = 'already_in_channel'
        return { ok: true, channel: wireChannel(channel, bearer), warning, response_metadata: { warnings: [warning] } }
      },
    },

    'conversations.invite': {
      scopes: ['channels:manage', 'channels:write', 'channels:write.invites', 'groups:write', 'groups:write.invites'],
      call: (bearer, given) => {
        const channel = visibleChannel(bearer, given.channel)
        const invited = (given.users ?? '').split(',').filter(Boolean)
        if (!channel) return failure('channel_not_found')
        if (invited.length === 0) return failure('no_user')
        if (channel.isArchived) return failure('is_archived')
        if (!channel.members.has(bearer.userId)) return failure('not_in_channel')
        const errors = invited.flatMap((user) => inviteError(bearer, channel, user))
        if (errors[0]) return { ...failure(errors[0].error), errors }
        for (const user of invited) channel.members.add(user)
        return { ok: true, channel: wireChannel(channel, bearer) }
      },
    },

    'chat.postMessage': {
      scopes: ['chat:write'],
      call: (bearer, given) => {
        const channel = visibleChannel(bearer, given.channel)
        if (!channel) return failure('channel_not_found')
        if (channel.isArchived) return failure('is_archived')
        if (!channel.members.has(bearer.userId)) return failure('not_in_channel')
        if (!given.text && !given.blocks && !given.attachments) return failure('no_text')
        const refusal = given.blocks === undefined ? undefined : refusalOfBlocks(given.blocks)
        if (refusal) return refusal
        const { workspace } = bearer.installation
        const { token: _secret, ...payload } = given
        const { ts, text } = inbox.add({
          via: 'chat.postMessage',
          teamId: workspace.id,
          teamName: workspace.name,
          channelId: channel.id,
          channelName: channel.name,
          text: given.text ?? '',
          payload,
        })
        const message = { type: 'message', user: bearer.userId, text, ts, team: workspace.id }
        return { ok: true, channel: channel.id, ts, message }
      },
    },
  }
}

/** Of blocks as JSON. */
function refusalOfBlocks(given: string): Result | undefined {
  const blocks = parseList(given)
  if (!blocks) return failure('invalid_blocks_format')
  const errors = problemsOfBlocks(blocks)
  return errors.length === 0 ? undefined : { ...failure('invalid_blocks'), errors }
}

function inviteError(
  { installation: { botUserId, workspace }, userId }: Bearer,
  channel: Channel,
  user: string,
): { ok: false; error: string; user: string }[] {
  const error = ((): string | undefined => {
    if (user === userId) return 'cant_invite_self'
    if (user !== botUserId && user !== workspace.userId) return 'user_not_found'
    return channel.members.has(user) ? 'already_in_channel' : undefined
  })()
  return error ? [{ ok: false, error, user }] : []
}

/** A private channel does not exist for who is not in it. */
function visibleChannel({ installation, userId }: Bearer, wanted: string | undefined): Channel | undefined {
  const channel = wanted ? findChannel(installation.workspace, wanted) : undefined
  return channel?.isPrivate && !channel.members.has(userId) ? undefined : channel
}

function wireChannel(channel: Channel, { installation, userId }: Bearer): Record<string, unknown> {
  return {
    id: channel.id,
    name: channel.name,
    name_normalized: channel.name,
    is_channel: !channel.isPrivate,
    is_group: channel.isPrivate,
    is_im: false,
    is_mpim: false,
    is_private: channel.isPrivate,
    is_archived: channel.isArchived,
    is_general: channel.name === 'general',
    is_member: channel.members.has(userId),
    creator: installation.workspace.userId,
    context_team_id: installation.workspace.id,
  }
}

function argumentsOf(asked: Asked): Arguments {
  const given = { ...Object.fromEntries(asked.query), ...parsedBody(asked) }
  return Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}

function clientCredentials(asked: Asked, given: Arguments): { clientId?: string; clientSecret?: string } {
  const [scheme, encoded] = (asked.headers.authorization ?? '').split(' ')
  if (scheme?.toLowerCase() !== 'basic' || !encoded) {
    return {
      ...(given.client_id && { clientId: given.client_id }),
      ...(given.client_secret && { clientSecret: given.client_secret }),
    }
  }
  const [clientId = '', ...secret] = Buffer.from(encoded, 'base64').toString().split(':')
  return { clientId, clientSecret: secret.join(':') }
}

function bearerToken({ headers }: Asked): string | undefined {
  return /^Bearer\s+(\S+)$/i.exec(headers.authorization ?? '')?.[1]
}

function failure(error: string): { ok: false; error: string } {
  return { ok: false, error }
}

function json(result: Result, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status: 200,
    headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
    body: JSON.stringify(result),
  }
}
