import { once } from 'node:events'
import type { Server } from 'node:http'
import type { Response } from 'express'

/** One server-sent event. */
export interface ServerEvent {
  id: number
  event: string
  data: unknown
}

/** How often a stream looks whether its server still takes requests: one that does not waits for its streams to end. */
const lookMs = 500

/**
 * Sends events until there are no more, or the reader has gone, or the server stops. An empty batch is sent as a
 * comment, so that nothing between here and the reader takes the stream for dead.
 */
export async function sendEvents(
  response: Response,
  events: AsyncGenerator<ServerEvent[], void, undefined>,
  end: () => void,
): Promise<void> {
  const server = (response.socket as unknown as { server?: Server } | null)?.server
  const timer = setInterval(() => server?.listening === false && end(), lookMs)
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'x-content-type-options': 'nosniff',
    // nginx would keep it until there is more.
    'x-accel-buffering': 'no',
  })
  response.write('retry: 2000\n\n')
  try {
    for await (const batch of events) {
      const text = batch.length === 0 ? ': still here\n\n' : batch.map(textOf).join('')
      if (response.destroyed) break
      if (!response.write(text)) await Promise.race([once(response, 'drain'), once(response, 'close')])
    }
  } finally {
    clearInterval(timer)
    response.end()
  }
}

/** JSON has no line breaks in it. */
function textOf({ id, event, data }: ServerEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
