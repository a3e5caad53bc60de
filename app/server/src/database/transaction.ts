import type { ClientBase, Pool, PoolClient } from 'pg'

/** Anything that runs a statement: the pool, or one connection inside a transaction. */
export type Queryable = Pick<ClientBase | Pool, 'query'>

/** Commits what `work` did, or nothing of it. */
export async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const result = await work(client)
    await client.query('COMMIT')
    client.release()
    return result
  } catch (error) {
    const broken = await client.query('ROLLBACK').then(
      () => false,
      () => true,
    )
    client.release(broken)
    throw error
  }
}
