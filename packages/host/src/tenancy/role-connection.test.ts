import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTenancyDatabase, type TenancyDatabase, testRoleKey } from '../testing/tenancy-database.js'
import type { PluginRole } from './index.js'
import { connectRole } from './role-connection.js'
import { rolePassword } from './role-credentials.js'
import { createRoles } from './roles.js'

let database: TenancyDatabase
let role: PluginRole

beforeAll(async () => {
  database = await createTenancyDatabase()
  await database.tenancy.createTenant(1)
  role = await database.tenancy.ensureRole(1, 'bare', { kind: 'declared', tenantSchema: true, tables: {} })
  await database.pool.query(`CREATE TYPE public.letters AS ENUM ('a')`)
})
afterAll(() => database?.drop())

const limits = { timeoutMs: 5_000, maxBytes: 1_000_000, maxRows: 1_000 }
const busy = 'SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b'

/** As a plugin would have it that got around the guard. */
function connect() {
  const roles = createRoles({ pool: database.pool } as never)
  return connectRole({
    config: { ...database.connection, user: role.name, password: rolePassword(testRoleKey, role.name) },
    terminateBackend: (processId) => roles.terminateBackend(role.name, processId),
    hasBackend: (processId) => roles.hasBackend(role.name, processId),
    enumArrays: new Map(),
  })
}

test('the host’s timer ends a backend whose plugin switched the server’s timeout off', async () => {
  const connection = await connect()
  await connection.run('SET statement_timeout = 0', undefined, limits)
  await expect(connection.run(busy, undefined, { ...limits, timeoutMs: 300 })).rejects.toMatchObject({
    code: 'STATEMENT_TIMEOUT',
    message: 'A statement took longer than 0.3 seconds and was stopped.',
  })
  expect(connection.usable).toBe(false)
  await expect.poll(() => countBackends(connection.processId)).toBe(0)
})

async function countBackends(processId: number): Promise<number | null> {
  return (await database.pool.query('SELECT FROM pg_stat_activity WHERE pid = $1', [processId])).rowCount
}

test('a reset takes back settings, roles, transactions, prepared statements and listening', async () => {
  const connection = await connect()
  const ask = async (sql: string) => (await connection.run(sql, undefined, limits))[0]?.rows
  const before = await ask('SHOW work_mem')
  await connection.run(`SET work_mem = '1GB'; PREPARE x AS SELECT 1; LISTEN y; BEGIN; SELECT 1`, undefined, limits)
  await connection.reset()
  expect(await ask('SHOW work_mem')).toEqual(before)
  expect(await ask('SELECT name FROM pg_prepared_statements')).toEqual([])
  expect(await ask('SELECT pg_listening_channels()').catch(() => [])).toEqual([])
  await connection.close()
})

test('statements that are sent at once run one after the other, each with a timer of its own', async () => {
  const connection = await connect()
  const results = await Promise.all(
    [1, 2, 3].map((n) => connection.run(`SELECT ${n}`, undefined, { ...limits, timeoutMs: 500 })),
  )
  expect(results.map((result) => result[0]?.rows)).toEqual([[[1]], [[2]], [[3]]])
  await connection.close()
})

test.each([
  ['json', `('{' || string_agg(format('"%s":1', n), ',') || '}')::json`, 1_500_000, '{"1":1,"2":1'],
  ['int[]', 'array_agg(n)', 3_000_000, '{1,2,3,4,5,6'],
  ['timestamptz[]', `array_agg(timestamptz '2026-01-01 00:00:00+00')`, 900_000, '{"2026-01-01'],
  ['point[]', 'array_agg(point(n, n))', 1_000_000, '{"(1,1)","(2'],
  ['an array of an enum', `array_agg('a'::public.letters)`, 2_000_000, '{a,a,a,a,a,a'],
])('%s is handed on as the server sent it: nobody waits while megabytes are read', async (_, value, count, start) => {
  const connection = await connect()
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const large = `SELECT ${value} FROM generate_series(1, ${count}) n`
  const [result] = await connection.run(large, undefined, { ...limits, timeoutMs: 20_000, maxBytes: 32 * 1024 * 1024 })
  delay.disable()
  expect(String(result?.rows[0]?.[0]).slice(0, 12)).toBe(start)
  expect(delay.max / 1e6).toBeLessThan(300)
  await connection.close()
})

test('the lists of an enum are marked as such: who reads them cannot know', async () => {
  const connection = await connect()
  const [result] = await connection.run(
    `SELECT 'a'::public.letters, ARRAY['a']::public.letters[], ARRAY[1]`,
    undefined,
    limits,
  )
  expect(result?.rows).toEqual([['a', '{a}', '{1}']])
  expect(result?.fields.map(({ isList = false }) => isList)).toEqual([false, true, false])
  await connection.close()
})
