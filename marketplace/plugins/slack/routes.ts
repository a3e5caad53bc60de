import type { RouteRequest, RouteResult, Router } from '@tenon/sdk'
import { deliver, DeliveryError } from './deliver'
import { destinationOf } from './destinations'
import { routeStatusOf } from './slack-error'
import { textOf } from './text-of'

/** Below `/api/plugins/slack`. */
export const router: Router = {
  /** Posts a message to one workspace, or to all that are switched on, so that an admin sees whether it arrives. */
  'POST /test-message': async (request) => {
    const { connectionId } = (request.body ?? {}) as { connectionId?: unknown }
    const all = (await request.connections?.list()) ?? []
    const chosen = all.filter(({ id, isActive }) =>
      connectionId === undefined ? isActive : id === Number(textOf(connectionId) || NaN),
    )
    if (chosen.length === 0) return nobodyToTell(connectionId)
    const off = chosen.find(({ isActive }) => !isActive)
    if (off) return { status: 409, data: `${off.account.name} is switched off. Switch it on, then try again.` }
    return post(
      request,
      chosen.map((connection) => destinationOf(connection, request)),
    )
  },
}

function nobodyToTell(connectionId: unknown): RouteResult {
  return connectionId === undefined
    ? { status: 409, data: 'No workspace is connected and switched on. Connect one, or switch one on.' }
    : { status: 404, data: 'There is no such workspace.' }
}

async function post(request: RouteRequest, destinations: Parameters<typeof deliver>[2]): Promise<RouteResult> {
  const notification = { title: 'Test message', message: 'Notifications of this channel will look like this.' }
  try {
    const sent = await deliver(notification, { occurredAt: new Date().toISOString() }, destinations, request)
    return {
      data: {
        success: true,
        sent,
        message: `The message was sent to ${destinations.map(({ label }) => label).join(', ')}.`,
      },
    }
  } catch (error) {
    if (!(error instanceof DeliveryError)) throw error
    const { delivered: sent, message, errors } = error
    return { status: routeStatusOf(errors), data: { success: false, sent, message } }
  }
}
