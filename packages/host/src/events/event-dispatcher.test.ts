import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createHostMigrator } from '../host-migrations.js'
import { createHostDatabase } from '../testing/tenancy-database.js'
import { createNotifications, type Notifications } from '../notifications/index.js'
import { DeliveryFailure } from './delivery-failure.js'
import { createEventDispatcher, type EventDispatcher } from './event-dispatcher.js'

type Options = Parameters<typeof createEventDispatcher>[0]

let database: Awaited<ReturnType<typeof createHostDatabase>>
const started: (EventDispatcher | Notifications)[] = []
const hanging: (() => void)[] = []
beforeAll(async () => {
  database = await createHostDatabase()
  await createHostMigrator({ pool: database.pool }).up()
})
afterEach(async () => {
  hanging.splice(0).forEach((release) => release())
  await Promise.all(started.splice(0).map((dispatcher) => dispatcher.stop()))
  await database.pool.query('DELETE FROM tenon.outbox')
})
afterAll(() => database.drop())

const until = <Result>(what: () => Promise<Result> | Result) => vi.waitFor(what, { timeout: 5_000, interval: 20 })
const hang = () => new Promise<void>((resolve) => void hanging.push(resolve))

/** A dispatcher that looks often; everybody has one subscriber, "plugin", unless something else is said. */
async function start(options: Partial<Options>): Promise<EventDispatcher> {
  const notifications = createNotifications({ pool: database.pool, log: () => {}, retryMs: 100 })
  const dispatcher = createEventDispatcher({
    pool: database.pool,
    notifications,
    subscribersOf: () => Promise.resolve([{ pluginKey: 'plugin', handler: 'on' }]),
    deliver: () => Promise.resolve(),
    log: () => {},
    ...options,
    limits: { pollMs: 100, ...options.limits },
  })
  started.push(dispatcher, notifications)
  await notifications.start()
  dispatcher.start()
  return dispatcher
}

async function publish(organizationId: number, name = 'note.written', count = 1): Promise<void> {
  await database.pool.query(
    `INSERT INTO tenon.outbox (organization_id, source, name, payload)
     SELECT $1, 'host', $2, '{}' FROM generate_series(1, $3)`,
    [organizationId, name, count],
  )
}

interface Row {
  organization_id: number
  state: string
  attempts: number
  last_error: string | null
  due: boolean
}

async function deliveriesOf(organizationId: number): Promise<Row[]> {
  const { rows } = await database.pool.query<Row>(
    `SELECT organization_id, state, attempts, last_error, next_attempt_at <= now() AS due
     FROM tenon.event_deliveries WHERE organization_id = $1`,
    [organizationId],
  )
  return rows
}

describe('an event', () => {
  test('is kept as long as nobody can tell its subscribers, and does not hold up those of others', async () => {
    let broken = true
    const delivered: number[] = []
    await publish(1, 'note.written', 150)
    await start({
      subscribersOf: async (organizationId) => {
        if (broken && organizationId === 1) throw new Error('the connection was lost')
        return [{ pluginKey: 'plugin', handler: 'on' }]
      },
      deliver: async (organizationId) => void delivered.push(organizationId),
    })
    await publish(2)
    await until(() => expect(delivered).toEqual([2]))
    broken = false
    await until(() => expect(delivered.filter((id) => id === 1)).toHaveLength(150))
  })

  test('of nobody is done with', async () => {
    await start({ subscribersOf: () => Promise.resolve([]) })
    await publish(1)
    await until(async () => {
      const { rows } = await database.pool.query('SELECT FROM tenon.outbox WHERE dispatched_at IS NOT NULL')
      expect(rows).toHaveLength(1)
    })
    expect(await deliveriesOf(1)).toEqual([])
  })

  test('is not held back by a pool with one connection left', async () => {
    // The listener keeps one of ten.
    const taken = await Promise.all(Array.from({ length: 8 }, () => database.pool.connect()))
    try {
      const delivered: number[] = []
      await start({
        subscribersOf: async () => {
          await database.pool.query('SELECT 1')
          return [{ pluginKey: 'plugin', handler: 'on' }]
        },
        deliver: async (organizationId) => void delivered.push(organizationId),
      })
      await taken[0]?.query(
        "INSERT INTO tenon.outbox (organization_id, source, name, payload) VALUES (1, 'host', 'a.b', '{}')",
      )
      await until(() => expect(delivered).toEqual([1]))
    } finally {
      taken.forEach((client) => client.release())
    }
  })

  test.each([
    [7, 30, {}],
    [2, 10, { keptDays: 2, keptFailedDays: 10 }],
  ])('is forgotten after %i days, after %i when it failed, and never while it waits', async (days, failedDays, own) => {
    const aged = async (name: string, age: number, state?: string) => {
      const { rows } = await database.pool.query<{ event_id: string }>(
        `INSERT INTO tenon.outbox (organization_id, source, name, payload, created_at, dispatched_at)
         VALUES (1, 'host', $1, '{}', now() - $2 * interval '1 day', now()) RETURNING event_id`,
        [name, age],
      )
      if (state === undefined) return
      await database.pool.query(
        `INSERT INTO tenon.event_deliveries (event_id, organization_id, plugin_key, handler, state, next_attempt_at)
         VALUES ($1, 1, 'plugin', 'on', $2, now() + interval '1 hour')`,
        [rows[0]?.event_id, state],
      )
    }
    await aged('nobody', days + 1)
    await aged('delivered', days + 1, 'delivered')
    await aged('delivered.lately', days - 1, 'delivered')
    await aged('failed.lately', failedDays - 1, 'failed')
    await aged('failed', failedDays + 1, 'failed')
    await aged('waiting', 40, 'waiting')
    await start({ limits: own })
    await until(async () => {
      const { rows } = await database.pool.query<{ name: string }>('SELECT name FROM tenon.outbox ORDER BY name')
      expect(rows.map(({ name }) => name)).toEqual(['delivered.lately', 'failed.lately', 'waiting'])
    })
  })
})

