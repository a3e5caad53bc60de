import type { RunJson } from '@tenon/contract'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type JobLimits, jobLimitTable } from './jobs/job-limits.js'
import {
  openReplica,
  prepareSurroundings,
  type Replica,
  type Surroundings,
  type TestPlugin,
} from './testing/host-in-test.js'

const away: TestPlugin = {
  key: 'away',
  entry: {
    permissions: {},
    contributes: {
      configuration: { type: 'object', properties: { token: { type: 'string', writeOnly: true } } },
      actions: [
        { id: 'ask', title: 'Ask', route: 'POST /ask' },
        { id: 'charge', title: 'Charge', route: 'POST /charge', repeatable: false },
        { id: 'work', title: 'Work', route: 'POST /work' },
      ],
    },
  },
  files: {
    'index.ts': `
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      const unavailable = async () => ({ status: 503, data: { message: 'The service is away' } })
      export const router = { 'POST /ask': unavailable, 'POST /charge': unavailable, 'POST /work': async () => ({ data: { done: 1 } }) }`,
  },
}

let surroundings: Surroundings
let replica: Replica
let id: number
beforeAll(async () => {
  surroundings = await prepareSurroundings()
  await surroundings.registry.publish(away)
  await openWith({})
  const installed = await replica.api('POST', '/install', { pluginKey: 'away' })
  expect(installed, JSON.stringify(installed.body)).toMatchObject({ status: 201 })
  id = (installed.content as { id: number }).id
})
afterAll(async () => {
  await replica.close()
  await surroundings.close()
})

async function openWith(jobs: Partial<JobLimits>): Promise<void> {
  replica = await openReplica(surroundings, { limits: { jobs: { pollMs: 50, ...jobs } } })
}

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 45_000, interval: 20 })
const runOf = async (runId: string) => (await replica.api('GET', `/runs/${runId}`)).content as RunJson
const whenOver = (runId: string) =>
  until(async () => {
    const run = await runOf(runId)
    expect(run.finishedAt, JSON.stringify(run)).not.toBeNull()
    return run
  })

/** A request that does not wait for its run. */
async function start(path: string): Promise<string> {
  const headers = { 'x-test-user': 'Admin:1:1:s', prefer: 'respond-async' }
  const response = await fetch(`${replica.url}/api/plugins/away${path}`, { method: 'POST', headers })
  return ((await response.json()) as { data: { runId: string } }).data.runId
}

/** Seconds before each further attempt of a run, none of which is waited for. */
async function pausesOf(runId: string): Promise<number[]> {
  const pauses: number[] = []
  for (;;) {
    const { state, pause } = await until(async () => {
      const { rows } = await surroundings.pool.query<{ state: string; attempts: number; pause: number }>(
        `SELECT state, attempts, extract(epoch FROM next_attempt_at - updated_at)::float AS pause
         FROM tenon.plugin_runs WHERE id = $1`,
        [runId],
      )
      const [row] = rows
      if (!row || row.attempts !== pauses.length + 1 || row.state === 'running') throw new Error(JSON.stringify(row))
      return row
    })
    if (state !== 'queued') return pauses
    pauses.push(pause)
    expect(await runOf(runId)).toMatchObject({
      error: { code: 'PLUGIN_ANSWERED', kind: 'transient', message: 'The service is away' },
      nextAttemptAt: expect.any(String) as string,
    })
    await surroundings.pool.query('UPDATE tenon.plugin_runs SET next_attempt_at = now() WHERE id = $1', [runId])
  }
}

