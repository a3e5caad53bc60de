import type { Lookup } from './connect.js'

/**
 * A process looks up so many names at the same moment and no more, and a name server that does not answer holds one of
 * the places for many seconds, whoever still waits for it. So each asker has one at a time: who asks for such names waits
 * for them itself.
 *
 * @param longestWaitMs whoever has waited for a turn that long has gone
 */
export function createLookupTurns(
  lookup: Lookup,
  longestWaitMs: number,
): (asker: string, host: string) => ReturnType<Lookup> {
  const askers = new Map<string, { last: Promise<unknown>; byHost: Map<string, ReturnType<Lookup>> }>()

  return (asker, host) => {
    const turns = askers.get(asker) ?? { last: Promise.resolve(), byHost: new Map<string, ReturnType<Lookup>>() }
    askers.set(asker, turns)
    const known = turns.byHost.get(host)
    if (known) return known
    const since = performance.now()
    const mine = turns.last.then(() => {
      if (performance.now() - since < longestWaitMs) return lookup(host)
      throw Object.assign(new Error(`getaddrinfo EAI_AGAIN ${host}`), { code: 'EAI_AGAIN' })
    })
    turns.byHost.set(host, mine)
    turns.last = mine
      .catch(() => undefined)
      .then(() => {
        turns.byHost.delete(host)
        if (turns.byHost.size === 0) askers.delete(asker)
      })
    return mine
  }
}
