import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { getTenantHash } from './tenancy/tenant-hash.js'
import {
  createApi,
  openReplica,
  prepareSurroundings,
  readAsRole,
  type CallApi,
  type Replica,
  type Surroundings,
  type TestPlugin,
} from './testing/host-in-test.js'

const schema = getTenantHash(1)
const crashHost = fileURLToPath(new URL('../dist/testing/crash-host.js', import.meta.url))

/** Says so in its log, and then never answers. */
const hang = "console.log('hanging'); await new Promise(() => {})"
/** Waits until somebody adds a project with the plugin's key for a title. */
const waitForGo = (key: string) => `
  console.log('hanging')
  const count = () => context.sequelize.query("SELECT FROM projects WHERE project_title = '${key}'")
  while ((await count())[1].rowCount === 0) await new Promise((go) => setTimeout(go, 20))`

function plugin(key: string, parts: { install?: string; uninstall?: string; rest?: string; shared?: boolean } = {}) {
  const table = key.replaceAll('-', '_')
  return {
    key,
    entry: {
      permissions: parts.shared ? undefined : { database: { tenantSchema: true, tables: { projects: ['select'] } } },
    },
    files: {
      'index.ts': `
        export async function install(userId: number, tenantId: string, config: any, context: any) {
          await context.sequelize.query('CREATE TABLE ${table} (id serial PRIMARY KEY, text text)')
          ${parts.install ?? ''}
          return { success: true }
        }
        export async function uninstall(userId: number, tenantId: string, context: any) {
          await context.sequelize.query('DROP TABLE IF EXISTS ${table}')
          ${parts.uninstall ?? ''}
          return { success: true }
        }
        ${parts.rest ?? ''}
        export const router = {
          'GET /rows': async ({ sequelize }: any) => ({ data: (await sequelize.query('SELECT text FROM ${table}'))[0] }),
          'POST /rows': async ({ sequelize }: any) => { await sequelize.query("INSERT INTO ${table} (text) VALUES ('kept')"); return {} },
        }
        export const metadata = {}`,
    },
  } satisfies TestPlugin
}

/** One plugin for each step of a life at which the server may die. */
const installing = [
  plugin('at-verify'),
  plugin('at-start', { rest: 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)' }),
  plugin('at-prepare'),
  plugin('at-install', { install: hang }),
  plugin('after-commit', { install: waitForGo('after-commit') }),
  plugin('after-commit-shared', { install: waitForGo('after-commit-shared'), shared: true }),
]
const configuring = plugin('at-configure', {
  rest: `export async function configure(u: number, t: string, config: any, context: any) {
    await context.sequelize.query('INSERT INTO at_configure (text) VALUES (:text)', { replacements: config })
    if (config.text === 'later') { ${hang} }
    return { success: true }
  }`,
})
const uninstalling = [
  plugin('at-uninstall', { uninstall: hang }),
  plugin('before-erase', { uninstall: waitForGo('before-erase') }),
  plugin('after-erase'),
  plugin('after-removal'),
]
const updating = plugin('at-update')
const newer = plugin('at-update', {
  rest: `export async function update(u: number, t: string, change: any, context: any) {
    await context.sequelize.query("INSERT INTO at_update (text) VALUES ('by the newer version')")
    ${hang}
  }`,
})
const updated = plugin('after-update')
const updatedTo = plugin('after-update', {
  rest: `export async function update(u: number, t: string, change: any, context: any) {
    await context.sequelize.query("INSERT INTO after_update (text) VALUES ('by the newer version')")
    ${waitForGo('after-update')}
    return { success: true }
  }`,
})
const keeping = plugin('while-kept')
const settled = plugin('after-settle', { install: waitForGo('after-settle') })
const plugins = [...installing, configuring, updating, updated, ...uninstalling, keeping, settled]

let surroundings: Surroundings
let child: ChildProcess
let restarted: Replica | undefined
const childLog: string[] = []

beforeAll(async () => {
  surroundings = await prepareSurroundings()
  await surroundings.registry.publish(...plugins)
  const earlier = await openReplica(surroundings)
  for (const { key } of [updating, updated]) await earlier.api('POST', '/install', { pluginKey: key })
  await earlier.close()
  const asksForMore = { database: { tenantSchema: true, tables: { projects: ['select'], risks: ['select'] } } }
  await surroundings.registry.publish({ ...newer, entry: { version: '2.0.0', permissions: asksForMore } })
  await surroundings.registry.publish({ ...updatedTo, entry: { ...updatedTo.entry, version: '2.0.0' } })
})
afterAll(async () => {
  child?.kill('SIGKILL')
  await restarted?.close()
  await surroundings.close()
})

async function startChild(): Promise<CallApi> {
  const { connection, registry, directory } = surroundings
  const argument = JSON.stringify({ connection, registry: { url: registry.url }, directory })
  child = spawn(process.execPath, [crashHost, argument], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  const first = await new Promise<string>((resolve, reject) => {
    lines.once('line', resolve)
    lines.once('close', () => reject(new Error('the host ended without a word')))
  })
  lines.on('line', (line) => childLog.push(line))
  return createApi((JSON.parse(first) as { url: string }).url)
}

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 30 })
const untilHanging = (key: string) =>
  until(() => expect(childLog.some((line) => line.includes('"hanging"') && line.includes(`"${key}"`))).toBe(true))