describe('what fails for a reason that passes', () => {
  test('is tried again after 10, 40, 160 and 640 seconds, and then no more', async () => {
    const runId = await start('/ask')
    expect(await pausesOf(runId)).toEqual([10, 40, 160, 640])
    expect(await runOf(runId)).toMatchObject({
      state: 'failed',
      attempts: jobLimitTable.maxAttempts.value,
      nextAttemptAt: null,
      error: { kind: 'transient', nextStep: 'This passes by itself most of the time. Run it again in a moment.' },
    })
  })

  test('is not begun before that', async () => {
    const runId = await start('/ask')
    await until(async () => expect(await runOf(runId)).toMatchObject({ state: 'queued', attempts: 1 }))
    await new Promise((go) => setTimeout(go, 300))
    expect(await runOf(runId)).toMatchObject({ state: 'queued', attempts: 1 })
    expect(await replica.api('POST', `/runs/${runId}/cancel`)).toMatchObject({ status: 200 })
  })

  test('is begun at once when a person asks for the same meanwhile, who is told how that went', async () => {
    const runId = await start('/ask')
    await until(async () => expect(await runOf(runId)).toMatchObject({ state: 'queued', attempts: 1 }))
    expect(await replica.api('POST', '/away/ask')).toMatchObject({ status: 503, content: 'The service is away' })
    expect(await runOf(runId)).toMatchObject({ state: 'failed', attempts: 1 })
  })

  test('is begun at once, with all its attempts, when a person asks for the same and does not wait', async () => {
    const runId = await start('/ask')
    await until(async () => expect(await runOf(runId)).toMatchObject({ state: 'queued', attempts: 1 }))
    await surroundings.pool.query('UPDATE tenon.plugin_runs SET attempts = 4 WHERE id = $1', [runId])
    const { startedAt } = await runOf(runId)
    expect(await start('/ask')).toBe(runId)
    await until(async () => {
      const run = await runOf(runId)
      expect(run).toMatchObject({ state: 'queued', attempts: 1 })
      expect(run.startedAt).not.toBe(startedAt)
    })
    expect(await replica.api('POST', `/runs/${runId}/cancel`)).toMatchObject({ status: 200 })
  })

  test('is not tried again where the plugin says that it may not be called twice', async () => {
    expect(await whenOver(await start('/charge'))).toMatchObject({
      state: 'failed',
      attempts: 1,
      error: { kind: 'transient' },
    })
  })

  test('is tried as often, and after such times, as an operator says; the longest one goes on', async () => {
    await replica.close()
    await openWith({ retryMs: 2_000, maxRetryMs: 9_000, maxAttempts: 5 })
    expect(await pausesOf(await start('/ask'))).toEqual([2, 8, 9, 9])
  })
})

describe('what fails because of this installation', () => {
  const forOperator = {
    kind: 'platform',
    nextStep: 'Give the id of this run to the operator of this installation.',
  }

  test('is the operator’s: a secret that cannot be opened, which is not tried again', async () => {
    const path = `/installations/${id}/configuration`
    expect(await replica.api('PUT', path, { configuration: { token: 'secret' } })).toMatchObject({ status: 200 })
    const { rows } = await surroundings.pool.query<{ schema: string }>(
      'SELECT schema FROM tenon.tenants WHERE organization_id = 1',
    )
    const table = `"${rows[0]?.schema}".plugin_installations`
    const [kept] = (await surroundings.pool.query<{ text: string }>(`SELECT configuration::text AS text FROM ${table}`))
      .rows
    const spoil = (text: string | undefined) =>
      surroundings.pool.query(`UPDATE ${table} SET configuration = $1::jsonb`, [text])
    await spoil(kept?.text.replaceAll(/[A-Za-z0-9+/_-]{16,}/g, (sealed) => [...sealed].reverse().join('')))
    await replica.close()
    await openWith({})
    expect(await whenOver(await start('/work'))).toMatchObject({
      state: 'failed',
      attempts: 1,
      error: { code: 'SEALED_VALUE_UNREADABLE', ...forOperator },
    })
    await spoil(kept?.text)
  })

  test('is the operator’s: an error of the host, whose words are only in the log', async () => {
    await surroundings.pool.query('ALTER TABLE tenon.plugin_roles RENAME TO moved_roles')
    await replica.close()
    await openWith({}).catch(() => undefined)
    const run = await whenOver(await start('/work'))
    await surroundings.pool.query('ALTER TABLE tenon.moved_roles RENAME TO plugin_roles')
    expect(run).toMatchObject({ state: 'failed', attempts: 1, error: { code: 'INTERNAL', ...forOperator } })
    expect(JSON.stringify(run)).not.toContain('plugin_roles')
    const line = replica.log.find((text) => text.includes('run-failed') && text.includes(run.id)) ?? '{}'
    expect(JSON.parse(line)).toMatchObject({ runId: run.id, code: 'INTERNAL', kind: 'platform' })
    expect((JSON.parse(line) as { cause: string }).cause).toContain('plugin_roles')
  })

  test('is the operator’s: a run at whose work a server died for the fourth time', async () => {
    const dying = async (restarts: number) => {
      const { rows } = await surroundings.pool.query<{ id: string }>(
        `INSERT INTO tenon.plugin_runs (organization_id, installation_id, plugin_key, kind, action, title, state, input,
           attempts, restarts, claimed_by, claim_expires_at)
         VALUES (1, $1, 'away', 'action', 'work', 'Work', 'running', '{"method":"POST","path":"/work"}', 1, $2, 'a dead server',
           now() - interval '1 second') RETURNING id`,
        [id, restarts],
      )
      return whenOver(rows[0]?.id ?? '')
    }
    const most = jobLimitTable.maxRestarts.value
    expect(await dying(most - 1)).toMatchObject({ state: 'succeeded', attempts: 1 })
    expect(await dying(most)).toMatchObject({
      state: 'failed',
      error: {
        code: 'RUN_STOPS_SERVERS',
        message: 'The server was stopped 4 times while this was at work, so it is not begun again.',
        ...forOperator,
      },
    })
  })
})
