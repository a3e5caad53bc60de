import { connect } from 'node:net'
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createPluginHost } from '@tenon/host'
import { createTestDatabase } from '@tenon/embedded-postgres/testing'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parseSettings, type Settings } from './env.js'
import { type RunningServer, startServer } from './server.js'

let directory: string
let running: RunningServer | undefined
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenon-server-'))
  // For the account that Postgres runs under when root runs the tests.
  await chmod(directory, 0o711)
})
afterEach(async () => {
  await running?.stop()
  running = undefined
})
afterAll(() => rm(directory, { recursive: true, force: true }))

const log = pino({ level: 'silent' })
const registration = {
  organizationName: 'Acme',
  name: 'Ada',
  surname: 'Admin',
  email: 'ada@example.com',
  password: 'correct horse battery',
}

async function start(settings: Partial<Settings>, more: Partial<Parameters<typeof startServer>[1]> = {}) {
  const all = { ...parseSettings({ TENON_DATA_DIR: join(directory, 'data') }), port: 0, ...settings }
  running = await startServer(all, { log, ...more })
  return running
}

const post = (path: string, body: unknown) =>
  fetch(`${running?.url}${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })

describe('with the database that it carries along', () => {
  it('starts on nothing, and finds everything again after a restart', async () => {
    await start({})
    expect((await post('/api/auth/register', registration)).status).toBe(201)
    const health = (await (await fetch(`${running?.url}/api/health`)).json()) as {
      data: { marketplace: { entries: number } }
    }
    expect(health.data.marketplace.entries).toBe(3)
    await running?.stop()
    await start({})
    const login = await post('/api/auth/login', { email: registration.email, password: registration.password })
    expect(login.status).toBe(200)
    expect((await stat(join(directory, 'data', 'secrets.json'))).mode & 0o777).toBe(0o600)
  })
})

describe('with a database of its operator', () => {
  it('starts there, and says what is wrong when it cannot', async () => {
    const database = await createTestDatabase()
    const { host, port, user, password, database: name } = database.connection
    const databaseUrl = `postgres://${user}:${encodeURIComponent(password)}@/${name}?host=${encodeURIComponent(host)}&port=${port}`
    await start({ databaseUrl })
    expect((await fetch(`${running?.url}/api/ready`)).status).toBe(200)
    await running?.stop()
    await database.drop()
    await expect(start({ databaseUrl })).rejects.toThrow(/^The database .* cannot be used: .*Check DATABASE_URL\.$/)
    await expect(start({ databaseUrl: 'postgres://a:b@127.0.0.1:1/c' })).rejects.toThrow(
      /^The database 127.0.0.1:1\/c cannot be used: connect ECONNREFUSED/,
    )
  })
})

describe('starting', () => {
  it('fails before it touches anything when the port is in use', async () => {
    const { url } = await start({})
    const again = { ...parseSettings({ TENON_DATA_DIR: join(directory, 'never') }), port: Number(new URL(url).port) }
    await expect(startServer(again, { log })).rejects.toThrow(/^Port \d+ of 127.0.0.1 is in use/)
    await expect(stat(join(directory, 'never'))).rejects.toThrow('ENOENT')
  })

  it('answers 503 until it is ready, and stops what was started when a later step fails', async () => {
    let answer: Promise<Response> | undefined
    const port = await freePort()
    const failing = start(
      { port },
      {
        createHost: async (options) => {
          answer = fetch(`http://127.0.0.1:${port}/api/ready`)
          await answer
          await createPluginHost(options)
          throw new Error('the sandbox does not hold')
        },
      },
    )
    await expect(failing).rejects.toThrow('the sandbox does not hold')
    expect((await answer)?.status).toBe(503)
    await start({ port })
  })
})

describe('stopping', () => {
  it('lets a request that is at work finish, takes no new one, and then stops at once', async () => {
    const [begun, mayGoOn] = [signal(), signal()]
    const server = await start(
      {},
      {
        async createHost(options) {
          const host = await createPluginHost(options)
          const createTenant = async (organizationId: number) => {
            begun.give()
            await mayGoOn.given
            await host.createTenant(organizationId)
          }
          return { ...host, createTenant }
        },
      },
    )
    const atWork = post('/api/auth/register', { ...registration, email: 'late@example.com' })
    await begun.given
    const stopped = server.stop()
    await expect.poll(() => connects(server.url)).toBe(false)
    mayGoOn.give()
    expect((await atWork).status).toBe(201)
    let isStopped = false
    void stopped.then(() => (isStopped = true))
    // It gives requests ten seconds, which it does not wait for when none is left.
    await expect.poll(() => isStopped, { timeout: 8_000 }).toBe(true)
  })

  it('may be asked for twice', async () => {
    const server = await start({})
    await Promise.all([server.stop(), server.stop()])
  })
})

function signal() {
  let give = () => {}
  const given = new Promise<void>((resolve) => (give = resolve))
  return { give: () => give(), given }
}

async function freePort(): Promise<number> {
  const probe = await start({})
  await probe.stop()
  return Number(new URL(probe.url).port)
}

function connects(url: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('connect', () => (socket.destroy(), resolve(true))).on('error', () => resolve(false))
  })
}
