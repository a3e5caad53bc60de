import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createHostMigrator } from '../host-migrations.js'
import { createNotifications, type Notifications } from '../notifications/index.js'
import { createHostDatabase } from '../testing/tenancy-database.js'
import { limitsOf } from '../limit-table.js'
import { type JobLimits, jobLimitTable } from './job-limits.js'
import { createJobs, type Jobs, type Work } from './jobs.js'
import type { NewRun, Run } from './run.js'
import { createSchedules } from './schedules.js'

let database: Awaited<ReturnType<typeof createHostDatabase>>
const servers: { stop(): Promise<void> }[] = []
beforeAll(async () => {
  database = await createHostDatabase()
  await createHostMigrator({ pool: database.pool }).up()
  await database.pool.query(
    `INSERT INTO tenon.tenants (organization_id, schema, state) VALUES (1, 'a', 'active'), (2, 'b', 'active')`,
  )
})
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop()
  await database.pool.query('DELETE FROM tenon.plugin_runs; DELETE FROM tenon.plugin_schedules')
})
afterAll(() => database.drop())

/** Which runs have begun and not ended, and how many those were at most. */
const atWork = new Set<string>()
let mostAtWork = 0

/** Takes as many milliseconds as the run was given, unless it is stopped. */
const work: Work = async ({ run, signal, progress }) => {
  atWork.add(run.id)
  mostAtWork = Math.max(mostAtWork, atWork.size)
  progress({ done: 1 })
  try {
    await sleep(Number(run.input?.body), undefined, { signal })
  } finally {
    atWork.delete(run.id)
  }
  return { answer: undefined, counts: {}, result: undefined }
}

const log = () => {}

/** A server whose work has begun. */
async function start(limits: Partial<JobLimits>): Promise<Jobs> {
  const notifications: Notifications = createNotifications({ pool: database.pool, log })
  const jobs = createJobs({ pool: database.pool, notifications, claimMs: 5_000, work, limits, log })
  await notifications.start()
  jobs.start()
  mostAtWork = 0
  servers.push({
    async stop() {
      await jobs.stop()
      await notifications.stop()
    },
  })
  return jobs
}

/** A server that asks for work, and does none. */
const asking = (limits: Partial<JobLimits> = {}) =>
  createJobs({ pool: database.pool, notifications: { subscribe: () => {} }, claimMs: 5_000, work, limits, log })

let actions = 0
/** Runs of different actions, which therefore do not wait for each other. */
const newRun = (ms: number): NewRun => ({
  organizationId: 1,
  installationId: 1,
  pluginKey: 'plugin',
  kind: 'action',
  action: `action-${(actions += 1)}`,
  title: 'Work',
  trigger: 'manual',
  input: { method: 'POST', path: '/', body: ms },
  isRepeatable: true,
  maxAttempts: 1,
})
const stateOf = async ({ id }: Run) => (await asking().get(1, id)).state
const enqueue = (count: number, ms: number) =>
  Promise.all(Array.from({ length: count }, () => asking().enqueue(newRun(ms))))
/** Runs that wait for another attempt, as many milliseconds from now. */
async function enqueueLater(count: number, delayMs: number, ms = 1): Promise<Run[]> {
  const client = await database.pool.connect()
  try {
    await client.query('BEGIN')
    const runs: Run[] = []
    for (let added = 0; added < count; added++) runs.push(await asking().enqueue(newRun(ms), client))
    await client.query(`UPDATE tenon.plugin_runs SET next_attempt_at = now() + $1 * interval '1 ms'`, [delayMs])
    await client.query('COMMIT')
    return runs
  } finally {
    client.release()
  }
}

