import { PluginInstallationStatus as Status, type CatalogEntry } from '@tenon/contract'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { inTransaction, type TenantScope } from '../migrations/index.js'
import { createNotifications, type Notifications } from '../notifications/index.js'
import { createTenancyDatabase, type TenancyDatabase } from '../testing/tenancy-database.js'
import { createInstallationStore, type InstallationStore } from './installation-store.js'
import { createKnownInstallations } from './known-installations.js'
import { installationsMigration } from './migration.js'

let database: TenancyDatabase
let tenant: TenantScope
const started: Notifications[] = []
beforeAll(async () => {
  database = await createTenancyDatabase()
  await inTransaction(database.pool, (client) => installationsMigration.up(client, undefined))
  tenant = await database.tenancy.createTenant(1)
})
afterEach(() => Promise.all(started.splice(0).map((notifications) => notifications.stop())))
afterAll(() => database.drop())

/** One server: its store that remembers, and how often that asked the database. */
async function startServer(slow: (store: InstallationStore) => InstallationStore = (store) => store) {
  const plain = createInstallationStore({ pool: database.pool, replicaId: 'a server', claimMs: 60_000 })
  const notifications = createNotifications({ pool: database.pool, log: () => {}, retryMs: 100 })
  const findByKey = vi.fn(plain.findByKey)
  const store = createKnownInstallations({ store: slow({ ...plain, findByKey }), notifications })
  await notifications.start()
  started.push(notifications)
  return { store, notifications, asked: () => findByKey.mock.calls.length }
}

async function install(store: InstallationStore, pluginKey: string): Promise<number> {
  const { claim } = await store.claimNew(tenant, {
    pluginKey,
    version: '1.0.0',
    manifest: { key: pluginKey, displayName: pluginKey } as CatalogEntry,
    source: 'here',
    attempt: crypto.randomUUID(),
  })
  return (await store.settle(claim, { status: Status.INSTALLED })).id
}

const statusOf = async (store: InstallationStore, pluginKey: string) =>
  (await store.findByKey(tenant, pluginKey))?.status
const setStatus = (pluginKey: string, status: string) =>
  database.pool.query(`UPDATE "${tenant.schema}".plugin_installations SET status = $2 WHERE plugin_key = $1`, [
    pluginKey,
    status,
  ])
const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 5_000, interval: 10 })

test('a row is asked for once, until it changes', async () => {
  const { store, asked } = await startServer()
  await install(store, 'often')
  // The last of what the installation said of itself.
  await until(async () => {
    const before = asked()
    await store.findByKey(tenant, 'often')
    await store.findByKey(tenant, 'often')
    expect(asked()).toBe(before)
  })
  const before = asked()
  for (let n = 0; n < 100; n += 1) expect(await statusOf(store, 'often')).toBe('installed')
  expect(asked()).toBe(before)
  await setStatus('often', 'disabled')
  await until(async () => expect(await statusOf(store, 'often')).toBe('disabled'))
})

test('what one server changes, it sees at once, and another one as soon as Postgres has said so', async () => {
  const [one, two] = [await startServer(), await startServer()]
  const id = await install(one.store, 'shared')
  for (let round = 0; round < 20; round += 1) {
    const [from, to] = round % 2 ? [Status.DISABLED, Status.INSTALLED] : [Status.INSTALLED, Status.DISABLED]
    await until(async () => expect(await statusOf(two.store, 'shared')).toBe(from))
    const { claim } = await one.store.claim(tenant, id, [from])
    await one.store.settle(claim, { status: to })
    expect(await statusOf(one.store, 'shared')).toBe(to)
  }
  const { claim } = await one.store.claim(tenant, id, [Status.INSTALLED, Status.DISABLED])
  await one.store.remove(claim)
  expect(await statusOf(one.store, 'shared')).toBeUndefined()
  await until(async () => expect(await statusOf(two.store, 'shared')).toBeUndefined())
})

test('nothing is remembered while notifications may be missed', async () => {
  const { store, notifications } = await startServer()
  await install(store, 'alone')
  expect(await statusOf(store, 'alone')).toBe('installed')
  await database.pool.query(
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN %'`,
  )
  await until(() => expect(notifications.isListening()).toBe(false))
  await setStatus('alone', 'disabled')
  expect(await statusOf(store, 'alone')).toBe('disabled')
  await until(() => expect(notifications.isListening()).toBe(true))
  await setStatus('alone', 'installed')
  await until(async () => expect(await statusOf(store, 'alone')).toBe('installed'))
})

test('a row that was read before a change is not kept after it', async () => {
  let arrive = () => {}
  const held: Promise<void>[] = []
  const { store } = await startServer((plain) => ({
    ...plain,
    findByKey: async (...asked) => {
      const row = await plain.findByKey(...asked)
      await held.shift()
      return row
    },
  }))
  await install(store, 'late')
  held.push(new Promise((resolve) => (arrive = resolve)))
  const reading = statusOf(store, 'late')
  await new Promise((resolve) => setTimeout(resolve, 50))
  await setStatus('late', 'disabled')
  // Another answer of the same channel shows that this one was heard.
  await until(async () => expect(await statusOf(store, 'late')).toBe('disabled'))
  await new Promise((resolve) => setTimeout(resolve, 100))
  arrive()
  expect(await reading).toBe('installed')
  expect(await statusOf(store, 'late')).toBe('disabled')
})
