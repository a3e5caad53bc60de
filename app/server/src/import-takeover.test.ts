import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { TestDatabase } from '@tenon/embedded-postgres/testing'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { bundledMarketplace } from './start/bundled-marketplace.js'
import { createAppDatabase, startTestApp, type TestApp } from './testing/test-app.js'

const crashApp = fileURLToPath(new URL('../dist/testing/crash-app.js', import.meta.url))
const limits = { claimMs: 2_000, jobs: { pollMs: 250 } }
/** By how much a claim lives longer where nothing else is said. */
const longerMs = 20_000 - limits.claimMs
/** More than are written at once. */
const rowCount = 3_000

let database: TestDatabase
let pool: pg.Pool
let marketplaceDirectory: string
let marketplaceLocation: string
let child: ChildProcess | undefined
let successor: TestApp | undefined
beforeAll(async () => {
  database = await createAppDatabase()
  pool = new pg.Pool(database.connection)
  marketplaceDirectory = await mkdtemp(join(tmpdir(), 'tenon-marketplace-'))
  marketplaceLocation = await bundledMarketplace(marketplaceDirectory, pino({ level: 'silent' }))
}, 60_000)
afterAll(async () => {
  child?.kill('SIGKILL')
  await successor?.stop()
  await pool.end()
  await database.drop()
  await rm(marketplaceDirectory, { recursive: true, force: true })
})

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 30 })
const fields = 'risk_name,risk_owner,risk_description,ai_lifecycle_phase,likelihood,severity'

interface Organization {
  token: string
  tenantId: string
  email: string
}

async function startChild(): Promise<string> {
  const { connection } = database
  const argument = JSON.stringify({ database: { connection }, marketplaceLocation, limits })
  // One that a failed test left.
  child?.kill('SIGKILL')
  child = spawn(process.execPath, [crashApp, argument], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [url] = (await once(createInterface({ input: child.stdout as NodeJS.ReadableStream }), 'line')) as [string]
  return url
}

async function call(
  url: string,
  path: string,
  { token, body, ...init }: { token?: string; body?: unknown; method?: string; headers?: object } = {},
) {
  const isForm = body instanceof FormData
  const response = await fetch(`${url}/api${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    ...init,
    headers: {
      ...(isForm ? {} : { 'content-type': 'application/json' }),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...init.headers,
    },
    ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
  })
  return { status: response.status, body: (await response.json()) as { data: Record<string, unknown> } }
}

async function register(url: string, email: string): Promise<Organization> {
  const person = { organizationName: email, name: 'Ada', surname: 'Admin', email, password: 'correct horse battery' }
  const { body } = await call(url, '/auth/register', { body: person })
  const { token, organization } = body.data as { token: string; organization: { tenantId: string } }
  const installed = await call(url, '/plugins/install', { token, body: { pluginKey: 'risk-import' } })
  expect(installed.status, JSON.stringify(installed.body)).toBe(201)
  return { token, tenantId: organization.tenantId, email }
}

/** Sends a file, and answers the run that imports it. */
async function startImport(url: string, { token, email }: Organization, duplicates = 'refuse'): Promise<string> {
  const line = (index: number) => `Risk ${index},${email},It may happen,Monitoring & maintenance,Likely,Major`
  const form = new FormData()
  form.set('mode', 'all')
  // What is there already does not stop it: only the id of the run does.
  form.set('duplicates', duplicates)
  form.set(
    'file',
    new Blob([[fields, ...Array.from({ length: rowCount }, (_, index) => line(index))].join('\n')]),
    'risks.csv',
  )
  const answer = await call(url, '/plugins/risk-import/import', {
    token,
    body: form,
    headers: { prefer: 'respond-async' },
  })
  expect(answer.status, JSON.stringify(answer.body)).toBe(202)
  return answer.body.data['runId'] as string
}

async function countOf({ tenantId }: Organization): Promise<number> {
  const { rows } = await pool.query<{ count: number }>(`SELECT count(*)::int AS count FROM "${tenantId}".risks`)
  return rows[0]?.count ?? 0
}

/** A connection that keeps something locked until it is told to let go. */
async function holding(sql: string, values: unknown[] = []): Promise<() => Promise<void>> {
  const client = await pool.connect()
  await client.query('BEGIN')
  await client.query(sql, values)
  return async () => {
    await client.query('ROLLBACK')
    client.release()
  }
}

/** The risks of an import are counted as they are written: who holds this table stops it in the middle. */
const holdImports = () => holding('LOCK TABLE public.imports IN SHARE MODE')
const untilStopped = () =>
  until(async () => {
    const { rows } = await pool.query(
      `SELECT FROM pg_locks WHERE NOT granted AND relation = 'public.imports'::regclass`,
    )
    expect(rows.length).toBe(1)
  })

it(
  'imports a file once whose server was killed before, or after, it was committed, and can take it back',
  { timeout: 120_000 },
  async () => {
    const url = await startChild()
    const committed = await register(url, 'committed@example.com')
    const uncommitted = await register(url, 'uncommitted@example.com')

    // Committed, but nobody can write down that the run has ended.
    const releaseFirst = await holdImports()
    const committedRun = await startImport(url, committed)
    await untilStopped()
    const releaseRun = await holding('SELECT FROM tenon.plugin_runs WHERE id = $1 FOR UPDATE', [committedRun])
    await releaseFirst()
    await until(async () => expect(await countOf(committed)).toBe(rowCount))

    const releaseSecond = await holdImports()
    const uncommittedRun = await startImport(url, uncommitted)
    await untilStopped()
    child?.kill('SIGKILL')
    const killedAt = Date.now()
    await once(child as ChildProcess, 'exit')
    const { rows: before } = await pool.query('SELECT state FROM tenon.plugin_runs WHERE id = ANY ($1)', [
      [committedRun, uncommittedRun],
    ])
    expect(before).toEqual([{ state: 'running' }, { state: 'running' }])
    await releaseRun()
    await releaseSecond()

    successor = await startTestApp({ database, marketplaceLocation, limits })
    await successor.start()
    const { url: next } = successor
    for (const [organization, runId] of [
      [committed, committedRun],
      [uncommitted, uncommittedRun],
    ] as const) {
      const { token } = organization
      const run = await until(async () => {
        const { data } = (await call(next, `/plugins/runs/${runId}`, { token })).body
        expect(data['finishedAt'], JSON.stringify(data)).not.toBeNull()
        return data
      })
      expect(run).toMatchObject({
        state: 'succeeded',
        counts: { imported: rowCount, failed: 0 },
        result: { success: true, importId: runId, fileName: 'risks.csv' },
      })
      expect(Date.now() - killedAt + longerMs).toBeLessThan(60_000)
      expect(await countOf(organization)).toBe(rowCount)
      const undo = await call(next, '/plugins/risk-import/undo', { token, body: { importId: runId } })
      expect(undo).toMatchObject({ status: 200, body: { data: { success: true, removed: rowCount, kept: 0 } } })
      expect(await countOf(organization)).toBe(0)
    }
  },
)

/** What a killed server had asked for waits for its lock, and would still be done. */
const endStatementsOfTheDead = () =>
  until(async () => {
    const { rows } = await pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%tenon.plugin_runs%'`,
    )
    expect(rows).toEqual([])
  })

