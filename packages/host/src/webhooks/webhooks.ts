import { randomUUID } from 'node:crypto'
import net from 'node:net'
import { TenonError, eventPatternCovers, type PluginEvent } from '@tenon/contract'
import type { EgressFetch } from '../egress/index.js'
import { isPublicAddress } from '../egress/addresses.js'
import type { TenantScope } from '../migrations/index.js'
import { signWebhook } from './signature.js'
import type { Attempt, Webhook, WebhookPatch, WebhookStore } from './webhook-store.js'

export interface Webhooks {
  list: WebhookStore['list']
  get: WebhookStore['get']
  /** @throws TenonError VALIDATION_FAILED, CONFLICT */
  create: WebhookStore['create']
  update: WebhookStore['update']
  remove: WebhookStore['remove']
  renewSecret: WebhookStore['renewSecret']
  attemptsOf: WebhookStore['attemptsOf']
  /** Ids of those that asked for an event of this name. */
  subscribersOf(tenant: TenantScope, eventName: string): Promise<number[]>
  /** Sends one event. @throws TenonError SERVICE_FAILED, EGRESS_REFUSED, EGRESS_FAILED when it was not taken */
  deliver(tenant: TenantScope, id: number, event: PluginEvent, signal?: AbortSignal): Promise<void>
  /** Sends an event that says that it is a test, and what came of it. */
  sendTest(tenant: TenantScope, id: number): Promise<Omit<Attempt, 'at'> & { success: boolean; eventId: string }>
}

interface WebhooksOptions {
  store: WebhookStore
  fetch: EgressFetch
  /** Whether the operator opened this address, although it is private. */
  isPrivateAllowed: (address: string, port: number) => boolean
}

/** The receiver is asked to take a message, not to work on it. */
const limits = { timeoutMs: 10_000, maxBodyBytes: 64 * 1024 }

/** Addresses of an organization that are told of events: signed, at least once, with the events of each in order. */
export function createWebhooks({ store, fetch, isPrivateAllowed }: WebhooksOptions): Webhooks {
  /** What is plainly wrong is said at once; where a name leads is checked at every delivery. */
  function assertUrl(url: string): void {
    const refuse = (reason: string): never => {
      throw new TenonError('VALIDATION_FAILED', { message: `url: ${reason}`, field: 'url' })
    }
    if (!URL.canParse(url)) return refuse('must be an address such as https://example.com/hook')
    const { protocol, hostname, port, username, password } = new URL(url)
    const address = hostname.replace(/^\[|\]$/g, '')
    const isAddress = net.isIP(address) !== 0
    const isOpened = isAddress && isPrivateAllowed(address, Number(port || (protocol === 'https:' ? 443 : 80)))
    if (username !== '' || password !== '') return refuse('must not contain a user name or a password')
    if (isAddress && !isPublicAddress(address) && !isOpened) return refuse(`${address} is not a public address`)
    if (protocol !== 'https:' && !(protocol === 'http:' && isOpened)) return refuse('must begin with https://')
  }

  async function send(tenant: TenantScope, webhook: Webhook, event: PluginEvent, signal?: AbortSignal) {
    const secret = await store.secretOf(tenant, webhook.id)
    const { routingType: _internal, ...told } = event
    const body = JSON.stringify({ ...told, organizationId: tenant.organizationId })
    const timestamp = Math.floor(Date.now() / 1_000)
    const startedAt = performance.now()
    const attempt = await fetch(webhook.url, {
      method: 'POST',
      // Whoever answers elsewhere was not named by the admin.
      redirect: 'error',
      ...limits,
      ...(signal ? { signal } : {}),
      headers: {
        'content-type': 'application/json',
        'user-agent': 'Tenon-Webhooks/1',
        'webhook-id': event.id,
        'webhook-timestamp': String(timestamp),
        'webhook-signature': signWebhook(secret, event.id, timestamp, body),
      },
      body,
    }).then(
      async (response) => {
        await response.body?.cancel().catch(() => undefined)
        const { status, ok } = response
        return { status, error: ok ? null : `It answered with status ${status}.`, cause: undefined }
      },
      (cause: unknown) => ({ status: null, error: cause instanceof Error ? cause.message : String(cause), cause }),
    )
    const ms = Math.round(performance.now() - startedAt)
    await store.noteAttempt(tenant, webhook.id, event.id, { status: attempt.status, ms, error: attempt.error })
    return { ...attempt, ms }
  }

  const covers = (pattern: string, name: string) => pattern === '*' || eventPatternCovers(pattern, name)

  return {
    list: store.list,
    get: store.get,
    create(tenant, webhook, userId) {
      assertUrl(webhook.url)
      return store.create(tenant, webhook, userId)
    },
    update(tenant, id, change: WebhookPatch) {
      if (change.url !== undefined) assertUrl(change.url)
      return store.update(tenant, id, change)
    },
    remove: store.remove,
    renewSecret: store.renewSecret,
    attemptsOf: store.attemptsOf,
    async subscribersOf(tenant, eventName) {
      return (await store.list(tenant))
        .filter(({ isActive, events }) => isActive && events.some((pattern) => covers(pattern, eventName)))
        .map(({ id }) => id)
    },
    async deliver(tenant, id, event, signal) {
      const webhook = (await store.list(tenant)).find((candidate) => candidate.id === id)
      // Removed or switched off since: nobody waits for this any more.
      if (!webhook?.isActive) return
      const { status, error, cause } = await send(tenant, webhook, event, signal)
      if (status === 410) return store.disable(tenant, id, 'It answered that it is gone (410).')
      if (cause !== undefined) throw cause
      if (error !== null) throw new TenonError('SERVICE_FAILED', { message: error })
    },
    async sendTest(tenant, id) {
      const webhook = await store.get(tenant, id)
      const event: PluginEvent = {
        id: randomUUID(),
        name: 'webhook.test',
        occurredAt: new Date().toISOString(),
        source: 'host',
        payload: { message: 'This is a test.' },
      }
      const { status, error, ms } = await send(tenant, webhook, event)
      return { success: error === null, eventId: event.id, status, error, ms }
    },
  }
}