describe('an event that fails', () => {
  test.each([
    [{}, [5, 20, 80, 320, 1_200]],
    [{ retryMs: 1_000, maxRetryMs: 3_000, maxAttempts: 4 }, [1, 3, 3]],
  ])('is tried again, %o: after %o seconds', async (own, pauses) => {
    let attempts = 0
    await start({ limits: own, deliver: () => Promise.reject(new Error(`attempt ${++attempts}`)) })
    await publish(1)
    for (const [index, pause] of pauses.entries()) {
      await until(async () =>
        expect(await deliveriesOf(1)).toMatchObject([{ state: 'waiting', last_error: `attempt ${index + 1}` }]),
      )
      const { rows } = await database.pool.query<{ seconds: number }>(
        `UPDATE tenon.event_deliveries d SET next_attempt_at = now() FROM tenon.event_deliveries o
         WHERE o.event_id = d.event_id RETURNING extract(epoch FROM o.next_attempt_at - now())::float8 AS seconds`,
      )
      expect(rows[0]?.seconds).toBeLessThanOrEqual(pause)
      expect(rows[0]?.seconds).toBeGreaterThan(pause * 0.75 - 1)
    }
    await until(async () =>
      expect(await deliveriesOf(1)).toMatchObject([{ state: 'failed', attempts: pauses.length + 1 }]),
    )
  })

  test('may say until cutOffMs are over what it came to', async () => {
    const lastError = async (cutOffMs: number) => {
      const dispatcher = await start({
        limits: { longestDeliveryMs: 50, cutOffMs },
        deliver: (_organizationId, _subscriber, _event, signal) =>
          new Promise((_resolve, reject) => {
            const tidyUp = () => setTimeout(() => reject(new Error('it tidied up')), 200)
            signal.addEventListener('abort', tidyUp)
          }),
      })
      await publish(1)
      await until(async () => expect(await deliveriesOf(1)).toMatchObject([{ attempts: 1, due: false }]))
      const error = await until(async () => {
        const [row] = await deliveriesOf(1)
        expect(row?.last_error).toEqual(expect.any(String))
        return row?.last_error
      })
      await dispatcher.stop()
      await database.pool.query('DELETE FROM tenon.outbox')
      return error
    }
    expect(await lastError(5_000)).toBe('it tidied up')
    expect(await lastError(20)).toBe('The delivery took too long.')
  })

  test('of which nothing was heard is found after pollMs', async () => {
    const delivered: number[] = []
    const deaf = createNotifications({ pool: database.pool, log: () => {} })
    const look = (pollMs: number, organizationId: number) =>
      start({
        notifications: deaf,
        limits: { pollMs },
        subscribersOf: async () => [{ pluginKey: `plugin-${pollMs}`, handler: 'on' }],
        deliver: async () => void delivered.push(organizationId),
      })
    const rare = await look(60_000, 1)
    // What is there at the start is looked for at once.
    await new Promise((resolve) => setTimeout(resolve, 300))
    await publish(1)
    await new Promise((resolve) => setTimeout(resolve, 700))
    expect(delivered).toEqual([])
    await rare.stop()
    await look(100, 2)
    await until(() => expect(delivered).toEqual([2]))
    await publish(1)
    await until(() => expect(delivered).toEqual([2, 2]))
  })
})

