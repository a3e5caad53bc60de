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

  test('leaves a pool of the application open', async () => {
    const pool = new pg.Pool(database.connection)
    const opened = openHostDatabase({ pool, connection: database.connection }, log)
    expect(opened.pool).toBe(pool)
    await opened.close()
    expect(pool.ended).toBe(false)
    await pool.end()
  })
})
