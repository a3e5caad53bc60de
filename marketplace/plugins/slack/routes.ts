import type { RouteRequest, RouteResult, Router } from '@tenon/sdk'
import { deliver, DeliveryError } from './deliver'
import { destinationOf } from './destinations'

/** Below `/api/plugins/slack`. */
export const router: Router = {
  /** Posts a message to one workspace, or to all that are switched on, so that an admin sees whether it arrives. */
  'POST /test-message': async (request) => {
    const { connectionId } = (request.body ?? {}) as { connectionId?: unknown }
    const all = (await request.connections?.list()) ?? []
    const chosen = all.filter(({ id, isActive }) =>
      connectionId === undefined ? isActive : id === Number(connectionId),
    )
    if (chosen.length === 0) return { status: 404, data: 'There is no such workspace, or none is switched on.' }
    return post(
      request,
      chosen.map((connection) => destinationOf(connection, request)),
    )
  },
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
    return { status: 502, data: { success: false, sent: error.delivered, message: error.message } }
  }
}