describe('a plugin that hangs', () => {
  test.each([
    [{}, 4],
    [{ eventsPerPlugin: 2 }, 2],
  ])('holds up neither the events of others nor other plugins of its organization: %o, %i', async (own, begun) => {
    const delivered: string[] = []
    await publish(1, 'note.written', 40)
    await start({
      limits: own,
      subscribersOf: async (organizationId) =>
        ['hangs', 'works'].map((key) => ({ pluginKey: `${key}${organizationId}`, handler: 'on' })),
      deliver: (_organizationId, { pluginKey }) => {
        if (pluginKey === 'hangs1') return hang()
        delivered.push(pluginKey)
        return Promise.resolve()
      },
    })
    await until(() => expect(delivered).toHaveLength(40))
    await publish(2)
    await until(() => expect(delivered.slice(40).sort()).toEqual(['hangs2', 'works2']))
    // Of its many events, a few are begun.
    expect(hanging).toHaveLength(begun)
  })

  test.each([
    [{}, 12],
    [{ plugins: 2 }, 2],
  ])('of which there are many, %o: %i at the same moment, and all in the end', async (own, most) => {
    let done = 0
    let now = 0
    let atOnce = 0
    const organizations = Array.from({ length: 15 }, (_, index) => index + 1)
    for (const organization of organizations) await publish(organization)
    await start({
      limits: own,
      deliver: async () => {
        atOnce = Math.max(atOnce, ++now)
        await (done < most ? new Promise((resolve) => setTimeout(resolve, 300)) : undefined)
        now--
        done++
      },
    })
    await until(() => expect(done).toBe(15))
    expect(atOnce).toBe(most)
  })

  test.each([
    [{}, 3],
    [{ pluginsPerOrganization: 5 }, 5],
  ])('of which an organization has many leaves room for other organizations: %o, %i', async (own, most) => {
    const delivered: number[] = []
    await publish(1)
    await start({
      limits: own,
      subscribersOf: async () => Array.from({ length: 20 }, (_, n) => ({ pluginKey: `plugin-${n}`, handler: 'on' })),
      deliver: (organizationId) => {
        if (organizationId === 1) return hang()
        delivered.push(organizationId)
        return Promise.resolve()
      },
    })
    await until(() => expect(hanging).toHaveLength(most))
    await publish(2)
    await until(() => expect(delivered).toHaveLength(20))
    expect(hanging).toHaveLength(most)
  })

  test('goes to another server when the claim of one that is gone has ended, and not before', async () => {
    const limits = { longestDeliveryMs: 500, cutOffMs: 100, claimMarginMs: 400 }
    const pool = new pg.Pool(database.connection)
    let begun = 0
    await start({ pool, limits, deliver: () => ((begun += 1), hang()) })
    await publish(1)
    await until(() => expect(begun).toBe(1))
    await pool.end()
    const { rows } = await database.pool.query<{ due: Date }>(
      'SELECT next_attempt_at AS due FROM tenon.event_deliveries',
    )
    const taken: number[] = []
    await start({ limits, deliver: async () => void taken.push(Date.now()) })
    await until(async () => expect(await deliveriesOf(1)).toMatchObject([{ state: 'delivered', attempts: 2 }]))
    expect(taken).toHaveLength(1)
    expect(taken[0]).toBeGreaterThanOrEqual(rows[0]?.due.getTime() ?? Infinity)
  })

  test.each([60_000, 3_600_000])(
    'is put off for maxPutOffMs at most, here %i, and is not given up before the event is that old',
    async (maxPutOffMs) => {
      const later = new DeliveryFailure(new Error('later'), { retryAfterMs: 10 * maxPutOffMs })
      await start({ deliver: () => Promise.reject(later), limits: { maxPutOffMs } })
      await publish(1)
      await until(async () =>
        expect(await deliveriesOf(1)).toMatchObject([{ state: 'waiting', attempts: 1, last_error: 'later' }]),
      )
      const { rows } = await database.pool.query<{ ms: number }>(
        'SELECT extract(epoch FROM next_attempt_at - now())::double precision * 1000 AS ms FROM tenon.event_deliveries',
      )
      expect(rows[0]?.ms).toBeGreaterThan(maxPutOffMs - 15_000)
      expect(rows[0]?.ms).toBeLessThanOrEqual(maxPutOffMs)
      const again = (attempts: number) =>
        database.pool.query(
          'UPDATE tenon.event_deliveries SET attempts = $1, next_attempt_at = now(), last_error = NULL',
          [attempts],
        )
      await again(50)
      await until(async () =>
        expect(await deliveriesOf(1)).toMatchObject([{ state: 'waiting', attempts: 51, last_error: 'later' }]),
      )
      await database.pool.query(`UPDATE tenon.outbox SET created_at = now() - $1 * interval '1 millisecond'`, [
        maxPutOffMs,
      ])
      await again(50)
      await until(async () => expect(await deliveriesOf(1)).toMatchObject([{ state: 'failed', attempts: 51 }]))
    },
  )

  test('that its subscriber always wants again at once is tried as rarely as any other', async () => {
    const atOnce = new DeliveryFailure(new Error('again'), { retryAfterMs: 1 })
    let tries = 0
    await start({
      deliver: () => ((tries += 1), Promise.reject(atOnce)),
      limits: { retryMs: 20, maxRetryMs: 600_000 },
    })
    await publish(1)
    // After 20, 80, 320 and 1280 ms.
    await until(async () => expect(await deliveriesOf(1)).toMatchObject([{ attempts: 5, state: 'waiting' }]))
    expect(tries).toBe(5)
    const { rows } = await database.pool.query<{ ms: number }>(
      'SELECT extract(epoch FROM next_attempt_at - now())::double precision * 1000 AS ms FROM tenon.event_deliveries',
    )
    expect(rows[0]?.ms).toBeGreaterThan(2_000)
  })

  test('is cut off before another server may try the same event', async () => {
    const signals: AbortSignal[] = []
    await start({
      deliver: (_organizationId, _subscriber, _event, signal) => {
        signals.push(signal)
        return hang()
      },
      limits: { longestDeliveryMs: 100, cutOffMs: 50 },
    })
    await publish(1)
    await until(() => expect(signals).toHaveLength(1))
    const { rows } = await database.pool.query<{ seconds: number }>(
      'SELECT extract(epoch FROM next_attempt_at - now())::integer AS seconds FROM tenon.event_deliveries',
    )
    expect(rows[0]?.seconds).toBeGreaterThan(20)
    await until(async () =>
      expect(await deliveriesOf(1)).toMatchObject([{ attempts: 1, last_error: 'The delivery took too long.' }]),
    )
    expect(signals[0]?.aborted).toBe(true)
  })

  test.each([
    ['heeds the signal', true],
    ['does not heed it', false],
  ])('does not keep the server from stopping, when it %s, and keeps its attempt', async (_how, heeds) => {
    const dispatcher = await start({
      deliver: (_organizationId, _subscriber, _event, signal) =>
        Promise.race([
          hang(),
          heeds ? new Promise<void>((_, reject) => signal.addEventListener('abort', reject)) : hang(),
        ]),
      limits: { stopMs: 100, cutOffMs: 100 },
    })
    await publish(1)
    await until(() => expect(hanging.length).toBeGreaterThan(0))
    // By default it would wait for eight seconds.
    let isStopped = false
    void dispatcher.stop().then(() => (isStopped = true))
    await expect.poll(() => isStopped, { timeout: 7_000 }).toBe(true)
    expect(await deliveriesOf(1)).toMatchObject([{ state: 'waiting', attempts: 0, due: true }])
  })
})

