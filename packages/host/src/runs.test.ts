import type { RunJson } from '@tenon/contract'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin, type Who } from './testing/host-in-test.js'

const limits = {
  claimMs: 1_000,
  jobs: { retryMs: 50, maxRetryMs: 50, waitMs: 1_500, pollMs: 200, progressMs: 50, stopMs: 200 },
}

let it: HostInTest
let two: Replica
let id: number
beforeAll(async () => {
  it = await startHostInTest({ limits })
  await it.publish(worker, slowToInstall, jobber)
  const installed = await it.api('POST', '/install', { pluginKey: 'worker' })
  expect(installed, JSON.stringify(installed.body)).toMatchObject({ status: 201 })
  id = (installed.content as { id: number }).id
  await it.api('POST', '/install', { pluginKey: 'worker' }, { organizationId: 2 })
  two = await it.startReplica()
})
afterAll(async () => {
  await two.close()
  await it.close()
})
afterEach(async () => {
  await it.pool.query(`UPDATE tenon.plugin_runs SET state = 'cancelled', finished_at = now() WHERE state = 'queued'`)
  await it.pool.query(`UPDATE tenon.plugin_runs SET cancel_requested_at = now() WHERE state = 'running'`)
  await until(async () => expect(await countOf('running')).toBe(0))
  await it.pool.query('DELETE FROM tenon.plugin_runs; DELETE FROM tenon.uploads')
})

const until = <Result>(what: () => Promise<Result> | Result, timeout = 45_000) =>
  vi.waitFor(what, { timeout, interval: 30 })

const actions = [
  { id: 'sync', title: 'Sync things', route: 'POST /sync', progress: true },
  { id: 'work', title: 'Work', route: 'POST /work/:for' },
  { id: 'other-work', title: 'Other work', route: 'POST /other-work' },
  { id: 'third-work', title: 'Third work', route: 'POST /third-work' },
  { id: 'fail', title: 'Fail', route: 'POST /fail' },
  { id: 'guarded', title: 'For admins', route: 'POST /guarded', role: 'Admin' },
  { id: 'kept', title: 'For admins, as its handler says', route: 'POST /kept' },
]
const worker: TestPlugin = {
  key: 'worker',
  entry: {
    permissions: { database: { tenantSchema: true } },
    contributes: {
      actions,
      importers: [{ id: 'rows', slot: 'risks.actions', title: 'Import rows', import: 'POST /rows' }],
    },
  },
  files: {
    'index.ts': `
      const sleep = (ms: number) => new Promise((go) => setTimeout(go, ms))
      export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) {
        await sequelize.query('CREATE TABLE marks (id serial PRIMARY KEY, what text, at timestamptz DEFAULT clock_timestamp())')
        return { success: true }
      }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      const mark = (sequelize: any, what: string) => sequelize.query('INSERT INTO marks (what) VALUES (:what)', { replacements: { what } })
      const work = async ({ sequelize, body, signal }: any) => {
        await mark(sequelize, 'begin ' + body?.n)
        const end = Date.now() + (body?.ms ?? 100)
        while (Date.now() < end && !signal.aborted) await sleep(10)
        if (signal.aborted) { await mark(sequelize, 'stopped ' + body?.n); throw new Error('stopped') }
        await mark(sequelize, 'end ' + body?.n)
        return { data: { done: body?.n } }
      }
      export const router = {
        'POST /sync': async ({ progress, body }: any) => {
          for (let done = 1; done <= 4; done += 1) { progress(done, 4, 'thing ' + done); await sleep(body?.ms ?? 20) }
          return { data: { success: body?.success ?? true, modelCount: 4, added: 3, message: 'Synced' } }
        },
        'POST /work/:for': work,
        'POST /other-work': work,
        'POST /third-work': work,
        'POST /guarded': work,
        'POST /kept': { role: 'Admin', handler: work },
        'POST /rows': async ({ body, file, progress }: any) => {
          progress(1, 2)
          await sleep(Number(body?.ms ?? 0))
          return { data: { success: true, imported: body?.csvData?.length ?? file.size, failed: 0 } }
        },
        'POST /fail': async ({ body, sequelize }: any) => {
          if (body.how === 'throw') throw new Error('the code is wrong')
          if (body.how === 'refused') throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:9'), { code: 'ECONNREFUSED' })
          if (body.how === 'exit') process.exit(3)
          if (body.how === 'twice') {
            await mark(sequelize, 'tried')
            const tries = await sequelize.query("SELECT FROM marks WHERE what = 'tried'", { type: 'SELECT' })
            if (tries.length < 3) return { status: 503, data: { message: 'the service is away' } }
            return { data: {} }
          }
          return { status: body.status, data: { message: 'no, with ' + (body.message ?? body.status) } }
        },
        'GET /marks': async ({ sequelize }: any) => ({ data: await sequelize.query('SELECT what, at FROM marks ORDER BY id', { type: 'SELECT' }) }),
      }`,
  },
}
const jobber: TestPlugin = {
  key: 'jobber',
  entry: { contributes: { actions: [{ id: 'nightly', title: 'Nightly', route: 'POST /nightly' }] } },
  files: {
    'index.ts': `
      import { definePlugin } from '@tenon/sdk'
      export default definePlugin({
        metadata: { name: 'jobber', version: '1.0.0', author: 'a', description: 'd' },
        jobs: { nightly: async (context: any, body: any) => { context.progress(1, 1); return { tidied: 5, said: body.say } } },
      })`,
  },
}
const slowToInstall: TestPlugin = {
  key: 'slow-to-install',
  files: {
    'index.ts': `
      export async function install() { await new Promise((go) => setTimeout(go, 1_000)); return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}`,
  },
}

