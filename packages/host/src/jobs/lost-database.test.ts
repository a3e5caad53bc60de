import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createHostMigrator } from '../host-migrations.js'
import { createNotifications } from '../notifications/index.js'
import { createHostDatabase } from '../testing/tenancy-database.js'
import { createJobs, type Jobs, type Work } from './jobs.js'
import type { NewRun, Run } from './run.js'

const claimMs = 2_000

let database: Awaited<ReturnType<typeof createHostDatabase>>
const servers: { stop(): Promise<void> }[] = []
/** Removes what makes statements fail. */
const failing: string[] = []
beforeAll(async () => {
  database = await createHostDatabase()
  await createHostMigrator({ pool: database.pool }).up()
  await database.pool.query(`INSERT INTO tenon.tenants (organization_id, schema, state) VALUES (1, 'a', 'active');
    CREATE SEQUENCE public.ends;
    CREATE TABLE public.failing_ends (count integer NOT NULL);
    INSERT INTO public.failing_ends VALUES (0);
    CREATE FUNCTION public.fail_end() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF nextval('public.ends') <= (SELECT count FROM public.failing_ends) THEN
          RAISE EXCEPTION 'out of room' USING ERRCODE = 'disk_full';
        END IF;
        RETURN NEW;
      END $$;
    CREATE TRIGGER fail_end BEFORE UPDATE OF state ON tenon.plugin_runs FOR EACH ROW
      WHEN (NEW.state = 'succeeded') EXECUTE FUNCTION public.fail_end()`)
})
beforeEach(() => failEnds(0))
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
  await database.pool.query(['DELETE FROM tenon.plugin_runs', ...failing.splice(0)].join('; '))
})
afterAll(() => database.drop())

/** How many of the next statements that write the end of a run fail. */
const failEnds = (count: number) =>
  database.pool.query(`SELECT setval('public.ends', 1, false); UPDATE public.failing_ends SET count = ${count}`)

/** A server that asks for work, and does none. */
const asking = () =>
  createJobs({
    pool: database.pool,
    notifications: { subscribe: () => {} },
    claimMs,
    work: () => Promise.reject(new Error('this server does no work')),
    log: () => {},
  })

interface TestServer {
  jobs: Jobs
  log: string[]
}

async function start(work: Work, pool: pg.Pool = database.pool): Promise<TestServer> {
  const log: string[] = []
  const note = (event: string) => void log.push(event)
  const notifications = createNotifications({ pool, log: note })
  const limits = { pollMs: 50, stopMs: 100, runningPerOrganization: 10 }
  const jobs = createJobs({ pool, notifications, claimMs, work, limits, log: note })
  await notifications.start()
  jobs.start()
  servers.push({
    async stop() {
      await jobs.stop()
      await notifications.stop()
      if (pool !== database.pool) await pool.end()
    },
  })
  return { jobs, log }
}

let asked = 0
const newRun = (isRepeatable: boolean): NewRun => ({
  organizationId: 1,
  installationId: 1,
  pluginKey: 'plugin',
  kind: 'action',
  action: 'charge',
  title: 'Charge',
  trigger: 'manual',
  input: { method: 'POST', path: '/', body: { asked: (asked += 1) } },
  isRepeatable,
  maxAttempts: 1,
})

test('the end of what was done is written as soon as the database takes it', async () => {
  let times = 0
  const { jobs, log } = await start(async () => ({ answer: 'answer', counts: {}, result: (times += 1) }))
  await failEnds(3)
  const run = await jobs.enqueue(newRun(false))
  expect(await jobs.wait(run, 15_000)).toMatchObject({
    run: { state: 'succeeded', failure: null, result: 1 },
    outcome: { answer: 'answer' },
  })
  expect(times).toBe(1)
  expect(log.filter((event) => event === 'jobs-failed')).toHaveLength(3)
})

test('what cannot be written at all is given up when its claim has ended', async () => {
  const { jobs } = await start(async () => ({ answer: undefined, counts: {}, result: 1 }))
  await failEnds(1_000)
  const run = await jobs.enqueue(newRun(false))
  expect(await jobs.wait(run, 15_000)).toMatchObject({
    run: { state: 'failed', failure: { code: 'RUN_INTERRUPTED' } },
  })
})

