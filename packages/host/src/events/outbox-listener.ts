import type { Pool, PoolClient } from 'pg'

interface OutboxListener {
  /** Listens, unless it does already. */
  open(): Promise<void>
  close(): void
}

/** Hears of new events at once. A connection that was lost is opened again by the next `open()`. */
export function createOutboxListener(pool: Pool, onEvent: () => void): OutboxListener {
  let opened: { drop: () => void } | undefined
  let opening: Promise<void> | undefined
  let closed = true

  async function connect(): Promise<void> {
    const client = await pool.connect()
    const connection = { drop: dropOnce(client, () => (opened = undefined)) }
    client.on('error', connection.drop)
    client.on('notification', onEvent)
    opened = connection
    try {
      await client.query('LISTEN tenon_outbox')
    } catch (error) {
      connection.drop()
      throw error
    }
    if (closed) connection.drop()
  }

  return {
    async open() {
      closed = false
      if (!opened) opening ??= connect().finally(() => (opening = undefined))
      await opening
    },
    close() {
      closed = true
      opened?.drop()
    },
  }
}

/** Ends the connection, also when it is told so twice: nobody else may get one that listens. */
function dropOnce(client: PoolClient, onDrop: () => void): () => void {
  let dropped = false
  return () => {
    if (dropped) return
    dropped = true
    onDrop()
    client.removeAllListeners('notification')
    client.release(true)
  }
}