async function rows<Row extends pg.QueryResultRow>(sql: string, values: unknown[] = []): Promise<Row[]> {
  return (await surroundings.pool.query<Row>(sql, values)).rows
}

const statuses = async () =>
  Object.fromEntries(
    (
      await rows<{ plugin_key: string; status: string }>(
        `SELECT plugin_key, status FROM "${schema}".plugin_installations`,
      )
    ).map((row) => [row.plugin_key, row.status]),
  )
const tables = async () =>
  (
    await rows<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tableowner LIKE 'tn\\_%' ORDER BY 1",
      [schema],
    )
  ).map(({ name }) => name)
const roles = () =>
  rows<{ owner_key: string; role: string; login: boolean }>(
    'SELECT owner_key, role, login FROM tenon.plugin_roles WHERE organization_id = 1 ORDER BY owner_key',
  )

/** Brings one process to every step at once, and kills it there. */
async function dieEverywhere(): Promise<void> {
  const api = await startChild()
  const send = (...request: Parameters<CallApi>) => void api(...request).catch(() => undefined)
  const install = (key: string) => send('POST', '/install', { pluginKey: key })
  const ids = new Map<string, number>()
  for (const { key } of [configuring, keeping, ...uninstalling]) {
    const answer = await api('POST', '/install', { pluginKey: key })
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
    ids.set(key, (answer.content as { id: number }).id)
  }
  const uninstall = (key: string, query = '') => send('DELETE', `/installations/${ids.get(key)}${query}`)
  const configure = (text: string) =>
    api('PUT', `/installations/${ids.get('at-configure')}/configuration`, { configuration: { text } })
  expect(await configure('earlier')).toMatchObject({ status: 200 })
  expect(await api('POST', '/while-kept/rows')).toMatchObject({ status: 200 })

  // In the plugin's hands
  const inPlugin = ['at-install', 'after-commit', 'after-commit-shared', 'after-settle']
  for (const key of ['at-start', ...inPlugin]) install(key)
  configure('later').catch(() => undefined)
  const inUninstall = ['at-uninstall', 'before-erase']
  for (const key of inUninstall) uninstall(key)
  const listed = (await api('GET', '/installations')).content as { id: number; pluginKey: string }[]
  const idOf = (key: string) => listed.find(({ pluginKey }) => pluginKey === key)?.id
  send('POST', `/installations/${idOf(updated.key)}/update`)
  send('POST', `/installations/${idOf(updating.key)}/update`, { permissions: ['own-tables', 'table:risks:select'] })
  for (const key of [...inPlugin, 'at-configure', 'at-update', 'after-update', ...inUninstall]) await untilHanging(key)

  // Between two steps of the host: it waits for a table that this connection has locked
  const blocker = await surroundings.pool.connect()
  const block = (table: string) => blocker.query(`LOCK TABLE tenon.${table} IN SHARE MODE`)
  const go = (key: string) =>
    surroundings.pool.query(`INSERT INTO "${schema}".projects (project_title) VALUES ('${key}')`)
  await blocker.query('BEGIN')

  await block('plugin_events')
  uninstall('after-removal')
  await go('after-settle')
  await until(async () => {
    expect(await statuses()).toMatchObject({ 'after-settle': 'installed' })
    expect(await statuses()).not.toHaveProperty('after-removal')
  })

  await block('connections')
  uninstall('after-erase')
  uninstall('while-kept', '?data=keep')
  await until(async () => {
    expect((await roles()).map(({ owner_key }) => owner_key)).not.toContain('after-erase')
    expect(await roles()).toContainEqual(expect.objectContaining({ owner_key: 'while-kept', login: false }))
  })

  await block('plugin_roles')
  const releaseAtVerify = surroundings.registry.hold('/at-verify/index.ts')
  install('at-verify')
  install('at-prepare')
  await go('before-erase')
  await until(async () => expect(await waitingFor('plugin_roles')).toBeGreaterThanOrEqual(1))
  await until(async () => expect(await statuses()).toMatchObject({ 'at-verify': 'installing' }))

  await block('open_claims')
  await go('after-commit')
  await go('after-commit-shared')
  await go('after-update')
  await until(async () =>
    expect(await tables()).toEqual(expect.arrayContaining(['after_commit', 'after_commit_shared'])),
  )
  await until(async () => expect(await notedTransaction('after-update')).toBe('committed'))

  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
  await blocker.query('ROLLBACK')
  blocker.release()
  releaseAtVerify()
}