describe('a server', () => {
  test('that stops lets a delivery finish', async () => {
    const begun = vi.fn()
    const dispatcher = await start({
      deliver: async () => {
        begun()
        await new Promise((resolve) => setTimeout(resolve, 200))
      },
    })
    await publish(1)
    await until(() => expect(begun).toHaveBeenCalled())
    await dispatcher.stop()
    expect(await deliveriesOf(1)).toMatchObject([{ state: 'delivered', attempts: 1 }])
  })

  test('keeps what a plugin said even where Postgres has no place for it', async () => {
    await start({ deliver: () => Promise.reject(new Error('no\0 way')) })
    await publish(1)
    await until(async () =>
      expect(await deliveriesOf(1)).toMatchObject([{ state: 'waiting', attempts: 1, last_error: 'no way' }]),
    )
  })

  test('survives that the database ends its connections, and hears at once of what comes then', async () => {
    const delivered: number[] = []
    const log = vi.fn()
    await start({
      deliver: async (organizationId) => void delivered.push(organizationId),
      log,
      limits: { pollMs: 300 },
    })
    const listeners = async () => {
      const { rows } = await database.pool.query<{ pid: number }>(
        `SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN %' AND datname = current_database()`,
      )
      return rows.map(({ pid }) => pid)
    }
    const [first] = await listeners()
    await database.pool.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    )
    await until(async () => {
      const [again] = await listeners()
      expect(again).toBeDefined()
      expect(again).not.toBe(first)
    })
    await publish(7)
    await until(() => expect(delivered).toEqual([7]))
  })
})
