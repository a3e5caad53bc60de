import { eventPatternSchema, type Principal } from '@tenon/contract'
import * as z from 'zod'
import type { DeliveryEntry } from '../events/delivery-log.js'
import type { EventActs } from '../installations/event-acts.js'
import type { TenantScope } from '../migrations/index.js'
import type { Webhook } from '../webhooks/webhook-store.js'
import { endpoint, type Endpoint, ok } from './endpoint.js'
import { rowId } from './ids.js'

const id = z.object({ id: rowId })
const ofEvent = id.extend({ eventId: z.uuid({ error: 'must be the id of an event' }) })
const filter = z.object({
  page: z.coerce.number().int().min(1).max(10_000).default(1),
  pageSize: z.coerce.number().int().min(1).max(200).default(50),
  state: z.enum(['waiting', 'delivered', 'failed']).optional(),
})
const instant = z.iso.datetime({ offset: true })
const fields = {
  url: z.string().max(2_000),
  events: z
    .array(z.union([z.literal('*'), eventPatternSchema]))
    .min(1)
    .max(50)
    .describe('Names such as risk.created, risk.* for all below one, or *'),
  description: z.string().max(200),
}
const newWebhook = z.object({ ...fields, description: fields.description.default('') })
const webhookChange = z.object({ ...fields, isActive: z.boolean() }).partial()
const webhook = z
  .object({
    id: z.int(),
    ...fields,
    isActive: z.boolean(),
    disabledReason: z.string().nullable().describe('Why it was switched off by the host'),
    createdBy: z.int(),
    createdAt: instant,
  })
  .meta({ id: 'Webhook' })
const secret = z.string().describe('Signs what is sent, as Standard Webhooks do; shown this once')
const delivery = z
  .object({
    eventId: z.uuid(),
    name: z.string(),
    source: z.string().describe('`host`, or the key of the plugin that published it'),
    occurredAt: instant,
    handler: z.string(),
    state: z.enum(['waiting', 'delivered', 'failed']),
    attempts: z.int(),
    nextAttemptAt: instant.nullable(),
    lastError: z.string().nullable(),
    deliveredAt: instant.nullable(),
  })
  .meta({ id: 'EventDelivery' })
const attempt = z.object({ at: instant, status: z.int().nullable(), ms: z.int(), error: z.string().nullable() })
const listOf = (item: z.ZodType) => z.object({ items: z.array(item), total: z.int() })

/** Where events go: webhooks of an organization, and what was delivered to them and to plugins. */
export function eventEndpoints(acts: EventActs): Endpoint[] {
  return [...webhookEndpoints(acts), ...deliveryEndpoints(acts)]
}