test('a server that no longer reaches the database has ended its work before another one begins it', async () => {
  const proxy = await startProxy(database.connection)
  const spans: { server: string; begin: number; end?: number }[] = []
  const workOf =
    (server: string, ms: number): Work =>
    async ({ signal }) => {
      const span: (typeof spans)[number] = { server, begin: performance.now() }
      spans.push(span)
      await sleep(ms, undefined, { signal }).finally(() => (span.end = performance.now()))
      return { answer: undefined, counts: {}, result: server }
    }
  const pool = new pg.Pool({ ...database.connection, host: '127.0.0.1', port: proxy.port, max: 10 })
  pool.on('error', () => {})
  const one = await start(workOf('one', 30_000), pool)
  const run = await one.jobs.enqueue(newRun(true))
  await expect.poll(() => spans).toMatchObject([{ server: 'one' }])
  const two = await start(workOf('two', 0))
  proxy.cut()
  expect(await two.jobs.wait(run, 15_000)).toMatchObject({ run: { state: 'succeeded', result: 'two', attempts: 1 } })
  expect(spans).toMatchObject([{ server: 'one' }, { server: 'two' }])
  expect(spans[0]?.end).toBeLessThan(spans[1]?.begin ?? 0)
  await servers.pop()?.stop()
  proxy.mend()
  // The one that was cut off goes on, without being started again.
  const next = await asking().enqueue(newRun(false))
  await expect.poll(() => spans.length, { timeout: 15_000 }).toBe(3)
  expect(spans[2]).toMatchObject({ server: 'one' })
  await asking().cancel(1, next.id)
  await servers.shift()?.stop()
  await proxy.close()
})

describe('workers go on, and what is at work holds nobody up,', () => {
  test('when a finished job could not be removed from the queue', async () => {
    const { jobs, end } = await startStanding()
    await failOnce('BEFORE DELETE ON tenon_queue._private_jobs')
    const first = await begunRuns(jobs, 4)
    await end(first[0])
    const [fifth] = await begunRuns(jobs, 1)
    for (const run of [...first.slice(1), fifth]) await end(run)
    await end((await begunRuns(jobs, 1))[0])
  })

  test('when another user of the library in the same database changes its own tables', async () => {
    const { jobs, log, end } = await startStanding()
    const [first] = await begunRuns(jobs, 1)
    const { exitCode } = process
    await database.pool.query(`SELECT pg_notify('worker:migrate', '{"migrationNumber": 99, "breaking": true}')`)
    await expect.poll(() => log).toContain('run-queue')
    expect(process.exitCode).toBe(exitCode)
    const more = await begunRuns(jobs, 3)
    const late = await jobs.enqueue({ ...newRun(true), action: 'one too many' })
    await sleep(500)
    expect(await jobs.get(1, late.id)).toMatchObject({ state: 'queued' })
    for (const run of [first, ...more, late]) await end(run)
  })

  test('when the first look at the queue failed', async () => {
    await failOnce('BEFORE INSERT ON tenon_queue._private_tasks')
    const { jobs, log, end } = await startStanding()
    await expect.poll(() => log).toContain('run-queue')
    await end((await begunRuns(jobs, 1))[0])
  })

  /** A server whose work ends when it is told to. */
  async function startStanding() {
    const endings = new Map<string, () => void>()
    const { jobs, log } = await start(async ({ run, signal }) => {
      await new Promise<void>((resolve, reject) => {
        endings.set(run.id, resolve)
        signal.addEventListener('abort', () => reject(new Error('told to stop')))
      })
      return { answer: undefined, counts: {}, result: undefined }
    })
    async function end(run: Run | undefined): Promise<void> {
      const id = run?.id ?? ''
      await expect.poll(() => endings.has(id), { timeout: 10_000 }).toBe(true)
      endings.get(id)?.()
      await expect.poll(async () => (await jobs.get(1, id)).state).toBe('succeeded')
    }
    return { jobs, log, end }
  }

  async function begunRuns(jobs: Jobs, count: number): Promise<Run[]> {
    const runs: Run[] = []
    for (let n = 0; n < count; n += 1) runs.push(await jobs.enqueue({ ...newRun(true), action: randomUUID() }))
    for (const { id } of runs)
      await expect.poll(async () => (await jobs.get(1, id)).state, { timeout: 10_000 }).toBe('running')
    return runs
  }

  /** The next statement of this kind fails, as it does when the database is away for a moment. */
  async function failOnce(when: string): Promise<void> {
    await database.pool.query(`CREATE SEQUENCE public.times;
      CREATE FUNCTION public.fail_once() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF nextval('public.times') = 1 THEN RAISE EXCEPTION 'shut down' USING ERRCODE = 'admin_shutdown'; END IF;
          RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
        END $$;
      CREATE TRIGGER fail_once ${when} FOR EACH ROW EXECUTE FUNCTION public.fail_once()`)
    failing.push('DROP FUNCTION public.fail_once CASCADE; DROP SEQUENCE public.times')
  }
})

