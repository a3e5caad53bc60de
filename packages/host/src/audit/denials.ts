import type { Audit, AuditEntry } from './audit.js'

/** Who was denied something. */
export type DeniedParty = Pick<AuditEntry, 'organizationId' | 'userId' | 'pluginKey'>

/** Denied attempts: one entry a minute for each thing that somebody was denied, with how often. */
export interface Denials {
  count(party: DeniedParty, what: string): void
  start(): void
  stop(): Promise<void>
}

interface DenialsOptions {
  audit: Pick<Audit, 'record'>
  everyMs?: number
}

/** Different things that one party tries within a minute; a plugin can make up as many names as it likes. */
const maxDifferent = 20
const maxParties = 1_000
/** Stands for everybody beyond them: who it was is not known any more, but that something was tried is. */
const otherParties: DeniedParty = {}
const maxLength = 300

const keyOf = ({ organizationId, userId, pluginKey }: DeniedParty) =>
  JSON.stringify([organizationId, userId, pluginKey])

interface Counted {
  party: DeniedParty
  since: Date
  attempts: Map<string, number>
}

export function createDenials({ audit, everyMs = 60_000 }: DenialsOptions): Denials {
  let parties = new Map<string, Counted>()
  let timer: NodeJS.Timeout | undefined

  async function write(): Promise<void> {
    const counted = [...parties.values()]
    parties = new Map()
    const entries = counted.flatMap(({ party, since, attempts }) =>
      [...attempts].map(([what, times]) => ({
        ...party,
        action: 'attempt',
        outcome: 'denied',
        details: { what, times, since: since.toISOString() },
      })),
    )
    await Promise.all(entries.map((entry) => audit.record(entry)))
  }

  function add(party: DeniedParty, what: string): void {
    const counted: Counted = parties.get(keyOf(party)) ?? { party, since: new Date(), attempts: new Map() }
    parties.set(keyOf(party), counted)
    const { attempts } = counted
    const named = attempts.has(what) || attempts.size < maxDifferent ? what : 'other things'
    attempts.set(named, (attempts.get(named) ?? 0) + 1)
  }

  return {
    count({ organizationId, userId, pluginKey }, what) {
      const party = { organizationId, userId, pluginKey }
      if (parties.has(keyOf(party)) || parties.size < maxParties) add(party, what.slice(0, maxLength))
      else add(otherParties, 'things of other parties')
    },
    start() {
      timer = setInterval(() => void write(), everyMs)
      timer.unref()
    },
    async stop() {
      clearInterval(timer)
      await write()
    },
  }
}
