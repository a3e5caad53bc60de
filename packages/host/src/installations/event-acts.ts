import { TenonError } from '@tenon/contract'
import type { DeliveryEntry, DeliveryLog } from '../events/delivery-log.js'
import type { Subscriber } from '../events/event-dispatcher.js'
import type { TenantScope } from '../migrations/index.js'
import type { Attempt, Webhook, WebhookChange, WebhookPatch } from '../webhooks/webhook-store.js'
import type { Webhooks } from '../webhooks/webhooks.js'
import type { History } from './history.js'
import type { InstallationStore } from './installation-store.js'
import type { createSubscriptions } from './subscriptions.js'

type DeliveryFilter = { page: number; pageSize: number; state?: string | undefined }
type Page<Item> = { items: Item[]; total: number }

/** What people do with events: webhooks, and what was delivered to whom. */
export interface EventActs {
  listWebhooks(tenant: TenantScope): Promise<Webhook[]>
  getWebhook(tenant: TenantScope, id: number): Promise<Webhook>
  /** The secret is shown this once. */
  createWebhook(
    tenant: TenantScope,
    webhook: Omit<WebhookChange, 'isActive'>,
    userId: number,
  ): Promise<Webhook & { secret: string }>
  updateWebhook(tenant: TenantScope, id: number, change: WebhookPatch, userId: number): Promise<Webhook>
  removeWebhook(tenant: TenantScope, id: number, userId: number): Promise<void>
  renewSecret(tenant: TenantScope, id: number, userId: number): Promise<{ secret: string }>
  testWebhook: Webhooks['sendTest']
  listWebhookDeliveries(
    tenant: TenantScope,
    id: number,
    filter: DeliveryFilter,
  ): Promise<Page<DeliveryEntry & { log: Attempt[] }>>
  replayToWebhook(tenant: TenantScope, id: number, eventId: string): Promise<void>
  listPluginDeliveries(
    tenant: TenantScope,
    installationId: number,
    filter: DeliveryFilter,
  ): Promise<Page<DeliveryEntry>>
  replayToPlugin(tenant: TenantScope, installationId: number, eventId: string): Promise<void>
}

interface EventActsOptions {
  webhooks: Webhooks
  deliveries: DeliveryLog
  store: Pick<InstallationStore, 'find'>
  history: History
}

/** A colon is in no plugin's key: the two never meet. */
const webhookPrefix = 'webhook:'
const keyOf = (id: number) => `${webhookPrefix}${id}`

export function createEventActs({ webhooks, deliveries, store, history }: EventActsOptions): EventActs {
  const note = (tenant: TenantScope, userId: number, action: string, after: Record<string, unknown>) =>
    history.record(tenant, { pluginKey: 'webhooks', userId, action, outcome: 'done', after })
  /** What is in the path and the query of an address may be a secret of the receiver. */
  const shown = ({ id, url, events, isActive }: Webhook) => ({ id, origin: new URL(url).origin, events, isActive })

  async function pluginOwner(tenant: TenantScope, installationId: number) {
    const installation = await store.find(tenant, installationId)
    if (!installation) throw new TenonError('INSTALLATION_NOT_FOUND', { id: installationId })
    return { organizationId: tenant.organizationId, pluginKey: installation.pluginKey }
  }
  async function webhookOwner(tenant: TenantScope, id: number) {
    await webhooks.get(tenant, id)
    return { organizationId: tenant.organizationId, pluginKey: keyOf(id) }
  }

  return {
    listWebhooks: webhooks.list,
    getWebhook: webhooks.get,
    async createWebhook(tenant, webhook, userId) {
      const made = await webhooks.create(tenant, webhook, userId)
      await note(tenant, userId, 'create-webhook', shown(made))
      return made
    },
    async updateWebhook(tenant, id, change, userId) {
      const updated = await webhooks.update(tenant, id, change)
      await note(tenant, userId, 'change-webhook', shown(updated))
      return updated
    },
    async removeWebhook(tenant, id, userId) {
      await webhooks.remove(tenant, id)
      await note(tenant, userId, 'remove-webhook', { id })
    },
    async renewSecret(tenant, id, userId) {
      const secret = await webhooks.renewSecret(tenant, id)
      await note(tenant, userId, 'renew-webhook-secret', { id })
      return { secret }
    },
    testWebhook: webhooks.sendTest,
    async listWebhookDeliveries(tenant, id, filter) {
      const { items, total } = await deliveries.list(await webhookOwner(tenant, id), filter)
      const log = await webhooks.attemptsOf(
        id,
        items.map(({ eventId }) => eventId),
      )
      return { items: items.map((entry) => ({ ...entry, log: log.get(entry.eventId) ?? [] })), total }
    },
    replayToWebhook: async (tenant, id, eventId) => deliveries.replay(await webhookOwner(tenant, id), eventId),
    listPluginDeliveries: async (tenant, id, filter) => deliveries.list(await pluginOwner(tenant, id), filter),
    replayToPlugin: async (tenant, id, eventId) => deliveries.replay(await pluginOwner(tenant, id), eventId),
  }
}

type Subscriptions = ReturnType<typeof createSubscriptions>

/** Webhooks are told of events as plugins are: a subscriber among the others, with deliveries of its own. */
export function withWebhooks(
  subscriptions: Subscriptions,
  webhooks: Pick<Webhooks, 'subscribersOf' | 'deliver'>,
  findTenant: (organizationId: number) => Promise<TenantScope | undefined>,
): Subscriptions {
  return {
    async subscribersOf(organizationId, eventName) {
      const plugins = await subscriptions.subscribersOf(organizationId, eventName)
      const tenant = await findTenant(organizationId)
      if (!tenant) return plugins
      const told = (await webhooks.subscribersOf(tenant, eventName)).map((id): Subscriber => ({
        pluginKey: keyOf(id),
        handler: 'webhook',
      }))
      return [...plugins, ...told]
    },
    async deliver(organizationId, subscriber, event, signal) {
      const { pluginKey } = subscriber
      if (!pluginKey.startsWith(webhookPrefix)) return subscriptions.deliver(organizationId, subscriber, event, signal)
      const tenant = await findTenant(organizationId)
      if (tenant) await webhooks.deliver(tenant, Number(pluginKey.slice(webhookPrefix.length)), event, signal)
    },
  }
}