describe('runs at work', () => {
  test.each<[keyof JobLimits, Partial<JobLimits>]>([
    ['workers', { runningPerOrganization: 10 }],
    ['runningPerOrganization', { workers: 10 }],
  ])('are as many as %s says, and not one more', async (name, others) => {
    for (const most of [1, 3]) {
      const jobs = await start({ ...others, [name]: most })
      const runs = await enqueue(4, 300)
      for (const run of runs) expect((await jobs.wait(run, 10_000)).run.state).toBe('succeeded')
      expect(mostAtWork).toBe(most)
      await servers.pop()?.stop()
    }
  })

  test('have stopMs to come to an end when the server stops; then they are put back', async () => {
    const stateAfterStop = async (stopMs: number) => {
      await start({ stopMs })
      const [run] = (await enqueue(1, 300)) as [Run]
      await expect.poll(() => atWork.size).toBe(1)
      await servers.pop()?.stop()
      return stateOf(run)
    }
    expect(await stateAfterStop(15_000)).toBe('succeeded')
    expect(await stateAfterStop(50)).toBe('queued')
  })

  test('write their progress after progressMs', async () => {
    const progressMeanwhile = async (progressMs: number) => {
      const jobs = await start({ progressMs })
      const [run] = (await enqueue(1, 400)) as [Run]
      await expect.poll(() => atWork.size).toBe(1)
      await sleep(250)
      const { progress } = await jobs.get(1, run.id)
      await servers.pop()?.stop()
      return progress
    }
    expect(await progressMeanwhile(20)).toMatchObject({ done: 1 })
    expect(await progressMeanwhile(15_000)).toBeNull()
  })
})

describe('runs that wait', () => {
  test.each([1, 3])('are at most queuedPerOrganization, here %d', async (most) => {
    const jobs = asking({ queuedPerOrganization: most })
    for (let waiting = 0; waiting < most; waiting++) await jobs.enqueue(newRun(1))
    await expect(jobs.enqueue(newRun(1))).rejects.toMatchObject({ code: 'RUN_LIMIT' })
    await expect(jobs.enqueue({ ...newRun(1), organizationId: 2 })).resolves.toMatchObject({ state: 'queued' })
  })

  test('are found after pollMs when their time has come, of which nobody is told', async () => {
    const stateAfterAWhile = async (pollMs: number) => {
      await start({ pollMs })
      const [run] = (await enqueueLater(1, 200)) as [Run]
      await sleep(800)
      return stateOf(run)
    }
    expect(await stateAfterAWhile(15_000)).toBe('queued')
    expect(await stateAfterAWhile(50)).toBe('succeeded')
  })
})

test('organizations follow each other, whatever was asked for before', async () => {
  const organizations = [1, 1, 1, 1, 2, 2, 1]
  for (const organizationId of organizations) await asking().enqueue({ ...newRun(1), organizationId })
  const jobs = await start({ workers: 1 })
  const began = async () => {
    const { rows } = await database.pool.query<{ organization: number }>(
      'SELECT organization_id AS organization FROM tenon.plugin_runs WHERE started_at IS NOT NULL ORDER BY started_at',
    )
    return rows.map(({ organization }) => organization)
  }
  await expect.poll(began, { timeout: 10_000 }).toHaveLength(organizations.length)
  expect((await began()).slice(0, 4).sort()).toEqual([1, 1, 2, 2])
  // One that comes late is not behind all that waits.
  for (let asked = 0; asked < 5; asked++) await jobs.enqueue({ ...newRun(50), organizationId: 1 })
  await jobs.enqueue({ ...newRun(1), organizationId: 2 })
  await expect.poll(began, { timeout: 10_000 }).toHaveLength(organizations.length + 6)
  expect((await began()).slice(-6).indexOf(2)).toBeLessThan(4)
})

test('what is tried again follows those of other organizations, too', async () => {
  const late = await enqueueLater(8, 300, 200)
  const jobs = await start({ workers: 1, pollMs: 20 })
  await expect.poll(() => atWork.size, { timeout: 10_000 }).toBe(1)
  const other = await jobs.enqueue({ ...newRun(1), organizationId: 2 })
  expect((await jobs.wait(other, 10_000)).run.state).toBe('succeeded')
  const states = await Promise.all(late.map(stateOf))
  expect(states.filter((state) => state === 'queued').length).toBeGreaterThan(4)
  for (const run of late) expect((await jobs.wait(run, 10_000)).run.state).toBe('succeeded')
})

describe('runs of a server that died', () => {
  test.each([1, 2])('are begun again maxRestarts times, here %d', async (most) => {
    await start({ maxRestarts: most, pollMs: 20, workers: 0 })
    const [run] = (await enqueue(1, 1)) as [Run]
    const dieWithIt = () =>
      database.pool.query(
        `UPDATE tenon.plugin_runs SET state = 'running', claimed_by = 'who died', claim_expires_at = now() - interval '1 second'`,
      )
    for (let restarts = 0; restarts < most; restarts++) {
      await dieWithIt()
      await expect.poll(() => stateOf(run)).toBe('queued')
    }
    await dieWithIt()
    await expect.poll(() => stateOf(run)).toBe('failed')
  })
})

