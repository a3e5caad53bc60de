import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { RunJson } from '@tenon/contract'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  createApi,
  openReplica,
  prepareSurroundings,
  type CallApi,
  type Replica,
  type Surroundings,
  type TestPlugin,
} from './testing/host-in-test.js'

const limits = {
  claimMs: 2_000,
  // So that the body of 500 kB is more than one.
  // Nothing goes because of its age while the tests look.
  uploads: { pieceBytes: 200_000, sweepMs: 3_600_000 },
  jobs: { pollMs: 250, progressMs: 50, workers: 8, runningPerOrganization: 8, stopMs: 200 },
}
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
            await new Promise((go) => setTimeout(go, 200))
            await sequelize.query('INSERT INTO pages (page) VALUES (:page)', { replacements: { page } })
          }
          return { data: { success: true, from: count, pages: 12 } }
        },
        'GET /pages': async ({ sequelize }: any) => ({ data: await sequelize.query('SELECT page FROM pages', { type: 'SELECT' }) }),
      }`,
  },
}

/** Imports rows under the id of the run, and waits at gates that the test opens; says of everything how often it was done. */
const keeper: TestPlugin = {
  key: 'keeper',
  entry: {
    permissions: { database: { tenantSchema: true } },
    contributes: {
      actions: [
        { id: 'digest', title: 'Digest', route: 'POST /digest' },
        { id: 'charge', title: 'Charge', route: 'POST /charge', repeatable: false },
      ],
      importers: [
        { id: 'rows', slot: 'x', title: 'Rows', import: 'POST /rows', repeatable: true },
        { id: 'more', slot: 'x', title: 'More rows', import: 'POST /more', repeatable: true },
        { id: 'plain', slot: 'x', title: 'Plain rows', import: 'POST /plain' },
      ],
    },
  },
  files: {
    'index.ts': `
      import { createHash } from 'node:crypto'
      const tables = ['gates (name text)', 'begun (what text)', 'rows (name text, import_id uuid)', 'imports (id uuid PRIMARY KEY, imported int)']
      export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) {
        for (const table of tables) await sequelize.query('CREATE TABLE ' + table)
        return { success: true }
      }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      const select = (sequelize: any, sql: string, replacements = {}) => sequelize.query(sql, { replacements, type: 'SELECT' })
      const begin = (sequelize: any, what: string) => sequelize.query('INSERT INTO begun VALUES (:what)', { replacements: { what } })
      async function pass(sequelize: any, name: string | undefined) {
        const isClosed = async () => (await select(sequelize, 'SELECT FROM gates WHERE name = :name', { name })).length === 0
        while (name && (await isClosed())) await new Promise((go) => setTimeout(go, 50))
      }
      const importRows = async ({ body, file, run, sequelize }: any) => {
        await begin(sequelize, run.id)
        const [made] = await select(sequelize, 'SELECT imported FROM imports WHERE id = CAST(:id AS uuid)', run)
        if (made) return { data: { success: true, imported: made.imported, failed: 0, found: true } }
        const names = file ? String(file.buffer).trim().split('\\n') : body.csvData.map(({ name }: any) => name)
        await sequelize.transaction(async (transaction: any) => {
          for (const name of names)
            await sequelize.query('INSERT INTO rows VALUES (:name, CAST(:id AS uuid))', { replacements: { name, ...run }, transaction })
          await pass(sequelize, body.before)
          await sequelize.query('INSERT INTO imports VALUES (CAST(:id AS uuid), :count)', { replacements: { count: names.length, ...run }, transaction })
        })
        await pass(sequelize, body.after)
        return { data: { success: true, imported: names.length, failed: 0 } }
      }
      const once = async ({ body, run, sequelize }: any) => {
        await begin(sequelize, run.id)
        await pass(sequelize, body.before)
        return { data: { success: true, imported: 1, said: body.said } }
      }
      export const router = {
        'POST /rows': importRows,
        'POST /more': importRows,
        'POST /plain': once,
        'POST /charge': once,
        'POST /digest': async ({ body, query, sequelize }: any) => {
          await pass(sequelize, body.before)
          return { data: { digest: createHash('sha256').update(body.text ?? '').digest('hex'), query } }
        },
        'POST /open': async ({ body, sequelize }: any) => ({ data: await sequelize.query('INSERT INTO gates VALUES (:gate)', { replacements: body }) }),
        'POST /shut': async ({ body, sequelize }: any) => ({ data: await sequelize.query('DELETE FROM gates WHERE name = :gate', { replacements: body }) }),
        'GET /rows': async ({ sequelize }: any) => ({ data: await select(sequelize, 'SELECT name, import_id AS "importId" FROM rows ORDER BY name') }),
        'GET /begun': async ({ sequelize }: any) => ({ data: (await select(sequelize, 'SELECT what FROM begun')).map(({ what }: any) => what) }),
      }`,
  },
}

let surroundings: Surroundings
let child: ChildProcess
let other: Replica | undefined
beforeAll(async () => {
  surroundings = await prepareSurroundings()
  await surroundings.registry.publish(reader, keeper)
})
afterAll(async () => {
  child?.kill('SIGKILL')
  await other?.close()
  await surroundings.close()
})

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 30 })

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

/** Asks for a run without waiting for it. */
async function start(url: string, path: string, sent: object | FormData): Promise<string> {
  const isForm = sent instanceof FormData
  const response = await fetch(`${url}/api/plugins${path}`, {
    method: 'POST',
    headers: {
      'x-test-user': 'Admin:1:1:s',
      prefer: 'respond-async',
      ...(isForm ? {} : { 'content-type': 'application/json' }),
    },
    body: isForm ? sent : JSON.stringify(sent),
  })
  const answer = (await response.json()) as { data: { runId: string } }
  expect(response.status, JSON.stringify(answer)).toBe(202)
  return answer.data.runId
}

function fileOf(text: string, fields: Record<string, string> = {}): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  form.set('file', new Blob([text]), 'rows.csv')
  return form
}

const rowsOf = (...names: string[]) => ({ csvData: names.map((name) => ({ name })) })
const largeText = 'A '.repeat(250_000)

describe('the runs of a killed server', () => {
  let killedAt: number
  let ids: Record<string, string>

  const runOf = async (id: string | undefined) => (await other?.api('GET', `/runs/${id}`))?.content as RunJson
  const ended = (name: string) =>
    until(async () => {
      const run = await runOf(ids[name])
      expect(run.finishedAt, `${name}: ${JSON.stringify(run)}`).not.toBeNull()
      return run
    })
  const read = async (path: string, api = (other as Replica).api) => (await api('GET', path)).content
  const begun = async (name: string) => ((await read('/keeper/begun')) as string[]).filter((id) => id === ids[name])
  const open = (gate: string) => other?.api('POST', '/keeper/open', { gate })

  beforeAll(async () => {
    const { api, url } = await startChild()
    for (const pluginKey of ['reader', 'keeper'])
      expect(await api('POST', '/install', { pluginKey })).toMatchObject({ status: 201 })
    ids = { afterCommit: await start(url, '/keeper/more', { ...rowsOf('c1', 'c2', 'c3'), after: 'never' }) }
    // A plugin has one transaction at a time.
    await until(async () => expect(await read('/keeper/rows', api)).toHaveLength(3))
    ids = {
      ...ids,
      beforeCommit: await start(url, '/keeper/rows', { ...rowsOf('b1', 'b2'), before: 'b' }),
      plain: await start(url, '/keeper/plain', { before: 'never', said: 'at work' }),
      charge: await start(url, '/keeper/charge', { before: 'never' }),
      digest: await start(url, '/keeper/digest', { before: 'd' }),
      waitingRows: await start(url, '/keeper/rows', rowsOf('q1')),
      waitingFile: await start(url, '/keeper/rows', fileOf('f1\nf2', { mode: 'all' })),
      waitingPlain: await start(url, '/keeper/plain', { said: 'waited' }),
      waitingDigest: await start(url, '/keeper/digest?for=me', { text: largeText }),
      waitingCharge: await start(url, '/keeper/charge', { said: 'waited' }),
      sync: await start(url, '/reader/sync', {}),
    }
    await until(async () => {
      const { afterCommit, beforeCommit, charge, plain } = ids
      const atWork = [afterCommit, beforeCommit, charge, plain]
      expect(await read('/keeper/begun', api)).toEqual(expect.arrayContaining(atWork))
      // What is not committed is not seen.
      expect(await read('/keeper/rows', api)).toHaveLength(3)
    })
    await until(async () => expect(((await read('/reader/pages', api)) as []).length).toBeGreaterThanOrEqual(3))
    child.kill('SIGKILL')
    killedAt = Date.now()
    await once(child, 'exit')
    // As if they had waited for longer than a file is kept.
    await surroundings.pool.query(
      `UPDATE tenon.uploads SET expires_at = now() - interval '1 minute' WHERE id IN (
         SELECT upload_id FROM tenon.upload_holds h JOIN tenon.plugin_runs r ON r.id = h.run_id WHERE r.state = 'queued')`,
    )
    other = await openReplica(surroundings, { limits })
  }, 120_000)

  test('go on at another one within 60 s, where the plugin had come to', { timeout: 60_000 }, async () => {
    const { state, result } = await ended('sync')
    expect(state).toBe('succeeded')
    expect(Date.now() - killedAt + longerMs).toBeLessThan(60_000)
    expect((result as { from: number }).from).toBeGreaterThanOrEqual(3)
    expect(await read('/reader/pages')).toHaveLength(12)
  })

  test('do what only waited, with all that was sent: rows, a file, a body of 500 kB', { timeout: 60_000 }, async () => {
    await open('b')
    await open('d')
    expect(await ended('waitingRows')).toMatchObject({ state: 'succeeded', counts: { imported: 1 } })
    expect(await ended('waitingFile')).toMatchObject({ state: 'succeeded', counts: { imported: 2 } })
    expect(await ended('waitingDigest')).toMatchObject({
      state: 'succeeded',
      result: { digest: createHash('sha256').update(largeText).digest('hex'), query: { for: 'me' } },
    })
    expect(Date.now() - killedAt + longerMs).toBeLessThan(60_000)
  })

  test('import once what had not been committed, and what had been', { timeout: 60_000 }, async () => {
    expect(await ended('beforeCommit')).toMatchObject({ state: 'succeeded', result: { imported: 2 } })
    expect(await ended('afterCommit')).toMatchObject({ state: 'succeeded', result: { imported: 3, found: true } })
    const rows = (await read('/keeper/rows')) as { name: string; importId: string }[]
    expect(rows.map(({ name }) => name)).toEqual(['b1', 'b2', 'c1', 'c2', 'c3', 'f1', 'f2', 'q1'])
    expect(new Set(rows.filter(({ name }) => name.startsWith('b')).map(({ importId }) => importId))).toEqual(
      new Set([ids['beforeCommit']]),
    )
    for (const name of ['beforeCommit', 'afterCommit']) expect(await begun(name)).toHaveLength(2)
  })

  test(
    'are not called a second time where nothing says that they may be, and say so',
    { timeout: 60_000 },
    async () => {
      for (const name of ['plain', 'charge']) {
        expect(await ended(name)).toMatchObject({
          state: 'failed',
          error: {
            code: 'RUN_INTERRUPTED',
            kind: 'platform',
            message: 'The server was stopped while this was at work, and nobody knows how far it came.',
            nextStep: 'See whether it was done, wholly or in part, before you start it again.',
          },
        })
        expect(await begun(name)).toHaveLength(1)
      }
      expect(await ended('waitingPlain')).toMatchObject({ state: 'succeeded', result: { said: 'waited' } })
      expect(await ended('waitingCharge')).toMatchObject({ state: 'succeeded', result: { said: 'waited' } })
    },
  )

  test('leave nothing of what was sent but the file, and what those need that can be started again', async () => {
    const { rows } = await surroundings.pool.query<{ text: string }>(
      `SELECT convert_from(bytes, 'UTF8') AS text FROM tenon.uploads u JOIN tenon.upload_pieces p ON p.upload_id = u.id
       WHERE is_idle ORDER BY text`,
    )
    expect(rows.map(({ text }) => text)).toEqual([
      'f1\nf2',
      '{"body":{"before":"never","said":"at work"}}',
      '{"body":{"before":"never"}}',
    ])
    expect((await surroundings.pool.query('SELECT FROM tenon.upload_holds')).rowCount).toBe(0)
    expect(await other?.api('POST', `/runs/${ids['waitingDigest']}/retry`)).toMatchObject({
      status: 409,
      body: { code: 'RUN_NOT_REPEATABLE' },
    })
  })
})

test(
  'a run that was interrupted can be started again, with what was sent, and not twice',
  { timeout: 60_000 },
  async () => {
    const { api } = other as Replica
    const runOf = async (id: string) => (await api('GET', `/runs/${id}`)).content as RunJson
    const over = (id: string) =>
      until(async () => {
        const run = await runOf(id)
        expect(run.finishedAt, JSON.stringify(run)).not.toBeNull()
        return run
      })
    const { items } = (await api('GET', '/installations/2/runs?state=failed')).content as { items: RunJson[] }
    expect(items.map(({ action, restartable }) => [action, restartable]).sort()).toEqual([
      ['charge', true],
      ['plain', true],
    ])
    await api('POST', '/keeper/open', { gate: 'never' })
    for (const { id, action } of items) {
      const { content } = await api('POST', `/runs/${id}/retry`)
      const again = await over((content as RunJson).id)
      expect(again).toMatchObject({ state: 'succeeded', result: action === 'plain' ? { said: 'at work' } : {} })
      expect((await api('POST', `/runs/${id}/retry`)).content).toMatchObject({ id: again.id })
      // What may not be called twice for a run is told of another one.
      expect((await api('GET', '/keeper/begun')).content).toEqual(expect.arrayContaining([id, again.id]))
    }
    await api('POST', '/keeper/shut', { gate: 'never' })
    expect((await surroundings.pool.query(`SELECT FROM tenon.uploads WHERE size <> 5`)).rowCount).toBe(0)
  },
)

test('a server that stops puts its runs back for the next one, but not what may not be called again', async () => {
  const replica = other as Replica
  expect(await replica.api('DELETE', '/installations/1')).toMatchObject({ status: 200 })
  expect(await replica.api('POST', '/install', { pluginKey: 'reader' })).toMatchObject({ status: 201 })
  const sync = await start(replica.url, '/reader/sync', {})
  const plain = await start(replica.url, '/keeper/plain', { before: 'never' })
  await until(async () => expect((await replica.api('GET', '/reader/pages')).content).toHaveLength(2))
  other = undefined
  const next = await openReplica({ ...surroundings, directory: `${surroundings.directory}/next` }, { limits })
  other = next
  await replica.close()
  const stateOf = async (id: string) => (await next.api('GET', `/runs/${id}`)).content as RunJson
  await until(async () => expect(await stateOf(sync)).toMatchObject({ state: 'succeeded', attempts: 1 }))
  expect(await stateOf(plain)).toMatchObject({ state: 'failed', error: { code: 'RUN_INTERRUPTED' } })
})
