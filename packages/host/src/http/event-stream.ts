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

/** Who gets the events, and how to stop them. */
export interface StreamReader {
  end: () => void
  /** Whether whoever reads may still do so, as far as that can be told; asked every so many milliseconds. */
  mayRead: () => Promise<boolean>
  recheckMs: number
}

/**
 * Sends events until there are no more, or the reader has gone or may no longer read, or the server stops. An empty
 * batch is sent as a comment, so that nothing between here and the reader takes the stream for dead.
 */
export async function sendEvents(
  response: Response,
  events: AsyncGenerator<ServerEvent[], void, undefined>,
  reader: StreamReader,
): Promise<void> {
  const server = (response.socket as unknown as { server?: Server } | null)?.server
  const timer = setInterval(() => server?.listening === false && reader.end(), lookMs)
  const stopAsking = askAgain(reader)
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
    stopAsking()
    response.end()
  }
}

/** One question at a time, however long its answer takes. */
function askAgain({ end, mayRead, recheckMs }: StreamReader): () => void {
  let isAsking = false
  const ask = async () => {
    if (isAsking) return
    isAsking = true
    if (!(await mayRead())) end()
    isAsking = false
  }
  const timer = setInterval(() => void ask(), recheckMs)
  return () => clearInterval(timer)
}

/** JSON has no line breaks in it. */
function textOf({ id, event, data }: ServerEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`
}
