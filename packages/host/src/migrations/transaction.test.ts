import type { Pool, PoolClient } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createHostDatabase } from '../testing/tenancy-database.js'
import { inTransaction } from './transaction.js'

let database: Awaited<ReturnType<typeof createHostDatabase>>
beforeAll(async () => {
  database = await createHostDatabase()
  await database.pool.query('CREATE SCHEMA work; CREATE TABLE work.things (name text)')
})
afterAll(() => database.drop())

async function endConnectionOf(client: PoolClient, pool: Pool): Promise<void> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  await pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
}

const names = async () =>
  (await database.pool.query<{ name: string }>('SELECT name FROM work.things ORDER BY 1')).rows.map(({ name }) => name)

test('commits what was done, or nothing of it', async () => {
  await inTransaction(database.pool, (client) => client.query(`INSERT INTO work.things VALUES ('kept')`))
  const failed = inTransaction(database.pool, async (client) => {
    await client.query(`INSERT INTO work.things VALUES ('lost')`)
    throw new Error('on second thoughts')
  })
  await expect(failed).rejects.toThrow('on second thoughts')
  expect(await names()).toEqual(['kept'])
})

test('a connection that ends between two statements fails the work, not the process', async () => {
  const failed = inTransaction(database.pool, async (client) => {
    await endConnectionOf(client, database.pool)
    // Nobody waits for an answer here: the end arrives as an event of the connection.
    await new Promise((resolve) => setTimeout(resolve, 100))
    await client.query('SELECT 1')
  })
  await expect(failed).rejects.toThrow()
  expect(await names()).toEqual(['kept'])
})

test('a connection that ends in a statement fails the work, not the process', async () => {
  const failed = inTransaction(database.pool, (client) => client.query('SELECT pg_terminate_backend(pg_backend_pid())'))
  await expect(failed).rejects.toThrow()
  const { rows } = await inTransaction(database.pool, (client) => client.query('SELECT 1 AS one'))
  expect(rows).toEqual([{ one: 1 }])
})

test('a broken connection does not go back to the pool, and a whole one carries nothing over', async () => {
  const before = database.pool.totalCount
  await inTransaction(database.pool, (client) => endConnectionOf(client, database.pool)).catch(() => {})
  expect(database.pool.idleCount).toBe(database.pool.totalCount)
  expect(database.pool.totalCount).toBeLessThanOrEqual(before + 1)
  const listeners = async () => inTransaction(database.pool, (client) => Promise.resolve(client.listenerCount('error')))
  const first = await listeners()
  for (let round = 0; round < 20; round += 1) expect(await listeners()).toBe(first)
})