test('runs that have ended are kept for keptDays', async () => {
  const [young, old] = (await enqueue(2, 1)) as [Run, Run]
  const endAgo = (run: Run, hours: number) =>
    database.pool.query(
      `UPDATE tenon.plugin_runs SET state = 'succeeded', finished_at = now() - $2 * interval '1 hour' WHERE id = $1`,
      [run.id, hours],
    )
  await endAgo(young, 47)
  await endAgo(old, 49)
  const jobs = await start({ keptDays: 2 })
  await expect
    .poll(() => jobs.list({ organizationId: 1, page: 1, pageSize: 10 }))
    .toMatchObject({
      items: [{ id: young.id }],
      total: 1,
    })
})

describe('a schedule', () => {
  const owner = { organizationId: 1, pluginKey: 'plugin' }
  const everyTenMinutes = { action: 'sync', cron: '*/10 * * * *', timeZone: 'UTC', enabled: true, userId: 1 }
  const schedulesWith = (limits: Partial<JobLimits>) =>
    createSchedules({
      pool: database.pool,
      runFor: async () => undefined,
      enqueue: async () => undefined,
      limits: limitsOf(jobLimitTable, limits),
      log,
    })

  test('leaves leastScheduleMs between two runs', async () => {
    await schedulesWith({ leastScheduleMs: 600_000 }).set(owner, everyTenMinutes)
    await expect(schedulesWith({ leastScheduleMs: 600_001 }).set(owner, everyTenMinutes)).rejects.toMatchObject({
      code: 'VALIDATION_FAILED',
    })
  })

  test('that a plugin no longer proposes, or with a time that never comes, is not kept', async () => {
    const schedules = schedulesWith({})
    const fit = (cron?: string) =>
      schedules.fit(owner, { proposed: cron === undefined ? [] : [{ action: 'sync', cron }], possible: ['sync'] })
    for (const cron of [undefined, '0 0 31 2 *']) {
      await fit('0 * * * *')
      expect(await schedules.list(owner)).toHaveLength(1)
      await fit(cron)
      expect(await schedules.list(owner)).toEqual([])
    }
    await schedules.set(owner, everyTenMinutes)
    await fit()
    expect(await schedules.list(owner)).toHaveLength(1)
  })

  test.each([60_000, 300_000])(
    'that cannot be begun is put off by putOffMs, here %d, and holds up no other',
    async (putOffMs) => {
      const begun: number[] = []
      const schedules = createSchedules({
        pool: database.pool,
        runFor: async ({ organizationId }) => {
          if (organizationId === 1) throw new Error('its tables cannot be read')
          begun.push(organizationId)
          return undefined
        },
        enqueue: async () => undefined,
        limits: limitsOf(jobLimitTable, { putOffMs, pollMs: 20 }),
        log,
      })
      for (const organizationId of [1, 2]) await schedules.set({ ...owner, organizationId }, everyTenMinutes)
      await database.pool.query(
        `UPDATE tenon.plugin_schedules SET next_run_at = now() - (3 - organization_id) * interval '1 minute'`,
      )
      const before = Date.now()
      schedules.start()
      await expect.poll(() => begun).toEqual([2])
      await schedules.stop()
      const [planned] = await schedules.list(owner)
      expect(planned).toMatchObject({ lastRunAt: null })
      expect(planned?.nextRunAt.getTime()).toBeGreaterThan(before + putOffMs - 10_000)
      expect(planned?.nextRunAt.getTime()).toBeLessThan(Date.now() + putOffMs + 10_000)
    },
  )

  test.each([600_000, 3_600_000])(
    'that a plugin proposes leaves leastScheduleMs all the same, here %d',
    async (least) => {
      const schedules = schedulesWith({ leastScheduleMs: least })
      await schedules.fit(owner, { proposed: [{ action: 'sync', cron: '* * * * *' }], possible: ['sync'] })
      await database.pool.query(`UPDATE tenon.plugin_schedules SET next_run_at = now() - interval '1 second'`)
      const before = Date.now()
      schedules.start()
      const nextRunAt = async () => (await schedules.list(owner))[0]?.nextRunAt.getTime()
      await expect.poll(nextRunAt).toBeGreaterThan(Date.now())
      await schedules.stop()
      const minute = 60_000
      expect(await nextRunAt()).toBeGreaterThan(before + least - minute)
      expect(await nextRunAt()).toBeLessThan(Date.now() + least + minute)
    },
  )
})