async function countOf(state: string): Promise<number> {
  const { rows } = await it.pool.query('SELECT FROM tenon.plugin_runs WHERE state = $1', [state])
  return rows.length
}

/** A request that does not wait for its run. */
async function startRun(path: string, body?: unknown, { organizationId = 1, url = it.url } = {}): Promise<string> {
  const response = await fetch(`${url}/api/plugins${path}`, {
    method: 'POST',
    headers: {
      'x-test-user': `Admin:${organizationId}:${organizationId}:s`,
      'content-type': 'application/json',
      prefer: 'respond-async',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = (await response.json()) as { message: string; data: { runId: string } }
  expect(response.status, JSON.stringify(answer)).toBe(202)
  expect(answer.message).toBe('Accepted')
  return answer.data.runId
}
const runOf = async (runId: string, who?: Who) =>
  (await it.api('GET', `/runs/${runId}`, undefined, who)).content as RunJson
const whenOver = (runId: string, who?: Who) =>
  until(async () => {
    const run = await runOf(runId, who)
    expect(run.finishedAt, JSON.stringify(run)).not.toBeNull()
    return run
  })
const marks = async (organizationId = 1) =>
  (await it.api('GET', '/worker/marks', undefined, { organizationId })).content as { what: string; at: string }[]

describe('a declared action', () => {
  test('answers as its route does, and leaves a run with what it counted', async () => {
    const answer = await it.api('POST', '/worker/sync')
    expect(answer).toMatchObject({ status: 200, content: { success: true, modelCount: 4, added: 3 } })
    const { items, total } = (await it.api('GET', `/installations/${id}/runs?action=sync`)).content as {
      items: RunJson[]
      total: number
    }
    expect(total).toBe(1)
    expect(items[0]).toMatchObject({
      kind: 'sync',
      action: 'sync',
      title: 'Sync things',
      state: 'succeeded',
      trigger: 'manual',
      requestedBy: 1,
      attempts: 1,
      counts: { modelCount: 4, added: 3 },
      result: { message: 'Synced' },
      progress: { done: 4, total: 4, message: 'thing 4' },
      error: null,
    })
  })

  test('works in a process of its own, beside that of the pages', async () => {
    await it.api('GET', '/worker/marks')
    await it.api('POST', '/worker/sync')
    const { processes } = (await it.api('GET', `/installations/${id}/health`)).content as {
      processes: { lane: string }[]
    }
    expect(processes.map(({ lane }) => lane).sort()).toContain('page')
    const jobs = await it.api('GET', `/installations/${id}/health`).then(({ content }) => content)
    const others = await two.api('GET', `/installations/${id}/health`).then(({ content }) => content)
    expect(JSON.stringify([jobs, others])).toContain('"lane":"job"')
  })

  test('shows its progress while it works, to who did not wait', async () => {
    const runId = await startRun('/worker/sync', { ms: 200 })
    await until(async () =>
      expect(await runOf(runId)).toMatchObject({
        state: 'running',
        progress: { done: 2, total: 4, message: 'thing 2' },
      }),
    )
    expect(await whenOver(runId)).toMatchObject({ state: 'succeeded' })
  })

  test('goes on as a run when it takes longer than a request may', async () => {
    const answer = await it.api('POST', '/worker/sync', { ms: 500 })
    expect(answer).toMatchObject({ status: 202, content: { runId: expect.any(String) as string } })
    const { runId } = answer.content as { runId: string }
    expect(await whenOver(runId)).toMatchObject({ state: 'succeeded', counts: { modelCount: 4 } })
  })

  test('is done once for everybody who asks for it without a body of their own', async () => {
    const answers = await Promise.all([1, 2, 3].map(() => it.api('POST', '/worker/sync')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(await countOf('succeeded')).toBe(1)
  })

  test('that says that it failed is a failed run, and a failed request (C19, D-23)', async () => {
    const answer = await it.api('POST', '/worker/sync', { success: false })
    expect(answer).toMatchObject({ status: 502, content: 'Synced', body: { details: { modelCount: 4 } } })
    expect(await countOf('failed')).toBe(1)
  })

  test('asks for the role that it declares', async () => {
    expect(await it.api('POST', '/worker/guarded', { n: 1 }, { role: 'Editor' })).toMatchObject({ status: 403 })
    expect(await it.api('POST', '/worker/sync', {}, { role: 'Reviewer' })).toMatchObject({ status: 403 })
  })
})

describe('a job of a definition', () => {
  test('is what its action calls, where it has no route', async () => {
    expect(await it.api('POST', '/install', { pluginKey: 'jobber' })).toMatchObject({ status: 201 })
    expect(await it.api('POST', '/jobber/nightly', { say: 'hello' })).toMatchObject({
      status: 200,
      content: { tidied: 5, said: 'hello' },
    })
    expect(await it.api('POST', '/jobber/nightly', {}, { role: 'Reviewer' })).toMatchObject({ status: 403 })
  })
})

describe('an import', () => {
  test('is a run, with rows or with a file', async () => {
    expect(await it.api('POST', '/worker/rows', { csvData: [1, 2, 3] })).toMatchObject({
      status: 200,
      content: { imported: 3 },
    })
    const form = new FormData()
    form.set('file', new Blob(['12345']), 'rows.csv')
    const response = await fetch(`${it.url}/api/plugins/worker/rows`, {
      method: 'POST',
      body: form,
      headers: { 'x-test-user': 'Editor:1:1:s' },
    })
    expect(await response.json()).toMatchObject({ data: { imported: 5 } })
    const { items } = (await it.api('GET', `/installations/${id}/runs?action=rows`)).content as { items: RunJson[] }
    expect(items).toMatchObject([
      { kind: 'import', title: 'Import rows', counts: { imported: 5, failed: 0 } },
      { kind: 'import', counts: { imported: 3 } },
    ])
    // What was sent is not kept, so it cannot be sent again.
    expect(await it.api('POST', `/runs/${items[0]?.id}/retry`)).toMatchObject({ status: 409 })
    const left = await it.pool.query('SELECT is_idle FROM tenon.uploads')
    expect(left.rows).toEqual([{ is_idle: true }])
  })

  test('leaves nothing of what was sent when it is cancelled before its turn', async () => {
    const working = await startRun('/worker/rows', { csvData: ['kept'], ms: 60_000 })
    await until(async () => expect(await runOf(working)).toMatchObject({ state: 'running' }))
    const waiting = await startRun('/worker/rows', { csvData: ['cancelled'] })
    const bodies = async () =>
      (
        await it.pool.query<{ text: string }>(
          `SELECT convert_from(bytes, 'UTF8') AS text FROM tenon.upload_pieces JOIN tenon.upload_holds USING (upload_id)`,
        )
      ).rows.map(({ text }) => (JSON.parse(text) as { body: { csvData: string[] } }).body.csvData[0])
    expect((await bodies()).sort()).toEqual(['cancelled', 'kept'])
    expect(await it.api('POST', `/runs/${waiting}/cancel`)).toMatchObject({ status: 200 })
    expect(await bodies()).toEqual(['kept'])
  })
})

describe('an installation', () => {
  test('is a run with its steps, and may go on without its request', async () => {
    const runId = await startRun('/install', { pluginKey: 'slow-to-install' })
    await until(async () => expect(await runOf(runId)).toMatchObject({ kind: 'install', step: 'install' }))
    expect(await whenOver(runId)).toMatchObject({ state: 'succeeded', title: 'Install slow-to-install' })
    expect(JSON.stringify((await it.api('GET', '/installations')).content)).toContain('slow-to-install')
  })

  test('can be cancelled, and is taken back', async () => {
    const runId = await startRun('/install', { pluginKey: 'slow-to-install' }, { organizationId: 2 })
    const who = { organizationId: 2 }
    await until(async () => expect(await runOf(runId, who)).toMatchObject({ step: 'install' }))
    expect(await it.api('POST', `/runs/${runId}/cancel`, {}, { ...who, role: 'Editor' })).toMatchObject({ status: 403 })
    expect(await it.api('POST', `/runs/${runId}/cancel`, {}, who)).toMatchObject({ status: 200 })
    expect(await whenOver(runId, who)).toMatchObject({ state: 'cancelled' })
    const { rows } = await it.pool.query(
      `SELECT FROM tenon.plugin_roles WHERE owner_key = 'slow-to-install' AND organization_id = 2`,
    )
    expect(rows).toEqual([])
  })
})

describe('a run', () => {
  test('can be cancelled while it works, from any server, and while it waits', async () => {
    const working = await startRun('/worker/work/x', { n: 'c1', ms: 60_000 })
    const waiting = await startRun('/worker/work/x', { n: 'c2' })
    await until(async () => expect(await runOf(working)).toMatchObject({ state: 'running' }))
    expect(await runOf(waiting)).toMatchObject({ state: 'queued' })
    expect((await two.api('POST', `/runs/${waiting}/cancel`)).content).toMatchObject({ state: 'cancelled' })
    expect((await two.api('POST', `/runs/${working}/cancel`)).content).toMatchObject({ cancelling: true })
    expect(await whenOver(working)).toMatchObject({ state: 'cancelled' })
    const next = await startRun('/worker/work/x', { n: 'c3', ms: 1 })
    expect(await whenOver(next)).toMatchObject({ state: 'succeeded' })
    const left = JSON.stringify(await marks())
    expect(left).not.toContain('end c1')
    expect(left).not.toContain('begin c2')
    expect(await it.api('POST', `/runs/${working}/cancel`)).toMatchObject({
      status: 409,
      content: 'This run has ended already (cancelled).',
    })
  })

  test('that failed can be run again', async () => {
    await it.api('POST', '/worker/fail', { how: 'status', status: 400 })
    const { items } = (await it.api('GET', `/installations/${id}/runs`)).content as { items: RunJson[] }
    const again = await it.api('POST', `/runs/${items[0]?.id}/retry`)
    expect(again).toMatchObject({ status: 202, content: { action: 'fail' } })
    expect(await whenOver((again.content as RunJson).id)).toMatchObject({ state: 'failed' })
  })

  describe('that failed, and was sent something', () => {
    const secret = 'typed-in-a-form'
    const failed = async () => {
      const runId = await startRun('/worker/fail?and=more', { how: 'status', status: 400, message: secret })
      const run = await whenOver(runId)
      expect(run).toMatchObject({ state: 'failed', restartable: true })
      return runId
    }
    const retry = (runId: string, who?: Who) => it.api('POST', `/runs/${runId}/retry`, {}, who)
    const everything = async () => {
      const { rows } = await it.pool.query<{ text: string }>(
        `SELECT (to_jsonb(r) - 'failure')::text AS text FROM tenon.plugin_runs r
         UNION ALL SELECT encode(bytes, 'escape') FROM tenon.upload_pieces`,
      )
      return JSON.stringify(rows)
    }

    test('is started again with that, once, however often it is asked for', async () => {
      const runId = await failed()
      const answers = await Promise.all([retry(runId), retry(runId), retry(runId)])
      const ids = new Set(answers.map(({ content }) => (content as RunJson).id))
      expect(answers.map(({ status }) => status)).toEqual([202, 202, 202])
      expect(ids.size).toBe(1)
      const [again = ''] = ids
      expect(await whenOver(again)).toMatchObject({
        state: 'failed',
        requestedBy: 1,
        error: { message: expect.stringContaining(secret) as string },
      })
      expect(await runOf(runId)).toMatchObject({ restartable: false })
      expect(await runOf(again)).toMatchObject({ restartable: true })
      expect((await retry(runId)).content).toMatchObject({ id: again })
    })

    test('is started again by whom it could be started by', async () => {
      const runId = await failed()
      expect(await retry(runId, { role: 'Reviewer' })).toMatchObject({ status: 403 })
      expect(await retry(runId, { organizationId: 2 })).toMatchObject({ status: 404 })
      expect(await runOf(runId)).toMatchObject({ restartable: true })
    })

    test('is not, when that is older than files are kept, and nothing of it is left', async () => {
      const runId = await failed()
      expect(await everything()).toContain(secret)
      await it.pool.query('UPDATE tenon.uploads SET expires_at = now()')
      expect(await runOf(runId)).toMatchObject({ restartable: false })
      expect(await retry(runId)).toMatchObject({
        status: 409,
        body: { code: 'RUN_NOT_REPEATABLE' },
        content: 'What this run worked on is no longer kept. Start it again where you started it.',
      })
      await it.pool.query('DELETE FROM tenon.uploads WHERE expires_at <= now()')
      expect(await everything()).not.toContain(secret)
    })
  })

  test('that has succeeded, or was cancelled, leaves nothing of what was sent for it', async () => {
    const secret = 'typed-in-a-form'
    const done = await startRun(`/worker/work/x?and=${secret}`, { n: 's1', ms: 1, said: secret })
    const cancelled = await startRun('/worker/work/x', { n: 's2', ms: 60_000, said: secret })
    expect(await whenOver(done)).toMatchObject({ state: 'succeeded', restartable: false })
    await it.api('POST', `/runs/${cancelled}/cancel`)
    expect(await whenOver(cancelled)).toMatchObject({ state: 'cancelled', restartable: false })
    const { rows } = await it.pool.query(
      `SELECT to_jsonb(r)::text FROM tenon.plugin_runs r UNION ALL SELECT encode(bytes, 'escape') FROM tenon.upload_pieces`,
    )
    expect(rows).toHaveLength(2)
    expect(JSON.stringify(rows)).not.toContain(secret)
    for (const runId of [done, cancelled])
      expect(await it.api('POST', `/runs/${runId}/retry`)).toMatchObject({ status: 409 })
  })

  test('that an earlier release began leaves nothing of what was sent for it in its row', async () => {
    const runId = await startRun('/worker/work/x', { ms: 60_000 })
    await until(async () => expect(await runOf(runId)).toMatchObject({ state: 'running' }))
    await it.pool.query(
      `UPDATE tenon.plugin_runs SET input = input || '{"body": {"key": "left"}, "query": {"a": "b"}}'`,
    )
    await it.api('POST', `/runs/${runId}/cancel`)
    await whenOver(runId)
    const { rows } = await it.pool.query<{ input: object }>('SELECT input FROM tenon.plugin_runs')
    expect(rows[0]?.input).toMatchObject({ method: 'POST', path: '/work/x' })
    expect(JSON.stringify(rows)).not.toMatch(/left|"query"/)
  })

  test('is nobody else’s', async () => {
    const runId = await startRun('/worker/sync')
    await whenOver(runId)
    expect(await it.api('GET', `/runs/${runId}`, undefined, { organizationId: 2 })).toMatchObject({
      status: 404,
      content: 'Run not found',
    })
    expect(await it.api('POST', `/runs/${runId}/cancel`, {}, { organizationId: 2 })).toMatchObject({ status: 404 })
    expect(await it.api('POST', `/runs/${runId}/retry`, {}, { role: 'Reviewer' })).toMatchObject({ status: 403 })
    expect(await it.api('GET', '/runs/7')).toMatchObject({ status: 400 })
  })

  test.each(['guarded', 'kept'])('says what it answered only to who may ask for that: %s', async (route) => {
    const answer = { done: 'for admins' }
    expect(await it.api('POST', `/worker/${route}`, { n: answer.done })).toMatchObject({ content: answer })
    const list = async (who?: Who) =>
      ((await it.api('GET', `/installations/${id}/runs`, undefined, who)).content as { items: RunJson[] }).items[0]
    const run = await list()
    expect(run).toMatchObject({ state: 'succeeded', result: answer })
    for (const role of ['Auditor', 'Reviewer', 'Editor'] as const) {
      expect(await list({ role })).toMatchObject({ id: run?.id, state: 'succeeded', result: null, counts: {} })
      expect(await runOf(run?.id ?? '', { role })).toMatchObject({ state: 'succeeded', result: null })
    }
  })

  test.each(['guarded', 'kept'])('is started again by nobody who may not start it: %s', async (route) => {
    expect(await it.api('POST', `/worker/${route}`, {}, { role: 'Editor' })).toMatchObject({ status: 403 })
    const runId = await startRun(`/worker/${route}`)
    await whenOver(runId)
    expect(await it.api('POST', `/runs/${runId}/retry`, {}, { role: 'Editor' })).toMatchObject({ status: 403 })
    const again = await it.api('POST', `/runs/${runId}/retry`)
    expect(again).toMatchObject({ status: 202 })
    await whenOver((again.content as RunJson).id)
  })
})

describe('a failure', () => {
  const failed = async (body: object) => {
    const runId = await startRun('/worker/fail', body)
    return whenOver(runId)
  }

  test('is somebody’s: the admin’s, nobody’s, the author’s', async () => {
    expect(await failed({ how: 'status', status: 401 })).toMatchObject({
      state: 'failed',
      attempts: 1,
      error: {
        code: 'PLUGIN_ANSWERED',
        kind: 'configuration',
        message: 'no, with 401',
        nextStep: 'Check the configuration and the connections of the plugin, then run it again.',
      },
    })
    expect(await failed({ how: 'status', status: 500 })).toMatchObject({ attempts: 1, error: { kind: 'plugin' } })
    expect(await failed({ how: 'throw' })).toMatchObject({
      attempts: 1,
      error: { code: 'PLUGIN_THREW', kind: 'plugin', message: 'the code is wrong' },
    })
    expect(await failed({ how: 'refused' })).toMatchObject({ attempts: 5, error: { kind: 'transient' } })
    await expect(failed({ how: 'exit' })).resolves.toMatchObject({
      attempts: 1,
      error: { code: 'PLUGIN_EXITED', kind: 'plugin' },
    })
  })

  test('that passes is tried again, when nobody waits for it', async () => {
    const runId = await startRun('/worker/fail', { how: 'twice' })
    const run = await whenOver(runId)
    expect(run).toMatchObject({ state: 'succeeded', error: null })
    expect(run.attempts).toBe(3)
    const waited = await it.api('POST', '/worker/fail', { how: 'status', status: 503 })
    expect(waited).toMatchObject({ status: 503, content: 'no, with 503' })
  })

  test('that passes is tried maxAttempts times, where the operator says how often', async () => {
    for (const maxAttempts of [2, 3]) {
      const replica = await it.startReplica({ limits: { ...limits, jobs: { ...limits.jobs, maxAttempts } } })
      const runId = await startRun('/worker/fail', { how: 'status', status: 503 }, { url: replica.url })
      expect(await whenOver(runId)).toMatchObject({ state: 'failed', attempts: maxAttempts })
      await replica.close()
    }
  })
})

describe('turns', () => {
  const spans = async (names: string[]) => {
    const all = await marks()
    return names.map((name) => {
      const at = (what: string) => new Date(all.find((mark) => mark.what === what)?.at ?? Number.NaN).getTime()
      return { begin: at(`begin ${name}`), end: at(`end ${name}`) }
    })
  }

  test('one run of an action at a time, on both servers together, in the order in which they were asked for', async () => {
    const names = ['o1', 'o2', 'o3', 'o4']
    const ids: string[] = []
    for (const [index, n] of names.entries())
      ids.push(await startRun('/worker/work/x', { n, ms: 150 }, { url: index % 2 ? two.url : it.url }))
    await Promise.all(ids.map((runId) => whenOver(runId)))
    const found = await spans(names)
    for (const [index, { begin }] of found.entries()) expect(begin).toBeGreaterThanOrEqual(found[index - 1]?.end ?? 0)
  })

  test('waits for the same action that is at work anywhere else, and for no other', async () => {
    await it.pool.query(
      `INSERT INTO tenon.plugin_runs
         (organization_id, installation_id, plugin_key, kind, action, title, state, claimed_by, claim_expires_at)
       VALUES (1, $1, 'worker', 'action', 'work', 'Elsewhere', 'running', 'a third server', now() + interval '1 hour')`,
      [id],
    )
    const waiting = await startRun('/worker/work/x', { n: 'e1', ms: 1 })
    expect(await whenOver(await startRun('/worker/other-work', { n: 'e2', ms: 1 }))).toMatchObject({
      state: 'succeeded',
    })
    // Both servers have looked for something to do by then.
    await new Promise((go) => setTimeout(go, 3 * limits.jobs.pollMs))
    expect(await runOf(waiting)).toMatchObject({ state: 'queued' })
    await it.pool.query(
      `UPDATE tenon.plugin_runs SET state = 'succeeded', finished_at = now() WHERE title = 'Elsewhere'`,
    )
    expect(await whenOver(waiting)).toMatchObject({ state: 'succeeded' })
  })

  test('two runs of an organization at a time', async () => {
    const ids = [
      await startRun('/worker/work/x', { n: 't1', ms: 300 }),
      await startRun('/worker/other-work', { n: 't2', ms: 300 }),
      await startRun('/worker/third-work', { n: 't3', ms: 300 }),
    ]
    await Promise.all(ids.map((runId) => whenOver(runId)))
    const [first, second, third] = await spans(['t1', 't2', 't3'])
    if (!first || !second || !third) throw new Error('a run left no marks')
    expect(second.begin).toBeLessThan(first.end)
    expect(third.begin).toBeGreaterThanOrEqual(Math.min(first.end, second.end))
  })

  /** As many runs of a second that wait for their turn. */
  const flood = (organizationId: number, count: number) =>
    it.pool.query(
      `INSERT INTO tenon.plugin_runs (organization_id, installation_id, plugin_key, kind, action, title, state, input)
       SELECT $2, $1, 'worker', 'action', CASE n % 2 WHEN 0 THEN 'work' ELSE 'other-work' END, 'Work', 'queued',
         jsonb_build_object('method', 'POST', 'path', CASE n % 2 WHEN 0 THEN '/work/x' ELSE '/other-work' END,
           'body', jsonb_build_object('n', 'flood', 'ms', 1000))
       FROM generate_series(1, $3) n`,
      [id, organizationId, count],
    )

  test('200 waiting runs of one organization delay another by less than 5 s, on one server with four workers', async () => {
    await two.close()
    await it.host.createTenant(3)
    await it.api('POST', '/install', { pluginKey: 'worker' }, { organizationId: 3 })
    const delayOf = async (n: string) => {
      const runId = await startRun('/worker/work/x', { n, ms: 1_000 }, { organizationId: 2 })
      const { createdAt, startedAt, state } = await whenOver(runId, { organizationId: 2 })
      expect(state).toBe('succeeded')
      return new Date(startedAt ?? '').getTime() - new Date(createdAt ?? '').getTime()
    }
    await flood(1, 200)
    await until(async () => expect(await countOf('running')).toBe(2))
    expect(await delayOf('beside one')).toBeLessThan(5_000)
    // Two that ask for so much have all four workers.
    await flood(3, 200)
    await until(async () => expect(await countOf('running')).toBe(4))
    expect(await delayOf('beside two')).toBeLessThan(5_000)
    expect(await countOf('queued')).toBeGreaterThan(350)
    two = await it.startReplica()
  })
})

describe('what is kept', () => {
  const insert = (count: number, state: string, finished: string | null) =>
    it.pool.query(
      `INSERT INTO tenon.plugin_runs (organization_id, plugin_key, kind, action, title, state, next_attempt_at, finished_at)
       SELECT 1, 'worker', 'action', $2, 'Kept', $2, now() + interval '1 hour', now() - $3::interval
       FROM generate_series(1, $1::integer)`,
      [count, state, finished],
    )

  test('is 500 waiting runs of an organization at most', async () => {
    await insert(499, 'queued', null)
    const run = () => it.api('POST', '/worker/work/x', { n: 'limit', ms: 1 })
    expect(await run()).toMatchObject({ status: 200 })
    await insert(1, 'queued', null)
    expect(await run()).toMatchObject({ status: 429, body: { code: 'RUN_LIMIT' } })
    await it.pool.query('DELETE FROM tenon.uploads')
    expect(await it.api('POST', '/worker/rows', { csvData: [1] })).toMatchObject({ status: 429 })
    expect((await it.pool.query('SELECT FROM tenon.uploads')).rowCount).toBe(0)
    expect(await it.api('POST', '/worker/work/x', { n: 'other', ms: 1 }, { organizationId: 2 })).toMatchObject({
      status: 200,
    })
  })

  test('are runs of the last 30 days', async () => {
    await insert(2, 'failed', '29 days')
    await insert(3, 'succeeded', '31 days')
    const replica = await it.startReplica()
    await until(async () => expect([await countOf('failed'), await countOf('succeeded')]).toEqual([2, 0]))
    await replica.close()
  })
})

describe('the live stream', () => {
  afterEach(() => void vi.useRealTimers())

  async function open(headers: Record<string, string> = {}, url = it.url) {
    const controller = new AbortController()
    const response = await fetch(`${url}/api/plugins/events`, {
      headers: { 'x-test-user': 'Reviewer:1:1:s', ...headers },
      signal: controller.signal,
    })
    const events: { id: number; event: string; data: Record<string, unknown> }[] = []
    const reading = (async () => {
      let rest = ''
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        rest += Buffer.from(chunk).toString()
        const blocks = rest.split('\n\n')
        rest = blocks.pop() ?? ''
        for (const block of blocks) {
          const fields = Object.fromEntries(block.split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)))
          if (fields.event) events.push({ id: Number(fields.id), event: fields.event, data: JSON.parse(fields.data) })
        }
      }
    })().catch(() => {})
    return {
      response,
      events,
      runs: () => events.filter(({ event }) => event === 'run').map(({ data }) => data as unknown as RunJson),
      async close() {
        controller.abort()
        await reading
      },
    }
  }

  test('tells of runs and installations as they change, on whatever server', async () => {
    const stream = await open({}, two.url)
    expect(stream.response.headers.get('content-type')).toContain('text/event-stream')
    await until(() => expect(stream.events[0]).toMatchObject({ event: 'installations' }))
    const runId = await startRun('/worker/sync', { ms: 300 })
    await until(() => expect(stream.runs().map(({ state }) => state)).toContain('succeeded'))
    expect(stream.runs().every((run) => run.id === runId)).toBe(true)
    expect(stream.runs().some(({ progress }) => progress !== null && progress.done < 4)).toBe(true)
    await it.api('POST', `/installations/${id}/disable`)
    await until(() =>
      expect(stream.events.at(-1)).toMatchObject({
        data: expect.arrayContaining([expect.objectContaining({ pluginKey: 'worker', status: 'disabled' })]) as unknown,
      }),
    )
    await it.api('POST', `/installations/${id}/enable`)
    // Nothing of other organizations.
    await startRun('/worker/sync', {}, { organizationId: 2 }).then((other) => whenOver(other, { organizationId: 2 }))
    await new Promise((go) => setTimeout(go, 400))
    expect(stream.runs().every((run) => run.id === runId)).toBe(true)
    await stream.close()
  })

  test('says what work answered only to who may ask for that', async () => {
    const streams = [await open(), await open({ 'x-test-user': 'Admin:1:1:s' })]
    for (const { events } of streams) await until(() => expect(events).not.toEqual([]))
    await it.api('POST', '/worker/kept', { n: 'for admins' })
    for (const { runs } of streams) await until(() => expect(runs().at(-1)).toMatchObject({ state: 'succeeded' }))
    const [reviewers, admins] = streams.map(({ runs }) => runs().at(-1)?.result)
    expect([reviewers, admins]).toEqual([null, { done: 'for admins' }])
    for (const stream of streams) await stream.close()
  })

  test.each([-60_000, 60_000])('tells of everything on a server whose clock is %d ms ahead', async (aheadMs) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + aheadMs, shouldAdvanceTime: true })
    const stream = await open()
    await until(() => expect(stream.events).not.toEqual([]))
    const runId = await startRun('/worker/sync')
    await until(() => expect(stream.runs().at(-1)).toMatchObject({ id: runId, state: 'succeeded' }))
    await stream.close()
  })

  test('goes on where it was interrupted', async () => {
    const stream = await open()
    const seen = await startRun('/worker/sync')
    await until(() => expect(stream.runs().at(-1)).toMatchObject({ id: seen, state: 'succeeded' }))
    const last = stream.events.at(-1)?.id ?? 0
    await stream.close()
    const missed = await startRun('/worker/other-work', { n: 'missed', ms: 1 })
    await whenOver(missed)
    const again = await open({ 'last-event-id': String(last) })
    await until(() => expect(again.runs().find((run) => run.id === missed)).toMatchObject({ state: 'succeeded' }))
    await again.close()
  })

  test('is one of 50 of an organization at most', async () => {
    const streams = await Promise.all(Array.from({ length: 50 }, () => open()))
    expect(streams.every(({ response }) => response.status === 200)).toBe(true)
    expect(await it.api('GET', '/events')).toMatchObject({ status: 429, body: { code: 'STREAM_LIMIT' } })
    await Promise.all(streams.map((stream) => stream.close()))
    await until(async () => {
      const stream = await open()
      await stream.close()
      expect(stream.response.status).toBe(200)
    })
  })
})