test('nothing is left in the queue of what a server was at work on when it died', async () => {
  const run = await asking().enqueue(newRun(false))
  await database.pool.query(
    `UPDATE tenon_queue._private_jobs SET attempts = attempts + 1, locked_by = 'who died',
       locked_at = now() - interval '5 hours' WHERE key = '${run.id}';
     UPDATE tenon.plugin_runs SET state = 'running', claimed_by = 'who died', claim_expires_at = now() - interval '1 hour'`,
  )
  const { jobs } = await start(() => Promise.reject(new Error('nothing is to be done')))
  expect(await jobs.wait(run, 10_000)).toMatchObject({ run: { state: 'failed', failure: { code: 'RUN_INTERRUPTED' } } })
  await servers.pop()?.stop()
  await start(() => Promise.reject(new Error('nothing is to be done')))
  const ofRun = `SELECT FROM tenon_queue._private_jobs WHERE key = '${run.id}'`
  await expect.poll(async () => (await database.pool.query(ofRun)).rowCount).toBe(0)
})

test('runs of an action are begun in their order, also when a later one is handed out first', async () => {
  const runs = [
    await asking().enqueue(newRun(true)),
    await asking().enqueue(newRun(true)),
    await asking().enqueue(newRun(true)),
  ]
  await database.pool.query(
    `UPDATE tenon_queue._private_jobs SET attempts = attempts + 1, locked_by = 'who is about to begin it', locked_at = now()
     WHERE key = $1`,
    [runs[0]?.id],
  )
  const begun: string[] = []
  const { jobs } = await start(async ({ run }) => ({ answer: undefined, counts: {}, result: begun.push(run.id) }))
  for (const run of runs) expect(await jobs.wait(run, 10_000)).toMatchObject({ run: { state: 'succeeded' } })
  expect(begun).toEqual(runs.map(({ id }) => id))
})

test('a server stops although the database does not answer any more', async () => {
  const proxy = await startProxy(database.connection)
  const pool = new pg.Pool({ ...database.connection, host: '127.0.0.1', port: proxy.port, max: 10 })
  pool.on('error', () => {})
  const jobs = createJobs({
    pool,
    notifications: { subscribe: () => {} },
    claimMs,
    async work({ signal }) {
      await sleep(30_000, undefined, { signal })
      throw new Error('nobody stopped it')
    },
    limits: { pollMs: 50, stopMs: 100 },
    log: () => {},
  })
  jobs.start()
  const run = await asking().enqueue(newRun(true))
  await expect.poll(async () => (await asking().get(1, run.id)).state).toBe('running')
  proxy.hang()
  await Promise.race([jobs.stop(), sleep(10_000).then(() => Promise.reject(new Error('it does not stop')))])
  await proxy.close()
  await pool.end()
})

describe('what waits is begun within the life of a claim', () => {
  test('where a server died after it was handed out, and before it began', async () => {
    const run = await asking().enqueue(newRun(true))
    await database.pool.query(
      `UPDATE tenon_queue._private_jobs SET attempts = attempts + 1, locked_by = 'who died',
         locked_at = now() - interval '1 minute' WHERE key = $1`,
      [run.id],
    )
    const { jobs } = await start(async () => ({ answer: undefined, counts: {}, result: 'done' }))
    expect(await jobs.wait(run, 10_000)).toMatchObject({ run: { state: 'succeeded', result: 'done', attempts: 1 } })
  })

  test('where the queue is new, as after a restore', async () => {
    const run = await asking().enqueue(newRun(true))
    await database.pool.query('DELETE FROM tenon_queue._private_jobs')
    const { jobs } = await start(async () => ({ answer: undefined, counts: {}, result: 'done' }))
    expect(await jobs.wait(run, 10_000)).toMatchObject({ run: { state: 'succeeded', result: 'done' } })
  })
})

/** What a server reaches its database through. */
async function startProxy({ host = '', port }: pg.ClientConfig) {
  const sockets = new Set<Socket>()
  let isCut = false
  const server: Server = createServer((socket) => {
    const behind = host.startsWith('/')
      ? createConnection(`${host}/.s.PGSQL.${port}`)
      : createConnection({ host, port: Number(port) })
    for (const [from, to] of [
      [socket, behind],
      [behind, socket],
    ] as const) {
      sockets.add(from)
      from.on('error', () => {}).on('close', () => to.destroy())
      from.pipe(to)
    }
    if (isCut) socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true
      for (const socket of sockets) socket.destroy()
    },
    mend: () => void (isCut = false),
    hang() {
      for (const socket of sockets) socket.unpipe().pause()
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
