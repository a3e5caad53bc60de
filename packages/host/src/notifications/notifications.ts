import type { Pool, PoolClient } from 'pg'

export interface ChannelListener {
  heard(payload: string): void
  /** Whatever was said until now may have been missed: when listening begins, and when it was interrupted. */
  missed?(): void
}

/** What other replicas, and this one, say through the database as soon as they have committed. */
export interface Notifications {
  /** False while notifications may be missed. */
  isListening(): boolean
  /** To be called before `start()`. */
  subscribe(channel: string, listener: ChannelListener): void
  /** @throws when the database cannot be reached */
  start(): Promise<void>
  stop(): Promise<void>
}

interface NotificationsOptions {
  pool: Pool
  log: (event: string, fields: Record<string, unknown>) => void
  /** Between two attempts to listen again, in milliseconds. */
  retryMs?: number
}

/** One connection of the pool listens for everybody; one that was lost is opened again until it works. */
export function createNotifications({ pool, log, retryMs = 2_000 }: NotificationsOptions): Notifications {
  const channels = new Map<string, ChannelListener[]>()
  let listening: { end: () => void } | undefined
  let opening: Promise<void> | undefined
  let retry: NodeJS.Timeout | undefined
  let stopped = true

  const everybodyMissed = () => [...channels.values()].flat().forEach(({ missed }) => missed?.())

  async function open(): Promise<void> {
    const client = await pool.connect()
    const end = endOnce(client)
    const own = { end }
    const lost = (error: Error) => {
      end()
      // One that breaks before it listens says so where it was opened.
      if (listening !== own) return
      listening = undefined
      if (stopped) return
      log('notifications-failed', { reason: error.message })
      everybodyMissed()
      tryAgain()
    }
    client.on('error', lost)
    client.on('notification', ({ channel, payload = '' }) =>
      channels.get(channel)?.forEach((listener) => listener.heard(payload)),
    )
    try {
      for (const channel of channels.keys()) await client.query(`LISTEN ${client.escapeIdentifier(channel)}`)
    } catch (error) {
      end()
      throw error
    }
    if (stopped) return end()
    listening = own
    everybodyMissed()
  }

  function tryAgain(): void {
    retry = setTimeout(() => {
      opening = open().catch((error: unknown) => {
        log('notifications-failed', { reason: error instanceof Error ? error.message : String(error) })
        if (!stopped) tryAgain()
      })
    }, retryMs)
  }

  return {
    isListening: () => listening !== undefined,
    subscribe(channel, listener) {
      channels.set(channel, [...(channels.get(channel) ?? []), listener])
    },
    async start() {
      stopped = false
      opening = open()
      await opening
    },
    async stop() {
      stopped = true
      clearTimeout(retry)
      await opening?.catch(() => {})
      listening?.end()
      listening = undefined
    },
  }
}

/** Ends the connection, also when it is told so twice: nobody else may get one that listens. */
function endOnce(client: PoolClient): () => void {
  let ended = false
  return () => {
    if (ended) return
    ended = true
    client.removeAllListeners('notification')
    client.release(true)
  }
}
