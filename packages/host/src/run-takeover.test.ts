import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { RunJson } from '@tenon/contract'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import {
  createApi,
  openReplica,
  prepareSurroundings,
  type CallApi,
  type Replica,
  type Surroundings,
  type TestPlugin,
} from './testing/host-in-test.js'

const limits = { claimMs: 2_000, jobs: { pollMs: 250, progressMs: 50 } }
/** By how much a claim lives longer where nothing else is said. */
const longerMs = 20_000 - limits.claimMs
const crashHost = fileURLToPath(new URL('../dist/testing/crash-host.js', import.meta.url))

/** Reads twelve pages, and keeps in its own table which it has read. */
const reader: TestPlugin = {
  key: 'reader',
  entry: {
    permissions: { database: { tenantSchema: true } },
    contributes: { actions: [{ id: 'sync', title: 'Read', route: 'POST /sync', progress: true }] },
  },
  files: {
    'index.ts': `
      export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) {
        await sequelize.query('CREATE TABLE pages (page int)')
        return { success: true }
      }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      export const router = {
        'POST /sync': async ({ sequelize }: any) => {
          const [{ count }] = await sequelize.query('SELECT count(*)::int AS count FROM pages', { type: 'SELECT' })
          for (let page = count + 1; page <= 12; page += 1) {
            await new Promise((go) => setTimeout(go, 100))
            await sequelize.query('INSERT INTO pages (page) VALUES (:page)', { replacements: { page } })
          }
          return { data: { success: true, from: count, pages: 12 } }
        },
        'POST /import': async () => { await new Promise((go) => setTimeout(go, 60_000)); return {} },
        'GET /pages': async ({ sequelize }: any) => ({ data: await sequelize.query('SELECT page FROM pages', { type: 'SELECT' }) }),
      }`,
  },
}

let surroundings: Surroundings
let child: ChildProcess
let other: Replica | undefined
beforeAll(async () => {
  surroundings = await prepareSurroundings()
  await surroundings.registry.publish(reader)
})
afterAll(async () => {
  child?.kill('SIGKILL')
  await other?.close()
  await surroundings.close()
})

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 20_000, interval: 30 })

async function startChild(): Promise<{ api: CallApi; url: string }> {
  const { connection, registry, directory } = surroundings
  const argument = JSON.stringify({
    connection,
    registry: { url: registry.url },
    directory: `${directory}/child`,
    options: { limits },
  })
  child = spawn(process.execPath, [crashHost, argument], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [first] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [string]
  const { url } = JSON.parse(first) as { url: string }
  return { api: createApi(url), url }
}

test('the runs of a killed server go on at another one within 60 s, where the plugin had come to; its imports do not', async () => {
  const { api, url } = await startChild()
  expect(await api('POST', '/install', { pluginKey: 'reader' })).toMatchObject({ status: 201 })
  const start = async (path: string): Promise<string> => {
    const headers = { 'x-test-user': 'Admin:1:1:s', prefer: 'respond-async', 'content-type': 'application/json' }
    const response = await fetch(`${url}/api/plugins${path}`, { method: 'POST', headers, body: '{"csvData":[]}' })
    return ((await response.json()) as { data: { runId: string } }).data.runId
  }
  const [sync, imported, waiting] = [
    await start('/reader/sync'),
    await start('/reader/import'),
    await start('/reader/import'),
  ]
  await until(async () => expect((await api('GET', '/reader/pages')).content).toHaveLength(3))
  child.kill('SIGKILL')
  const killedAt = Date.now()

  const replica = await openReplica(surroundings, { limits })
  other = replica
  const runOf = async (id: string) => (await replica.api('GET', `/runs/${id}`)).content as RunJson
  const done = await until(async () => {
    const run = await runOf(sync)
    expect(run.state).toBe('succeeded')
    return run
  })
  expect(Date.now() - killedAt + longerMs).toBeLessThan(60_000)
  expect((done.result as { from: number }).from).toBeGreaterThanOrEqual(3)
  expect((await replica.api('GET', '/reader/pages')).content).toHaveLength(12)
  for (const id of [imported, waiting]) {
    await until(async () =>
      expect(await runOf(id)).toMatchObject({
        state: 'failed',
        error: { code: 'INTERRUPTED', nextStep: 'Run it again.' },
      }),
    )
  }
}, 60_000)

test('a server that stops puts its runs back, for the next one', async () => {
  const replica = other as Replica
  expect(await replica.api('DELETE', '/installations/1')).toMatchObject({ status: 200 })
  expect(await replica.api('POST', '/install', { pluginKey: 'reader' })).toMatchObject({ status: 201 })
  const { url } = replica
  const headers = { 'x-test-user': 'Admin:1:1:s', prefer: 'respond-async' }
  const response = await fetch(`${url}/api/plugins/reader/sync`, { method: 'POST', headers })
  const { runId } = ((await response.json()) as { data: { runId: string } }).data
  await until(async () => expect((await replica.api('GET', '/reader/pages')).content).toHaveLength(2))
  other = undefined
  const next = await openReplica({ ...surroundings, directory: `${surroundings.directory}/next` }, { limits })
  other = next
  await replica.close()
  const run = await until(async () => {
    const found = (await next.api('GET', `/runs/${runId}`)).content as RunJson
    expect(found.state).toBe('succeeded')
    return found
  })
  expect(run.attempts).toBe(1)
})
