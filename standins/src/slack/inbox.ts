/** A message that arrived in a channel. */
export interface Message {
  /** Slack's `ts`, unique in its channel. */
  readonly ts: string
  readonly at: Date
  readonly via: 'webhook' | 'chat.postMessage'
  readonly teamId: string
  readonly teamName: string
  readonly channelId: string
  /** Without the number sign. */
  readonly channelName: string
  /** As sent, in Slack's markup; empty when the message has only blocks or attachments. */
  readonly text: string
  /** Everything that was sent. */
  readonly payload: Readonly<Record<string, unknown>>
}

export interface Inbox {
  readonly messages: readonly Message[]
  add(message: Omit<Message, 'ts' | 'at'>): Message
  /**
   * The first message, arrived already or still to come, that `predicate` accepts.
   * Rejects after `timeoutMs` with a list of what did arrive.
   */
  waitFor(predicate: (message: Message) => boolean, timeoutMs: number): Promise<Message>
}

/** Keeps messages in order of arrival. */
export function createInbox(): Inbox {
  const messages: Message[] = []
  const listeners = new Set<(message: Message) => void>()

  return {
    messages,

    add(given) {
      const at = new Date()
      const ts = `${Math.floor(at.getTime() / 1000)}.${String(messages.length + 1).padStart(6, '0')}`
      const message = { ...given, ts, at }
      messages.push(message)
      for (const listener of [...listeners]) listener(message)
      return message
    },

    waitFor(predicate, timeoutMs) {
      const arrived = messages.find(predicate)
      if (arrived) return Promise.resolve(arrived)
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          listeners.delete(listener)
          const others = messages.map(({ channelName, text }) => `#${channelName}: ${text}`).join('\n') || 'nothing'
          reject(new Error(`No such message arrived within ${timeoutMs} ms. What arrived:\n${others}`))
        }, timeoutMs)
        const listener = (message: Message): void => {
          if (!predicate(message)) return
          clearTimeout(timer)
          listeners.delete(listener)
          resolve(message)
        }
        listeners.add(listener)
      })
    },
  }
}
