import { createTestDatabase, type TestDatabase } from '@tenon/embedded-postgres/testing'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { createNotifications } from './notifications.js'

let database: TestDatabase
let pool: pg.Pool
let way: Server
/** Between host and database, so that a connection can be cut at a word of its own. */
const sockets = new Set<Socket>()
let cutAt: string | undefined

beforeAll(async () => {
  database = await createTestDatabase()
  way = createServer((socket) => {
    const { host, port } = database.connection
    const server = connect(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port })
    sockets.add(socket)
    socket.on('data', (bytes) => {
      if (cutAt === undefined || !bytes.includes(cutAt)) return void server.write(bytes)
      cutAt = undefined
      socket.destroy()
    })
    server.on('data', (bytes) => socket.write(bytes))
    for (const end of [socket, server]) {
      end.on('error', () => undefined)
      end.on('close', () => [socket, server].forEach((other) => other.destroy()))
    }
    socket.on('close', () => sockets.delete(socket))
  }).listen(0, '127.0.0.1')
  await once(way, 'listening')
  const { port } = way.address() as AddressInfo
  pool = new pg.Pool({ ...database.connection, host: '127.0.0.1', port })
  pool.on('error', () => undefined)
})
afterAll(async () => {
  await pool.end()
  way.close()
  await database.drop()
})

test('what is said is heard once after the connection was lost twice, the second time in the middle of listening', async () => {
  const notifications = createNotifications({ pool, log: () => {}, retryMs: 50 })
  const heard: string[] = []
  notifications.subscribe('news', { heard: (word) => heard.push(word) })
  await notifications.start()
  cutAt = 'LISTEN'
  sockets.forEach((socket) => socket.destroy())
  await vi.waitFor(() => expect(cutAt).toBeUndefined())
  await vi.waitFor(() => expect(notifications.isListening()).toBe(true))
  // Two that try again would both listen by now.
  await new Promise((resolve) => setTimeout(resolve, 200))
  await pool.query(`NOTIFY news, 'first'`)
  await vi.waitFor(() => expect(heard).toEqual(['first']))
  await pool.query(`NOTIFY news, 'second'`)
  await vi.waitFor(() => expect(heard.at(-1)).toBe('second'))
  expect(heard).toEqual(['first', 'second'])
  expect(pool.totalCount - pool.idleCount).toBe(1)
  await notifications.stop()
  expect(pool.totalCount - pool.idleCount).toBe(0)
})