/** What became of the transaction that an update has noted. */
async function notedTransaction(key: string): Promise<string | undefined> {
  const [row] = await rows<{ status: string }>(
    `SELECT pg_xact_status((metadata #>> '{updating,transaction}')::xid8) AS status
     FROM "${schema}".plugin_installations WHERE plugin_key = $1`,
    [key],
  )
  return row?.status
}

async function waitingFor(table: string): Promise<number> {
  const found = await rows('SELECT FROM pg_locks WHERE NOT granted AND relation = $1::regclass', [`tenon.${table}`])
  return found.length
}

/** The claims of a dead server live on for a while. */
async function letTimePass(): Promise<void> {
  await surroundings.pool.query("UPDATE tenon.open_claims SET expires_at = now() - interval '1 second'")
  await surroundings.pool.query(
    `UPDATE "${schema}".plugin_installations SET claim_expires_at = now() - interval '1 second' WHERE claimed_by IS NOT NULL`,
  )
}

describe('a server that is killed at every step of installing, updating, configuring and uninstalling', () => {
  let left: number[] = []

  test('dies', { timeout: 60_000 }, async () => {
    await dieEverywhere()
    left = await processesOf(surroundings)
    const open = await rows('SELECT FROM tenon.open_claims')
    expect(open.length).toBe(installing.length + 3 + 4)
  })

  test('leaves to its successor nothing that is half done', { timeout: 60_000 }, async () => {
    await letTimePass()
    restarted = await openReplica(surroundings, { limits: { runtime: { uninstallMs: 500, graceMs: 100 } } })
    await until(async () => expect(await rows('SELECT FROM tenon.open_claims')).toEqual([]))

    const expected = Object.fromEntries([
      ...installing.map(({ key }) => [key, 'failed']),
      ['at-configure', 'installed'],
      ['at-update', 'installed'],
      ['after-update', 'installed'],
      ['after-settle', 'installed'],
    ]) as Record<string, string>
    expect(await statuses()).toEqual(expected)
    expect(await tables()).toEqual(['after_settle', 'after_update', 'at_configure', 'at_update', 'while_kept'])
    expect(await roles()).toMatchObject([
      { owner_key: 'after-settle', login: true },
      { owner_key: 'after-update', login: true },
      { owner_key: 'at-configure', login: true },
      { owner_key: 'at-update', login: true },
      { owner_key: expect.stringMatching(/^source:/) as string },
      { owner_key: 'while-kept', login: false },
    ])
    const claimed = await rows(`SELECT FROM "${schema}".plugin_installations WHERE claimed_by IS NOT NULL`)
    expect(claimed).toEqual([])
  })

  test('leaves no role that the platform does not know', async () => {
    const reaching = await rows<{ name: string }>(
      `SELECT DISTINCT pg_get_userbyid(a.grantee) AS name FROM pg_namespace n, aclexplode(n.nspacl) a
       WHERE n.nspname = $1 AND a.grantee <> n.nspowner`,
      [schema],
    )
    expect(reaching.map(({ name }) => name).sort()).toEqual((await roles()).map(({ role }) => role).sort())
  })

  test('leaves no process of a plugin', async () => {
    expect(left.length).toBeGreaterThan(0)
    await until(() => expect(left.filter(isAlive)).toEqual([]))
  })

  test('says what happened, and lets people go on', { timeout: 60_000 }, async () => {
    const api = restarted?.api as CallApi
    const listed = (await api('GET', '/installations')).content as {
      pluginKey: string
      errorMessage: string | null
      configuration: unknown
    }[]
    expect(listed.find(({ pluginKey }) => pluginKey === 'after-commit')?.errorMessage).toContain(
      'The server was stopped',
    )
    expect(listed.find(({ pluginKey }) => pluginKey === 'at-configure')?.configuration).toEqual({ text: 'earlier' })
    expect((await api('GET', '/at-configure/rows')).content).toEqual([{ text: 'earlier' }])
    expect(await api('GET', '/after-settle/rows')).toMatchObject({ status: 200, content: [] })
    expect(listed.find(({ pluginKey }) => pluginKey === 'at-update')).toMatchObject({
      version: '1.0.0',
      updateAvailable: '2.0.0',
    })
    expect(listed.find(({ pluginKey }) => pluginKey === 'after-update')).toMatchObject({
      version: '2.0.0',
      previousVersion: '1.0.0',
    })
    expect((await api('GET', '/after-update/rows')).content).toEqual([{ text: 'by the newer version' }])
    expect(await api('GET', '/at-update/rows')).toMatchObject({ status: 200, content: [] })
    const [role] = await rows<{ role: string }>("SELECT role FROM tenon.plugin_roles WHERE owner_key = 'at-update'")
    const mayRead = `SELECT has_table_privilege('"${schema}".risks', 'SELECT') AS allowed`
    expect(await readAsRole(surroundings.pool, role?.role ?? '', mayRead)).toEqual([{ allowed: false }])

    // CREATE TABLE without IF NOT EXISTS: it would meet what was left behind
    for (const key of ['at-verify', 'at-prepare', 'after-commit', 'after-commit-shared']) {
      const answer = await api('POST', '/install', { pluginKey: key })
      expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
    }
  })

  test('keeps what was to be kept, also when the uninstallation was finished by another server', async () => {
    const [role] = await rows<{ role: string }>("SELECT role FROM tenon.plugin_roles WHERE owner_key = 'while-kept'")
    expect(await readAsRole(surroundings.pool, role?.role ?? '', `SELECT text FROM "${schema}".while_kept`)).toEqual([
      { text: 'kept' },
    ])
  })
})

/** What the runner of the dead server had started. */
async function processesOf({ directory }: Surroundings): Promise<number[]> {
  const names = await readdir(path.join(directory, 'data', 'processes'))
  return names.map((name) => Number(/\d+/.exec(name)?.[0]))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