function webhookEndpoints(acts: EventActs): Endpoint[] {
  const shared = { tag: 'Webhooks', role: 'Admin' as const }
  return [
    endpoint({
      ...shared,
      operation: 'listWebhooks',
      method: 'get',
      path: '/webhooks',
      summary: 'List the webhooks of your organization',
      success: { status: 200, schema: z.array(webhook) },
      handle: async ({ principal }) => ok((await acts.listWebhooks(scopeOf(principal))).map(toJson)),
    }),
    endpoint({
      ...shared,
      operation: 'createWebhook',
      method: 'post',
      path: '/webhooks',
      summary: 'Have events sent to an address',
      description:
        'Each delivery carries webhook-id, webhook-timestamp and webhook-signature: HMAC-SHA256 over all three parts.',
      body: newWebhook,
      success: { status: 201, schema: webhook.extend({ secret }).meta({ id: 'NewWebhook' }) },
      errors: [409],
      handle: async ({ body, principal }) => {
        const { secret: shown, ...made } = await acts.createWebhook(scopeOf(principal), body, principal.userId)
        return { status: 201, data: { ...toJson(made), secret: shown } }
      },
    }),
    endpoint({
      ...shared,
      operation: 'getWebhook',
      method: 'get',
      path: '/webhooks/:id',
      summary: 'Show a webhook',
      params: id,
      success: { status: 200, schema: webhook },
      errors: [404],
      handle: async ({ params, principal }) => ok(toJson(await acts.getWebhook(scopeOf(principal), params.id))),
    }),
    endpoint({
      ...shared,
      operation: 'updateWebhook',
      method: 'patch',
      path: '/webhooks/:id',
      summary: 'Change a webhook, or switch it on and off',
      params: id,
      body: webhookChange,
      success: { status: 200, schema: webhook },
      errors: [404],
      handle: async ({ params, body, principal }) =>
        ok(toJson(await acts.updateWebhook(scopeOf(principal), params.id, body, principal.userId))),
    }),
    endpoint({
      ...shared,
      operation: 'removeWebhook',
      method: 'delete',
      path: '/webhooks/:id',
      summary: 'Remove a webhook',
      params: id,
      success: { status: 200, schema: z.string() },
      errors: [404],
      handle: async ({ params, principal }) => {
        await acts.removeWebhook(scopeOf(principal), params.id, principal.userId)
        return ok('Webhook removed successfully')
      },
    }),
    endpoint({
      ...shared,
      operation: 'renewWebhookSecret',
      method: 'post',
      path: '/webhooks/:id/secret',
      summary: 'Replace the secret of a webhook; what is sent from now on is signed with the new one',
      params: id,
      success: { status: 200, schema: z.object({ secret }) },
      errors: [404],
      handle: async ({ params, principal }) =>
        ok(await acts.renewSecret(scopeOf(principal), params.id, principal.userId)),
    }),
    endpoint({
      ...shared,
      operation: 'testWebhook',
      method: 'post',
      path: '/webhooks/:id/test',
      summary: 'Send a test',
      params: id,
      success: {
        status: 200,
        schema: z
          .object({
            success: z.boolean(),
            eventId: z.uuid(),
            status: z.int().nullable(),
            ms: z.int(),
            error: z.string().nullable(),
          })
          .meta({ id: 'WebhookTest' }),
      },
      errors: [404],
      handle: async ({ params, principal }) => ok(await acts.testWebhook(scopeOf(principal), params.id)),
    }),
    endpoint({
      ...shared,
      operation: 'listWebhookDeliveries',
      method: 'get',
      path: '/webhooks/:id/deliveries',
      summary: 'List what was sent to a webhook, the newest first, with every attempt',
      params: id,
      query: filter,
      success: {
        status: 200,
        schema: listOf(delivery.extend({ log: z.array(attempt) }).meta({ id: 'WebhookDelivery' })),
      },
      errors: [404],
      handle: async ({ params, query, principal }) => {
        const { items, total } = await acts.listWebhookDeliveries(scopeOf(principal), params.id, query)
        const json = items.map(({ log, ...entry }) => ({
          ...deliveryJson(entry),
          log: log.map(({ at, ...rest }) => ({ at: at.toISOString(), ...rest })),
        }))
        return ok({ items: json, total })
      },
    }),
    endpoint({
      ...shared,
      operation: 'replayToWebhook',
      method: 'post',
      path: '/webhooks/:id/deliveries/:eventId/replay',
      summary: 'Send an event to a webhook once more',
      params: ofEvent,
      success: { status: 202, schema: z.string() },
      errors: [404, 409],
      handle: async ({ params, principal }) => {
        await acts.replayToWebhook(scopeOf(principal), params.id, params.eventId)
        return { status: 202, data: 'It is sent again' }
      },
    }),
  ]
}

function deliveryEndpoints(acts: EventActs): Endpoint[] {
  const tag = 'Events'
  return [
    endpoint({
      operation: 'listPluginDeliveries',
      method: 'get',
      path: '/installations/:id/deliveries',
      tag,
      summary: 'List the events that were delivered to a plugin, the newest first',
      role: 'Reviewer',
      params: id,
      query: filter,
      success: { status: 200, schema: listOf(delivery) },
      errors: [404],
      handle: async ({ params, query, principal }) => {
        const { items, total } = await acts.listPluginDeliveries(scopeOf(principal), params.id, query)
        return ok({ items: items.map(deliveryJson), total })
      },
    }),
    endpoint({
      operation: 'replayToPlugin',
      method: 'post',
      path: '/installations/:id/deliveries/:eventId/replay',
      tag,
      summary: 'Deliver an event to a plugin once more',
      role: 'Admin',
      params: ofEvent,
      success: { status: 202, schema: z.string() },
      errors: [404, 409],
      handle: async ({ params, principal }) => {
        await acts.replayToPlugin(scopeOf(principal), params.id, params.eventId)
        return { status: 202, data: 'It is delivered again' }
      },
    }),
  ]
}

const scopeOf = ({ organizationId, tenantId }: Principal): TenantScope => ({ organizationId, schema: tenantId })

const toJson = ({ createdAt, ...rest }: Webhook) => ({ ...rest, createdAt: createdAt.toISOString() })

function deliveryJson({ occurredAt, nextAttemptAt, deliveredAt, ...rest }: DeliveryEntry) {
  return {
    ...rest,
    occurredAt: occurredAt.toISOString(),
    nextAttemptAt: nextAttemptAt?.toISOString() ?? null,
    deliveredAt: deliveredAt?.toISOString() ?? null,
  }
}
