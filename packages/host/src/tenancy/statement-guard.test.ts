import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStatementGuard, type StatementGuard } from './statement-guard.js'

let guard: StatementGuard

beforeAll(async () => {
  const functions = {
    catalog: new Set(['count', 'now', 'upper', 'pg_typeof']),
    allowed: new Set(['current_org', 'uuid_generate_v4']),
  }
  guard = await createStatementGuard({
    functions,
    maxSqlLength: 1_000_000,
    parseMs: 5_000,
    maxTreeCharacters: 8_000_000,
  })
})
afterAll(() => guard.close())

const plan = (sql: string) => guard.plan(sql, 'own', false)

test.each([
  ['many statements', (characters: number) => 'select a;'.repeat(characters / 9)],
  ['many tables', (characters: number) => `select 1 from ${'a,'.repeat(characters / 2)}a`],
  ['many branches', (characters: number) => `select case ${'when a then b '.repeat(characters / 14)}end`],
])('refuses a text of which the host would have too much to read: %s', { timeout: 30_000 }, async (_name, textOf) => {
  await plan(textOf(9_000))
  await expect(plan(textOf(900_000))).rejects.toMatchObject({ code: 'STATEMENT_REFUSED' })
})

// With the constants, what the host would have to read is larger than it takes.
test('reads long texts of values, of whose constants the host sees nothing', { timeout: 30_000 }, async () => {
  await plan(`INSERT INTO t VALUES ${"(1,'x'),".repeat(300)}(now(), 'x')`)
  const casts = `INSERT INTO t (a, b) VALUES ${"($1::int, 'x'::jsonb, now()),".repeat(5_000)}(1, 2, 3)`
  expect(await plan(`INSERT INTO t VALUES ${"(1,'x'),".repeat(100_000)}(now(), 'x')`)).toMatchObject({
    touches: ['t:insert'],
  })
  expect(await plan(casts)).toMatchObject({ touches: ['t:insert'] })
})

test('a statement has 2,000 levels, of operators about half as many, however long its text is', async () => {
  const sum = (operators: number) => `SELECT ${'1+'.repeat(operators)}1`
  for (const padding of ['', `/*${' '.repeat(3_000)}*/`]) {
    await plan(`${sum(996)}${padding}`)
    await expect(plan(`${sum(997)}${padding}`)).rejects.toMatchObject({
      code: 'STATEMENT_REFUSED',
      message: expect.stringContaining(
        'it is nested too deeply; write a long chain of operators with IN, ANY or concat()',
      ) as string,
    })
  }
  await plan(`SELECT 1 FROM t WHERE a IN (${'1,'.repeat(2_000)}1) OR ${'a = 1 OR '.repeat(2_000)}b = 1`)
})

test('a DO block has 16,384 bytes at most', async () => {
  const block = (bytes: number) => {
    const [begin, end] = ['DO $$ BEGIN /*', '*/ IF NOT EXISTS (SELECT 1) THEN DROP TABLE things; END IF; END $$']
    const letters = bytes - begin.length - end.length
    return `${begin}${'x'.repeat(letters % 2)}${'ü'.repeat(letters / 2)}${end}`
  }
  expect(Buffer.byteLength(block(16_384))).toBe(16_384)
  expect((await plan(block(16_384))).steps).toMatchObject([{ kind: 'when' }])
  await expect(plan(block(16_385))).rejects.toThrow('a DO block has 16384 bytes at most, and this one 16385')
})

test('leaves a text of plain statements as it is', async () => {
  const sql = 'SELECT 1; /* ü */ INSERT INTO t VALUES (now())'
  expect(await plan(sql)).toEqual({
    steps: [{ kind: 'run', sql }],
    ownIfPresent: [],
    creates: [],
    adds: false,
    touches: ['t:insert'],
  })
})

test('says what CREATE mentions', async () => {
  const facts = await plan(
    'CREATE TABLE a (x int); CREATE TABLE IF NOT EXISTS own.b (x int); CREATE INDEX IF NOT EXISTS i ON a (x)',
  )
  expect(facts).toMatchObject({ ownIfPresent: ['b', 'i'], creates: ['a', 'b'] })
})

