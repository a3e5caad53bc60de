import type { Answer, Reply } from './exchange.js'

/** What a stand-in does instead of answering as it should. */
export interface Fault {
  /** End of the request's path (without its query), e.g. `registered-models/search`; or a pattern for the whole path. */
  readonly path: string | RegExp
  /** An HTTP status, or `hang` (never answers), or `reset` (drops the connection without an answer). */
  readonly status: number | 'hang' | 'reset'
  /** How many requests fail; default 1. */
  readonly times?: number
  /** How many matching requests are still answered properly first, e.g. 1 to fail the second page; default 0. */
  readonly after?: number
  readonly headers?: Readonly<Record<string, string>>
  /** Body of the failing answer; default: what the real server says with that status. An object is sent as JSON. */
  readonly body?: string | object
}

export interface Faults {
  failNext(fault: Fault): void
  /** The answer of the fault that is due for this path, if one is. */
  take(path: string): Answer | undefined
}

/** Faults on demand, in front of a stand-in's own answers. `usual` is what the real server says with a status at a path. */
export function createFaults(usual: (status: number, path: string) => Reply): Faults {
  let pending: { fault: Fault; skips: number; left: number }[] = []

  const due = (path: string): Fault | undefined => {
    for (const entry of pending) {
      if (!matches(entry.fault.path, path)) continue
      if (entry.skips > 0) {
        entry.skips -= 1
        continue
      }
      entry.left -= 1
      pending = pending.filter(({ left }) => left > 0)
      return entry.fault
    }
    return undefined
  }

  return {
    failNext(fault) {
      pending.push({ fault, skips: fault.after ?? 0, left: fault.times ?? 1 })
    },
    take(path) {
      const fault = due(path)
      return fault && answerOf(fault, (status) => usual(status, path))
    },
  }
}

function answerOf({ status, headers, body }: Fault, usual: (status: number) => Reply): Answer {
  if (typeof status === 'string') return status
  const reply = usual(status)
  const isJson = typeof body === 'object'
  return {
    status,
    headers: { ...reply.headers, ...(isJson && { 'content-type': 'application/json' }), ...headers },
    body: isJson ? JSON.stringify(body) : (body ?? reply.body),
  }
}

function matches(wanted: string | RegExp, path: string): boolean {
  return typeof wanted === 'string' ? path.endsWith(wanted) : wanted.test(path)
}
