import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { parseHostMap } from './egress/index.js'
import {
  createApi,
  openReplica,
  prepareSurroundings,
  type Replica,
  type Surroundings,
  type TestPlugin,
} from './testing/host-in-test.js'

const count = 120
/** Events of one plugin that a server has under way at the same moment. */
const atOncePerPlugin = 4
const crashHost = fileURLToPath(new URL('../dist/testing/crash-host.js', import.meta.url))

/** Tells a service outside of every event. */
const teller: TestPlugin = {
  key: 'teller',
  entry: {
    permissions: { events: ['note.*'], network: { hosts: ['service.example:80'], reason: 'tells it' } },
    contributes: { events: [{ name: 'note.written', handler: 'onNote' }] },
  },
  files: {
    'index.ts': `
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      export async function onNote({ id }: any) { await fetch('http://service.example/', { method: 'POST', body: id }) }`,
  },
}

let surroundings: Surroundings
let service: Server
let child: ChildProcess | undefined
let successor: Replica | undefined
const told: string[] = []

beforeAll(async () => {
  surroundings = await prepareSurroundings()
  await surroundings.registry.publish(teller)
  service = createServer((request, response) => {
    let id = ''
    request.on('data', (piece) => (id += String(piece)))
    request.on('end', () => {
      told.push(id)
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(service, 'listening')
})
afterAll(async () => {
  child?.kill('SIGKILL')
  await successor?.close()
  service.closeAllConnections()
  service.close()
  await surroundings.close()
})

const hostMap = () => `service.example:80=127.0.0.1:${(service.address() as AddressInfo).port}`
const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 20 })

test(
  'of events that a plugin is told of none is lost when the server is killed among them, and few come twice',
  { timeout: 90_000 },
  async () => {
    const { connection, registry, directory, pool } = surroundings
    const input = { connection, registry: { url: registry.url }, directory: `${directory}/child`, hostMap: hostMap() }
    child = spawn(process.execPath, [crashHost, JSON.stringify(input)], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [string]
    const { url } = JSON.parse(line) as { url: string }
    expect(await createApi(url)('POST', '/install', { pluginKey: 'teller' })).toMatchObject({ status: 201 })

    const { rows } = await pool.query<{ event_id: string }>(
      `INSERT INTO tenon.outbox (organization_id, source, name, payload)
       SELECT 1, 'app', 'note.written', '{}' FROM generate_series(1, $1) RETURNING event_id`,
      [count],
    )
    await until(() => expect(told.length).toBeGreaterThan(count / 2))
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(told.length).toBeLessThan(count)

    successor = await openReplica(surroundings, { egress: { hostMap: parseHostMap(hostMap()) } })
    // What the dead server was delivering is its own for three minutes.
    await pool.query("UPDATE tenon.event_deliveries SET next_attempt_at = now() WHERE state = 'waiting'")
    const waiting = () => pool.query("SELECT FROM tenon.event_deliveries WHERE state = 'waiting'")
    await until(async () => expect((await waiting()).rowCount).toBe(0))
    expect(new Set(told)).toEqual(new Set(rows.map(({ event_id: id }) => id)))
    expect(told.length - count).toBeLessThanOrEqual(atOncePerPlugin)
  },
)
