import { serve, textReply, type Answer, type Asked, type Reply } from '../exchange.js'
import { createFaults, type Fault } from '../faults.js'
import { listen } from '../listener.js'
import { createRequestLog, type LoggedRequest } from '../request-log.js'
import { createAuthorize } from './authorize.js'
import { inboxPage } from './inbox-page.js'
import { createInbox, type Message } from './inbox.js'
import { createInstallations } from './installations.js'
import { createWebApi } from './web-api.js'
import { createWebhooks } from './webhooks.js'
import { createWorkspace, standardWorkspaces, type Workspace, type WorkspaceOptions } from './workspace.js'

export interface SlackStandinOptions {
  readonly clientId: string
  readonly clientSecret: string
  /** Shown on the consent page; default "Your app". */
  readonly appName?: string
  /** Beginnings of the addresses that a code may be sent to; default: any address. */
  readonly redirectUris?: readonly [string, ...string[]]
  /** HTTPS with a self-signed certificate for slack.com, hooks.slack.com, localhost and 127.0.0.1. */
  readonly tls?: boolean
  /** Default: any free port. */
  readonly port?: number
  readonly workspaces?: readonly WorkspaceOptions[]
  /** Base of the webhook addresses that are given out, e.g. `https://hooks.slack.com`; default: this server's URL. */
  readonly publicWebhookBase?: string
  /** Default: 10 minutes. */
  readonly codeLifetimeMs?: number
  /** Tokens of the app end after so long and are renewed, as where an app has token rotation; default: they never end. */
  readonly tokenLifetimeSeconds?: number
  /** Where connected workspaces are remembered from one start to the next; default: they are forgotten. */
  readonly memoryFile?: string
}

export interface SlackStandin {
  /** Without a slash at the end. `/oauth/v2/authorize`, `/api/…`, `/services/…` and `/inbox` are below it. */
  readonly url: string
  /** PEM to trust; only with `tls`. */
  readonly caCertificate?: string
  /** Change them as a test needs: archive a channel, remove one. */
  readonly workspaces: readonly Workspace[]
  /** Every request so far, refused ones included. */
  readonly requests: readonly LoggedRequest[]
  /** The messages so far, oldest first. */
  inbox(): readonly Message[]
  /** The first message, arrived or still to come, that fits. Rejects after `timeoutMs` (default 5000). */
  waitForMessage(predicate?: (message: Message) => boolean, timeoutMs?: number): Promise<Message>
  failNext(fault: Fault): void
  close(): Promise<void>
}

const TEN_MINUTES_MS = 10 * 60 * 1000

/** Starts a server on 127.0.0.1 that plays slack.com and hooks.slack.com at once. */
export async function startSlackStandin(options: SlackStandinOptions): Promise<SlackStandin> {
  const workspaces = (options.workspaces ?? standardWorkspaces).map(createWorkspace)
  const inbox = createInbox()
  const { codeLifetimeMs: codeMs = TEN_MINUTES_MS, tokenLifetimeSeconds: tokenSeconds, memoryFile } = options
  const installations = createInstallations({ workspaces, codeMs, tokenSeconds, memoryFile })
  const log = createRequestLog()
  const faults = createFaults(usualReply)

  const authorize = createAuthorize({
    clientId: options.clientId,
    appName: options.appName ?? 'Your app',
    ...(options.redirectUris && { redirectUris: options.redirectUris }),
    workspaces,
    installations,
  })
  const { clientId, clientSecret } = options
  const webhookBase = (): string => options.publicWebhookBase ?? listener.url
  const webApi = createWebApi({ clientId, clientSecret, installations, inbox, webhookBase })
  const webhooks = createWebhooks(installations, inbox)

  const answer = (asked: Asked): Answer => {
    log.add(asked)
    const { path } = asked
    const fault = faults.take(path)
    if (fault) return fault
    if (path === '/') return { status: 302, headers: { location: '/inbox' }, body: '' }
    if (path === '/inbox') return inboxPage(inbox.messages)
    if (path === '/inbox/remove-app' && asked.method === 'POST') {
      installations.uninstallAll()
      return { status: 303, headers: { location: '/inbox' }, body: '' }
    }
    if (path === '/inbox.json') return inboxJson(inbox.messages)
    if (path === '/oauth/v2/authorize') return authorize(asked)
    if (path.startsWith('/api/')) return webApi(asked, path.slice('/api/'.length))
    if (path.startsWith('/services/')) return webhooks(asked)
    return usualReply(404, path)
  }

  const tlsNames = ['slack.com', 'hooks.slack.com', 'localhost', '127.0.0.1'] as const
  const listener = await listen(serve(answer), { port: options.port, ...(options.tls && { tlsNames }) })
  return {
    url: listener.url,
    ...(listener.caCertificate && { caCertificate: listener.caCertificate }),
    workspaces,
    requests: log.requests,
    inbox: () => [...inbox.messages],
    waitForMessage: (predicate = () => true, timeoutMs = 5000) => inbox.waitFor(predicate, timeoutMs),
    failNext: faults.failNext,
    close: listener.close,
  }
}

function inboxJson(messages: readonly Message[]): Reply {
  return textReply(200, 'application/json', JSON.stringify({ messages }))
}

/** What Slack says with an error status: the Web API in JSON, a webhook in plain text. */
function usualReply(status: number, path: string): Reply {
  const headers: Record<string, string> = status === 429 ? { 'retry-after': '1' } : {}
  if (path.startsWith('/api/')) {
    const error = status === 429 ? 'ratelimited' : 'internal_error'
    const type = { 'content-type': 'application/json; charset=utf-8' }
    return { status, headers: { ...type, ...headers }, body: JSON.stringify({ ok: false, error }) }
  }
  const body = { 403: 'invalid_token', 404: 'no_service', 410: 'channel_is_archived', 429: 'rate_limited' }[status]
  return { status, headers: { 'content-type': 'text/html; charset=utf-8', ...headers }, body: body ?? 'rollup_error' }
}