test('says what is read and written, also inside WITH, joins and a DO block', async () => {
  const touches = async (sql: string) => (await plan(sql)).touches.toSorted()
  expect(await touches('SELECT * FROM a JOIN public.b ON true WHERE EXISTS (SELECT FROM c)')).toEqual([
    'a:select',
    'c:select',
    'public.b:select',
  ])
  expect(await touches('WITH d AS (DELETE FROM a RETURNING x) INSERT INTO b SELECT x FROM d')).toEqual([
    'a:delete',
    'b:insert',
    'd:select',
  ])
  expect(await touches('UPDATE own.a SET x = 1 FROM b')).toEqual(['b:select', 'own.a:update'])
  expect(
    await touches('DO $$ BEGIN IF NOT EXISTS (SELECT FROM a) THEN CREATE TABLE e (x int); END IF; END $$'),
  ).toEqual(['a:select', 'e:define'])
  expect(
    await touches(
      'MERGE INTO a USING b ON a.x = b.x WHEN MATCHED AND b.y THEN DO NOTHING WHEN MATCHED THEN UPDATE SET x = 1 WHEN NOT MATCHED THEN INSERT VALUES (1)',
    ),
  ).toEqual(['a:insert', 'a:update', 'b:select'])
})

test.each(['SELECT 1 AS x INTO t', 'SELECT 1 AS x INTO own.t UNION SELECT 2'])(
  'knows which table %s makes',
  async (sql) => {
    expect(await plan(sql)).toMatchObject({ creates: ['t'], adds: true })
  },
)

test.each([
  ['CREATE TABLE a (x int)', 'a'],
  ['CREATE TABLE own.a AS SELECT 1', 'own.a'],
  ['CREATE INDEX i ON a (x)', 'a'],
  ['CREATE SEQUENCE s', 's'],
  ['ALTER SEQUENCE s RESTART', 's'],
  ['ALTER TABLE a ADD COLUMN y int', 'a'],
  ['ALTER TABLE a RENAME TO b', 'a'],
  ['DROP TABLE IF EXISTS own.a', 'own.a'],
])('says that %s makes or changes something', async (sql, name) => {
  expect((await plan(sql)).touches).toEqual([`${name}:define`])
})

test('lets functions of the catalog and of the application’s list pass, and no others', async () => {
  await plan('SELECT count(*), pg_catalog.upper(name), current_org(), public.uuid_generate_v4(), pg_typeof(1) FROM t')
  await plan(`SELECT tenon_api.publish('a', '{}')`)
  for (const call of ['dblink_connect(1)', 'public.upper(1)', 'own.mine()', 'other.uuid_generate_v4()', 'unknown()']) {
    await expect(plan(`SELECT ${call}`), call).rejects.toMatchObject({ code: 'STATEMENT_REFUSED' })
  }
})

test('speaks Postgres’s own words about what is not SQL', async () => {
  await expect(plan('SELEC 1')).rejects.toMatchObject({ code: '42601', message: 'syntax error at or near "SELEC"' })
})

test('judges long texts like short ones', async () => {
  const rows = Array.from({ length: 5_000 }, (_, n) => `('row ${n}', ${n}, NULL, DEFAULT)`).join(', ')
  await plan(`INSERT INTO t VALUES ${rows}`)
  await expect(plan(`INSERT INTO t VALUES ${rows}, (pg_sleep(1), 1, 1, 1)`)).rejects.toThrow(/pg_sleep/)
  await expect(plan(`INSERT INTO t VALUES ${rows}; RESET ALL`)).rejects.toThrow(/settings/)
  await expect(plan(`INSERT INTO t VALUES ${rows} nonsense`)).rejects.toMatchObject({ code: '42601' })
})

test('takes askers in turn, and refuses a text that cannot be read without refusing the others', async () => {
  const long = (n: number) => `SELECT ${n} /* ${'x'.repeat(20_000)} */`
  const order: string[] = []
  const ask = (schema: string, n: number) => guard.plan(long(n), schema, false).then(() => order.push(schema))
  await Promise.all([ask('greedy', 1), ask('greedy', 2), ask('greedy', 3), ask('patient', 4)])
  expect(order).toEqual(['greedy', 'patient', 'greedy', 'greedy'])
  const deep = `SELECT ${'1+'.repeat(200_000)}1`
  const results = await Promise.allSettled([plan(deep), plan(long(5)), plan(long(6))])
  expect(results.map((result) => result.status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
})

test('a text as long as the limit passes, a longer one does not', async () => {
  const text = (length: number) => `SELECT '${'x'.repeat(length - 9)}'`
  await plan(text(1_000_000))
  await expect(plan(text(1_000_001))).rejects.toThrow('its text has 1000001 characters, the limit is 1000000')
})
