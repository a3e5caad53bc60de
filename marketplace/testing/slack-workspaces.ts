import type { Connection, Connections, OpenConnection, SeedContext } from '@tenon/sdk'
import { type SlackStandin, startSlackStandin } from '@tenon/standins'
import { Agent, buildConnector, getGlobalDispatcher, setGlobalDispatcher } from 'undici'

/** A Slack to which slack.com and hooks.slack.com lead, and workspaces that were connected at it. */
export interface TestSlack {
  slack: SlackStandin
  /** Signs in at Slack and picks a channel. */
  connect(channel: string, settings?: Record<string, unknown>): Promise<TestConnection>
  close(): Promise<void>
}

export interface TestConnection extends Connection {
  opened: OpenConnection
}

const clientId = '1234.5678'
const clientSecret = 'not-a-secret'

export async function startTestSlack(): Promise<TestSlack> {
  const slack = await startSlackStandin({
    clientId,
    clientSecret,
    tls: true,
    publicWebhookBase: 'https://hooks.slack.com',
  })
  const usual = getGlobalDispatcher()
  const { port } = new URL(slack.url)
  const connectTls = buildConnector({ ca: slack.caCertificate ?? '' })
  const agent = new Agent({
    // Every name leads to the stand-in, and is still the one that its certificate is checked against.
    connect: (options, callback) =>
      connectTls(
        { ...options, hostname: '127.0.0.1', host: '127.0.0.1', port, servername: options.hostname },
        callback,
      ),
  })
  setGlobalDispatcher(agent)
  let connected = 0

  return {
    slack,
    async connect(channel, settings = {}) {
      const code = await authorize(channel)
      const answer = await exchange(code)
      connected += 1
      return toConnection(connected, answer, settings)
    },
    async close() {
      setGlobalDispatcher(usual)
      await agent.destroy()
      await slack.close()
    },
  }
}

/** What the host gives a plugin of these connections. Like the host, `fetch` adds the token where the plugin has none. */
export function connectionsOf(connections: readonly TestConnection[]): {
  connections: Connections
  fetch: NonNullable<SeedContext['fetch']>
} {
  const open = (id: number | undefined): Promise<OpenConnection> => {
    const found = connections.find((connection) => connection.id === id)
    return found ? Promise.resolve(found.opened) : Promise.reject(new Error('Connection not found'))
  }
  return {
    connections: {
      list: () => Promise.resolve(connections.map(({ opened: _secret, ...visible }) => visible)),
      secrets: async (id) => (await open(id)).secrets,
      open: () => Promise.reject(new Error('The token is the host’s.')),
      async report(id, problem) {
        await open(id)
        const connection = connections.find((candidate) => candidate.id === id)
        if (connection && problem === null) delete connection.problem
        else if (connection && problem !== null) connection.problem = problem
      },
    },
    async fetch(url, { connection, ...init } = {}) {
      const { accessToken } = await open(connection)
      const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${accessToken}` }
      return fetch(url, { ...init, headers })
    },
  }
}

async function authorize(channel: string): Promise<string> {
  const query = new URLSearchParams({
    client_id: clientId,
    scope: 'incoming-webhook,chat:write,channels:join',
    redirect_uri: 'https://app.example/back',
    auto: 'allow',
    channel,
  })
  const response = await fetch(`https://slack.com/oauth/v2/authorize?${query.toString()}`, { redirect: 'manual' })
  return new URL(response.headers.get('location') ?? '').searchParams.get('code') ?? ''
}

interface TokenAnswer {
  access_token: string
  bot_user_id: string
  team: { id: string; name: string }
  incoming_webhook: { channel: string; channel_id: string; configuration_url: string; url: string }
}

async function exchange(code: string): Promise<TokenAnswer> {
  const redirect_uri = 'https://app.example/back'
  const body = new URLSearchParams({ client_id: clientId, client_secret: clientSecret, code, redirect_uri })
  const response = await fetch('https://slack.com/api/oauth.v2.access', { method: 'POST', body })
  return (await response.json()) as TokenAnswer
}

function toConnection(id: number, answer: TokenAnswer, settings: Record<string, unknown>): TestConnection {
  const { team, incoming_webhook: webhook } = answer
  return {
    id,
    account: team,
    details: {
      team_id: team.id,
      team_name: team.name,
      channel: webhook.channel,
      channel_id: webhook.channel_id,
      configuration_url: webhook.configuration_url,
      bot_user_id: answer.bot_user_id,
    },
    settings,
    isActive: true,
    opened: { accessToken: answer.access_token, secrets: { webhook_url: webhook.url } },
  }
}
