import http from 'node:http'
import https from 'node:https'

/**
 * Below the host's cap of connections. Clients without a limit open one connection per request and keep each for
 * seconds; a hundred requests at once would wait for those idle connections, and not for one another's answers.
 */
const maxConnectionsPerOrigin = 16

const dispatcherSymbol = Symbol.for('undici.globalDispatcher.1')
type Dispatcher = { constructor: new (options: { connections: number }) => Dispatcher }

/** Limits the agents that `http` and `https` use when a plugin brings none. */
export function limitAgents(): void {
  http.globalAgent.maxSockets = maxConnectionsPerOrigin
  https.globalAgent.maxSockets = maxConnectionsPerOrigin
}

/** Node's `fetch`, limited at its first use: loading it earlier would cost plugins that never fetch 15 ms. */
export function modestFetch(): typeof fetch {
  const original = globalThis.fetch
  let limited = false
  return function fetch(input, init) {
    if (!limited) {
      limited = true
      limitDispatcher(original)
    }
    return original(input, init)
  }
}

function limitDispatcher(original: typeof fetch): void {
  // A request without network makes Node load its client, which then is found under this symbol.
  void original('data:,').then((answer) => answer.text())
  const globals = globalThis as unknown as Record<symbol, Dispatcher | undefined>
  const Agent = globals[dispatcherSymbol]?.constructor
  if (Agent) globals[dispatcherSymbol] = new Agent({ connections: maxConnectionsPerOrigin })
}