it(
  'imports a file once that is started again by a person, whose server was killed before, or after, it was committed',
  { timeout: 120_000 },
  async () => {
    await successor?.stop()
    successor = undefined
    const url = await startChild()
    const committed = await register(url, 'committed-first@example.com')
    const uncommitted = await register(url, 'uncommitted-first@example.com')

    const releaseFirst = await holdImports()
    const committedRun = await startImport(url, committed, 'import')
    await untilStopped()
    const releaseRun = await holding('SELECT FROM tenon.plugin_runs WHERE id = $1 FOR UPDATE', [committedRun])
    await releaseFirst()
    await until(async () => expect(await countOf(committed)).toBe(rowCount))
    const releaseSecond = await holdImports()
    const uncommittedRun = await startImport(url, uncommitted, 'import')
    await untilStopped()
    child?.kill('SIGKILL')
    await once(child as ChildProcess, 'exit')
    await endStatementsOfTheDead()
    await releaseRun()
    await releaseSecond()

    // Nothing is begun again by itself.
    successor = await startTestApp({
      database,
      marketplaceLocation,
      limits: { ...limits, jobs: { ...limits.jobs, maxRestarts: 0 } },
    })
    await successor.start()
    const { url: next } = successor
    const ended = (runId: string, token: string) =>
      until(async () => {
        const { data } = (await call(next, `/plugins/runs/${runId}`, { token })).body
        expect(data['finishedAt'], JSON.stringify(data)).not.toBeNull()
        return data
      })
    for (const [organization, runId, before] of [
      [committed, committedRun, rowCount],
      [uncommitted, uncommittedRun, 0],
    ] as const) {
      const { token } = organization
      expect(await ended(runId, token)).toMatchObject({
        state: 'failed',
        restartable: true,
        error: { code: 'RUN_STOPS_SERVERS' },
      })
      expect(await countOf(organization)).toBe(before)
      const again = await call(next, `/plugins/runs/${runId}/retry`, { token, method: 'POST', body: {} })
      expect(again.status, JSON.stringify(again.body)).toBe(202)
      expect(await ended(again.body.data['id'] as string, token)).toMatchObject({
        state: 'succeeded',
        counts: { imported: rowCount, failed: 0 },
        result: { success: true, importId: runId, fileName: 'risks.csv' },
      })
      expect(await countOf(organization)).toBe(rowCount)
      const twice = await call(next, `/plugins/runs/${runId}/retry`, { token, method: 'POST', body: {} })
      expect(twice.body.data['id']).toBe(again.body.data['id'])
      expect(await countOf(organization)).toBe(rowCount)
    }
  },
)
