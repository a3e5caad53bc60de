import { once } from 'node:events'
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createHostMigrator } from '../host-migrations.js'
import { createNotifications } from '../notifications/index.js'
import { createHostDatabase } from '../testing/tenancy-database.js'
import { createJobs, type Jobs, type Work } from './jobs.js'
import type { NewRun } from './run.js'

const claimMs = 2_000

let database: Awaited<ReturnType<typeof createHostDatabase>>
const servers: { stop(): Promise<void> }[] = []
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
  await database.pool.query('DELETE FROM tenon.plugin_runs')
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
  const jobs = createJobs({ pool, notifications, claimMs, work, limits: { pollMs: 50, stopMs: 100 }, log: note })
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

const newRun = (isRepeatable: boolean): NewRun => ({
  organizationId: 1,
  installationId: 1,
  pluginKey: 'plugin',
  kind: 'action',
  action: 'charge',
  title: 'Charge',
  trigger: 'manual',
  input: { method: 'POST', path: '/' },
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

test('workers go on when another user of the library in the same database has changed its own tables', async () => {
  const { jobs, log } = await start(async () => ({ answer: undefined, counts: {}, result: 'done' }))
  const exitCode = process.exitCode
  await database.pool.query(`SELECT pg_notify('worker:migrate', '{"migrationNumber": 99, "breaking": true}')`)
  await expect.poll(() => log).toContain('run-queue')
  expect(process.exitCode).toBe(exitCode)
  const run = await jobs.enqueue(newRun(false))
  expect(await jobs.wait(run, 10_000)).toMatchObject({ run: { state: 'succeeded', result: 'done' } })
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
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}
