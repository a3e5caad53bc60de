import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openHostDatabase } from './host-database.js'

const log = pino({ level: 'silent' })
let database: TestDatabase
let url: string
beforeAll(async () => {
  database = await createTestDatabase()
  const { host, port, user, password, database: name } = database.connection
  url = `postgres://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}&port=${port}`
})
afterAll(() => database.drop())

describe('the database of a host', () => {
  test('is taken apart from its URL, because a URL outranks the user of a plugin role', async () => {
    for (const connection of [url, { connectionString: url }]) {
      const opened = openHostDatabase({ connection }, log)
      expect(opened.connection).toMatchObject(database.connection)
      expect(opened.connection).not.toHaveProperty('connectionString')
      expect(new pg.Client({ ...opened.connection, user: 'of_a_plugin' }).user).toBe('of_a_plugin')
      await opened.close()
    }
  })

  test('gets connections on which nothing of a plugin can stand in for something of the server', async () => {
    const opened = openHostDatabase({ connection: database.connection }, log)
    const { rows } = await opened.pool.query('SELECT current_setting($1) AS path', ['search_path'])
    expect(rows).toEqual([{ path: 'pg_catalog,public' }])
    await opened.close()
    await opened.close()
    expect(opened.pool.ended).toBe(true)
  })

  test('says that a connection was lost, but not while it is closing them itself', async () => {
    const said: string[] = []
    const lines = pino({ level: 'warn' }, { write: (line) => void said.push(line) })
    const opened = openHostDatabase({ connection: database.connection }, lines)
    const { rows } = await opened.pool.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    const other = new pg.Client(database.connection)
    await other.connect()
    await other.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
    await other.end()
    await expect.poll(() => said.join('')).toContain('database-connection-lost')
    said.length = 0
    await opened.pool.query('SELECT 1')
    const closed = opened.close()
    // What the driver tells when the server ends first: a server that is stopped next does.
    opened.pool.emit('error', new Error('terminating connection due to administrator command'), new pg.Client())
    await closed
    expect(said).toEqual([])
  })

  test('leaves a pool of the application open', async () => {
    const pool = new pg.Pool(database.connection)
    const opened = openHostDatabase({ pool, connection: database.connection }, log)
    expect(opened.pool).toBe(pool)
    await opened.close()
    expect(pool.ended).toBe(false)
    await pool.end()
  })
})
