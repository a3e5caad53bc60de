import type { IncomingHttpHeaders } from 'node:http'
import { parsedBody, type Asked } from './exchange.js'

/** One request that reached a stand-in, in order of arrival. */
export interface LoggedRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingHttpHeaders
  /** Parsed when it was JSON or a form; otherwise undefined. */
  readonly body: Readonly<Record<string, unknown>> | undefined
  readonly at: Date
}

export interface RequestLog {
  readonly requests: LoggedRequest[]
  add(asked: Asked): void
}

/** Keeps every request, so that a test can ask what a client really sent. */
export function createRequestLog(): RequestLog {
  const requests: LoggedRequest[] = []
  return {
    requests,
    add(asked) {
      const { method, path, query, headers } = asked
      requests.push({
        method,
        path,
        query: Object.fromEntries(query),
        headers,
        body: parsedBody(asked),
        at: new Date(),
      })
    },
  }
}
