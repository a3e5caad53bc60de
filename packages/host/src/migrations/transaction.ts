import type { Pool, PoolClient } from 'pg'

/**
 * Lends `work` one connection. A connection that breaks meanwhile is an error of the statement that needed it, never of
 * the process, and does not go back to the pool; neither does a transaction that `work` left open.
 *
 * @throws what `work` throws
 */
export async function onConnection<Result>(pool: Pool, work: (client: PoolClient) => Promise<Result>): Promise<Result> {
  const client = await pool.connect()
  let broken = false
  const noteBroken = () => void (broken = true)
  // While a connection is lent, the pool does not listen: an error event that nobody hears would end the process.
  client.on('error', noteBroken)
  try {
    return await work(client)
  } catch (error) {
    await client.query('ROLLBACK').catch(noteBroken)
    throw error
  } finally {
    client.release(broken)
    client.off('error', noteBroken)
  }
}

/**
 * Commits what `work` did on its connection, or nothing of it.
 *
 * @throws what `work` throws
 */
export async function inTransaction<Result>(
  pool: Pool,
  work: (client: PoolClient) => Promise<Result>,
): Promise<Result> {
  return onConnection(pool, async (client) => {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    return result
  })
}
