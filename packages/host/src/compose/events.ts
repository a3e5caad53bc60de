import { createEgressFetch } from '../egress/index.js'
import { createEventDispatcher } from '../events/event-dispatcher.js'
import { withWebhooks } from '../installations/event-acts.js'
import { createSubscriptions } from '../installations/subscriptions.js'
import { createWebhookStore } from '../webhooks/webhook-store.js'
import { createWebhooks } from '../webhooks/webhooks.js'
import type { Calls } from './calls.js'
import type { Foundation } from './foundation.js'
import type { LongWork } from './long-work.js'
import type { Marketplace } from './marketplace.js'

export type Events = ReturnType<typeof wireEvents>

/** What the application tells goes to plugins, and to webhooks. */
export function wireEvents(
  { options, pool, sealer, notifications, vault, findTenant, logEvent: log }: Foundation,
  { isPrivateAllowed }: Marketplace,
  { store, caller }: Calls,
  { alerts }: LongWork,
) {
  const { egress = {} } = options
  const webhookFetch = createEgressFetch({
    // An admin chose the address, so what the operator opened to configured addresses is open to it, and nothing else.
    allowsAddress: (address, _host, port) => isPrivateAllowed(address, port),
    hostMap: egress.hostMap,
    extraCa: egress.extraCa ?? [],
  })
  const webhooks = createWebhooks({
    store: createWebhookStore({ pool, sealer }),
    fetch: webhookFetch,
    isPrivateAllowed,
  })
  const events = createEventDispatcher({
    pool,
    notifications,
    ...withWebhooks(createSubscriptions({ store, caller, vault, findTenant }), webhooks, findTenant),
    onEnd: alerts.noteDelivery,
    ...(options.limits?.events ? { limits: options.limits.events } : {}),
    log,
  })
  return { webhooks, webhookFetch, events }
}
