import { inspect } from 'node:util'
import { QueryTypes, Sequelize as RealSequelize, Transaction } from 'sequelize'
import { injectReplacements } from 'sequelize/lib/utils/sql'
import { createSequelize, sequelizeModule } from '@tenon/runner/sequelize'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { facadeOver } from '../testing/facade.js'
import { createTenancyDatabase, type TenancyDatabase, testRoleKey } from '../testing/tenancy-database.js'
import type { DatabaseSession, PluginRole } from './index.js'
import { rolePassword } from './role-credentials.js'

let database: TenancyDatabase
let role: PluginRole
let real: RealSequelize
let session: DatabaseSession
let facade: ReturnType<typeof facadeOver>

beforeAll(async () => {
  database = await createTenancyDatabase()
  await database.tenancy.createTenant(1)
  role = await database.tenancy.ensureRole(1, 'differential', {
    kind: 'declared',
    tenantSchema: true,
    tables: { risks: ['select', 'insert'], 'public.slack_webhooks': ['select', 'insert', 'delete'] },
  })
  session = database.tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 60_000 })
  facade = facadeOver(session)
  const { host, port, database: name } = database.connection
  real = new RealSequelize(name, role.name, rolePassword(testRoleKey, role.name), {
    dialect: 'postgres',
    host,
    port,
    logging: false,
    pool: { max: 3 },
    dialectOptions: { options: `-c search_path="${role.schema}",public` },
  })
  await facade.sequelize.query(`
    CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy');
    CREATE TABLE parents (id serial PRIMARY KEY, name text UNIQUE);
    CREATE TABLE everything (
      id serial PRIMARY KEY, parent int REFERENCES parents, big bigint, small smallint, dec numeric(20,5), flt float8,
      txt text, vc varchar(40), flag boolean, day date, at timestamptz, local timestamp, doc jsonb, raw json, bin bytea,
      texts text[], ints int[], bigs bigint[], decs numeric[], days date[], ats timestamptz[], feel mood, feels mood[],
      uid uuid, gap interval, tod time, rng int4range, pt point, a int, b int, EXCLUDE USING gist (rng WITH &&),
      CONSTRAINT pair UNIQUE (a, b), CHECK (small < 100)
    )`)
})
afterAll(async () => {
  await real?.close()
  await session?.end()
  await database?.drop()
})
beforeEach(async () => {
  await real.query('TRUNCATE everything, parents RESTART IDENTITY')
})

/** The outcome in a shape that can be compared: values, or the error's class, message and fields. */
async function outcomeOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    return { value: plain(await work()) }
  } catch (thrown) {
    const error = thrown as Record<string, unknown> & { constructor: { name: string } }
    const original = error['original'] as Record<string, unknown> | undefined
    return {
      threw: error['name'],
      message: error['message'],
      class: error.constructor.name,
      fields: error['fields'],
      index: error['index'],
      table: error['table'],
      sql: error['sql'],
      parameters: error['parameters'],
      errors: plain(error['errors']),
      original: original && {
        code: original['code'],
        detail: original['detail'],
        constraint: original['constraint'],
        message: original['message'],
        position: original['position'],
      },
    }
  }
}

/** pg's Result has parsers and constructors in it; what plugins read of it is compared. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== 'object' || value === null || value instanceof Date || Buffer.isBuffer(value)) return value
  const result = value as Record<string, unknown>
  if ('rowCount' in result && 'fields' in result) {
    const fields = result['fields'] as { name: string; dataTypeID: number }[]
    const { command, rowCount, rows } = result
    return { command, rowCount, rows: plain(rows), fields: fields.map(({ name, dataTypeID }) => [name, dataTypeID]) }
  }
  return Object.fromEntries(Object.entries(result).map(([key, item]) => [key, plain(item)]))
}

type Run = (sequelize: { query: (...args: never[]) => Promise<unknown> }) => Promise<unknown>

async function expectSame(run: Run): Promise<unknown> {
  const clear = () => real.query('TRUNCATE everything, parents RESTART IDENTITY')
  const expected = await outcomeOf(() => run(real as never))
  await clear()
  const actual = await outcomeOf(() => run(facade.sequelize as never))
  expect(actual).toEqual(expected)
  return actual
}

const at = new Date('2026-02-03T04:05:06.789Z')
const nasty = `it's "quoted" \\ back\\slash :name ? $1 $$x$$ -- no /* comment */ ::cast \n\t ü 😀`

const calls: [string, unknown?][] = [
  // Shapes by type
  ['SELECT 1 AS one'],
  ['SELECT 1 AS one', { type: 'SELECT' }],
  ['SELECT 1 AS one UNION SELECT 2 ORDER BY 1', { type: 'SELECT', plain: true }],
  ['SELECT 1 AS one WHERE false', { plain: true }],
  ['SELECT 1 AS "a.b", 2 AS "a.c", 3 AS d', { nest: true }],
  ['SELECT 1 AS "a.b"', { raw: true, type: 'SELECT' }],
  ['SELECT 1 AS same, 2 AS same', { type: 'SELECT' }],
  ['SELECT WHERE false', { type: 'SELECT' }],
  ["INSERT INTO parents (name) VALUES ('x')"],
  ["INSERT INTO parents (name) VALUES ('x') RETURNING *"],
  ["  insert into parents (name) VALUES ('x'), ('y') RETURNING id  "],
  ["INSERT INTO parents (name) VALUES ('x') RETURNING id", { type: 'INSERT' }],
  ["INSERT INTO parents (name) VALUES ('x')", { type: 'INSERT' }],
  ["INSERT INTO parents (name) VALUES ('x') RETURNING id", { type: 'SELECT' }],
  ["WITH p AS (INSERT INTO parents (name) VALUES ('x') RETURNING id) SELECT * FROM p"],
  ["UPDATE parents SET name = 'z'"],
  ["UPDATE parents SET name = 'z' RETURNING *", { type: 'UPDATE' }],
  ['DELETE FROM parents'],
  ['DELETE FROM parents', { type: 'DELETE' }],
  ['DELETE FROM parents RETURNING id', { type: 'DELETE' }],
  ['DELETE FROM parents', { type: 'BULKDELETE' }],
  ["UPDATE parents SET name = 'z'", { type: 'BULKUPDATE' }],
  ["INSERT INTO parents (name) VALUES ('x')", { type: 'UPSERT' }],
  ['SELECT 1 AS one', { type: 'RAW' }],
  ['CREATE TABLE IF NOT EXISTS parents (id int)'],
  ['COMMENT ON TABLE parents IS NULL', { type: 'SELECT' }],
  [''],
  // Several statements in one text
  ['SELECT 1 AS one; SELECT 2 AS two, 3 AS three'],
  ["INSERT INTO parents (name) VALUES ('x'); SELECT name FROM parents"],
  ["SELECT 1 AS one; UPDATE parents SET name = 'q'; SELECT 3 AS three", { type: 'SELECT' }],
  ["INSERT INTO parents (name) VALUES ('x'); SELECT 1/0"],
  // Replacements
  [
    'SELECT :s AS s, :n::int AS n, :b AS b, :z AS z, :d::timestamptz AS d',
    { replacements: { s: 'x', n: 3, b: true, z: null, d: at } },
  ],
  ['SELECT :s AS s', { replacements: { s: nasty }, type: 'SELECT' }],
  ['SELECT \':s\' AS a, ":s" FROM (SELECT 1 AS ":s") t WHERE :s = :s -- :s\n', { replacements: { s: 'x' } }],
  ['SELECT $$:s$$ AS a, $tag$ :s $other$ $tag$ AS b, :s AS c /* :s */', { replacements: { s: 'x' } }],
  ["SELECT E'it\\'s :s' AS a, e':s\\\\' AS b, :s AS c", { replacements: { s: 'x' } }],
  ["SELECT 'a'::text AS a, ARRAY[1,2,3][2:3] AS b, :x::int AS c", { replacements: { x: 1 } }],
  ['SELECT (:x) AS a,:x AS b, (SELECT :x) AS c;', { replacements: { x: 1 } }],
  ['SELECT 1 AS a WHERE 1 IN (:ids)', { replacements: { ids: [1, 2, 3] } }],
  ["SELECT 1 AS a WHERE 'b' IN (:ids)", { replacements: { ids: ['a', "b'c", 'b'] } }],
  ['SELECT ARRAY[:xs] AS a', { replacements: { xs: ['a', 'b'] } }],
  ['SELECT ARRAY[:xs]::mood[] AS a', { replacements: { xs: ['sad', 'so so'] } }],
  [
    'SELECT 1 AS a WHERE (1, 2) IN (:pairs)',
    {
      replacements: {
        pairs: [
          [1, 2],
          [3, 4],
        ],
      },
    },
  ],
  ['SELECT 1 AS a WHERE 1 = ANY(:xs)', { replacements: { xs: [1, 2] } }],
  ['SELECT :b AS b', { replacements: { b: Buffer.from([0, 1, 255]) } }],
  ['SELECT :x AS x', { replacements: {} }],
  ['SELECT :x AS x', { replacements: { x: undefined } }],
  ['SELECT :x AS x', { replacements: { x: { a: 1 } } }],
  ['SELECT :x AS x', { replacements: 'text' }],
  ['SELECT :x AS x', { replacements: Object.create({ x: 1 }) }],
  ['SELECT :toString AS x', { replacements: {} }],
  ["SELECT 'never ends", { replacements: { x: 1 } }],
  ['SELECT ? AS a, ? AS b', { replacements: ['x', 2] }],
  ["SELECT ? AS a, '?' AS b, '{\"k\":1}'::jsonb ? 'k' AS c", { replacements: ['x'] }],
  ["SELECT '{\"k\":1}'::jsonb ?| ARRAY['k'] AS c, ? AS d", { replacements: ['x'] }],
  ['SELECT ? AS a, ? AS b', { replacements: ['x'] }],
  ['SELECT ARRAY[?] AS a', { replacements: [[1, 2]] }],
  ['SELECT 1 AS a', { replacements: [] }],
  ['SELECT :x AS x', { replacements: { x: Number.NaN } }],
  ['SELECT :x AS x', { replacements: { x: 12345678901234567890n } }],
  ['SELECT :x AS x', { replacements: { x: 'nul \0 byte' } }],
  ['SELECT a.:x', { replacements: { x: 1 } }],
  ['SELECT :x', { replacements: { x: 1 }, bind: [1] }],
  ['SELECT 1 AS "a:x", \'::text\', :x_1 AS y', { replacements: { x: 1, x_1: 2 } }],
  ['SELECT --:x\n :x AS y', { replacements: { x: 1 } }],
  ["SELECT now() -interval '1 day' < :d AS y", { replacements: { d: at } }],
  // Bind
  ['SELECT $1::text AS a, $2::int AS b', { bind: ['x', 2] }],
  ['SELECT $a::text AS a, $b::int AS b, $a::text AS c', { bind: { a: 'x', b: 2 } }],
  ['SELECT $1::text[] AS a, $2::jsonb AS b', { bind: [['x', 'y "z"'], { k: [1] }] }],
  [
    'SELECT $1::timestamptz AS a, $2::bytea AS b, $3::boolean AS c, $4::text AS d',
    { bind: [at, Buffer.from('x'), false, null] },
  ],
  ['SELECT $1::bigint AS a', { bind: [12345678901234567890123n] }],
  ['SELECT $1::text AS a', { bind: [] }],
  ['SELECT $2::text AS a', { bind: ['x'] }],
  ['SELECT $a AS a', { bind: { b: 1 } }],
  ["SELECT '$$' AS dollars, $1::text AS a", { bind: ['x'] }],
  ['SELECT $1::text AS a; SELECT 2', { bind: ['x'] }],
  ['SELECT $1::text AS a', { bind: [nasty] }],
  [{ query: 'SELECT $1::text AS a', bind: ['x'] } as never],
  [{ query: 'SELECT ? AS a', values: ['x'] } as never],
  // Errors
  ['SELECT * FROM nowhere'],
  ['SELECT nothing FROM parents', { type: 'SELECT' }],
  ['SELEC 1'],
  ['SELECT (1'],
  ["INSERT INTO parents (name) VALUES ('x'), ('x')"],
  ['INSERT INTO everything (a, b) VALUES (1, 2), (1, 2)'],
  ['INSERT INTO everything (parent) VALUES (99)'],
  ["INSERT INTO everything (rng) VALUES ('[1,3)'), ('[2,4)')"],
  ['INSERT INTO everything (small) VALUES (101)'],
  ["INSERT INTO everything (feel) VALUES ('angry')"],
  ['ALTER TABLE parents DROP CONSTRAINT nothing'],
  ['SELECT 1/0'],
  ["SELECT 'x'::int"],
  ['SELECT $1::int AS a', { bind: ['x'] }],
  ["INSERT INTO risks (id, risk_name, created_at) VALUES (1, NULL, now() - now() + DATE '2026-02-03')"],
  ['UPDATE risks SET risk_name = 1'],
  ['SELECT * FROM plugin_installations'],
  // Values
  ['SELECT count(*), sum(1), avg(2), 9007199254740993 AS big, 1.50 AS dec, 1.5::float8 AS flt, NULL AS nothing'],
  [
    "SELECT 'a' AS t, true AS b, DATE '2026-02-03' AS d, TIMESTAMPTZ '2026-02-03T04:05:06.789Z' AS at, TIME '10:00' AS tod",
  ],
  [`SELECT '{"a":[1,null,{"$":"date"}]}'::jsonb AS j, '[1]'::json AS k, '"x"'::jsonb AS s, 'null'::jsonb AS n`],
  ["SELECT ARRAY[1,2] AS i, ARRAY['a','b,c',NULL] AS t, ARRAY[1::bigint] AS b, ARRAY[1.5] AS d, '{}'::text[] AS e"],
  [
    "SELECT ARRAY['sad','so so',NULL]::mood[] AS m, 'happy'::mood AS n, ARRAY['Bias, and more']::enum_projectrisks_risk_category[] AS c",
  ],
  ["SELECT ARRAY[[1,2],[3,4]] AS m, ARRAY[TIMESTAMPTZ '2026-02-03Z'] AS ats, ARRAY[DATE '2026-02-03'] AS ds"],
  ["SELECT '\\x00ff'::bytea AS bin, 'infinity'::timestamptz AS inf, 'NaN'::float8 AS nan, '-Infinity'::float8 AS ninf"],
  ["SELECT gen_random_uuid() IS NOT NULL AS u, INTERVAL '1 day 2 hours' AS gap, '(1,2)'::point AS pt"],
  ["SELECT current_schema() AS s, 'x'::char(3) AS c, '{1.5}'::float8[] AS f, '{true,false}'::bool[] AS bs"],
]

describe('the façade gives what Sequelize 6 gives', () => {
  test.each(calls.map(([sql, options], i) => [i, sql, options] as const))('%i %s', async (_, sql, options) => {
    await expectSame((sequelize) => sequelize.query(sql as never, options as never))
  })

  test('a whole row of every type, written by replacements and read back', async () => {
    await expectSame(async (sequelize) => {
      const replacements = {
        big: '9007199254740993',
        dec: '12.50000',
        txt: nasty,
        at,
        doc: JSON.stringify({ a: [1, "it's"] }),
        bin: Buffer.from('bytes'),
        texts: ['a', "b'c"],
        feels: ['sad', 'so so'],
        uid: '7f0c3b8a-54d0-4c53-9c0e-0d8a8a1f0a11',
      }
      await sequelize.query(
        ...([
          `INSERT INTO everything (big, dec, txt, at, doc, bin, texts, feels, uid, flag)
           VALUES (:big, :dec, :txt, :at, :doc, :bin, ARRAY[:texts], ARRAY[:feels]::mood[], :uid, true)`,
          { replacements, type: 'INSERT' },
        ] as never[]),
      )
      return sequelize.query(...(['SELECT * FROM everything', { type: 'SELECT' }] as never[]))
    })
  })

  test('managed and unmanaged transactions, their errors and their end', async () => {
    await expectSame(async (sequelize) => {
      const s = sequelize as unknown as RealSequelize
      const log: unknown[] = []
      const insert = (name: string, transaction?: Transaction) =>
        s.query('INSERT INTO parents (name) VALUES (:name)', {
          replacements: { name },
          ...(transaction && { transaction }),
        })
      log.push(await s.transaction(async (t) => (await insert('kept', t), 'result')))
      await s
        .transaction(async (t) => {
          await insert('lost', t)
          throw new Error('changed my mind')
        })
        .catch((error: Error) => log.push(error.message))
      const t = await s.transaction()
      await insert('aborted', t)
      log.push(await outcomeOf(() => s.query('SELECT * FROM nowhere', { transaction: t })))
      log.push(await outcomeOf(() => s.query('SELECT 1', { transaction: t })))
      await t.rollback()
      log.push(await outcomeOf(() => t.rollback()), await outcomeOf(() => t.commit()))
      const finished = await outcomeOf(() => s.query('SELECT 2', { transaction: t }))
      log.push((finished as { message: string }).message.replace(/\([0-9a-f-]{36}\)/, '(id)'))
      const serial = await s.transaction({ isolationLevel: Transaction.ISOLATION_LEVELS.SERIALIZABLE })
      const nested = await s.transaction({ transaction: serial })
      await insert('nested', nested)
      await nested.rollback()
      await insert('outer', serial)
      await serial.commit()
      log.push(await s.query('SELECT name FROM parents ORDER BY id', { type: QueryTypes.SELECT }))
      return log
    })
  })

  test('escape', () => {
    for (const value of [
      1,
      'x',
      "it's",
      null,
      undefined,
      true,
      [1, 2],
      ['a', ['b']],
      at,
      Buffer.from('x'),
      1n,
      nasty,
    ]) {
      expect(facade.sequelize.escape(value)).toBe(real.escape(value as never))
    }
  })

  test('has the types on the instance, on the constructor and in the module', () => {
    const { sequelize } = facade
    expect(sequelize.QueryTypes).toEqual(QueryTypes)
    expect((sequelize.constructor as unknown as { QueryTypes: unknown }).QueryTypes).toEqual(QueryTypes)
    const module = sequelizeModule as Record<string, unknown>
    expect(module['QueryTypes']).toEqual(QueryTypes)
    expect(sequelize).toBeInstanceOf(module['Sequelize'])
    expect(() => new (module['Sequelize'] as new (url: string) => unknown)('postgres://x')).toThrow(
      /use context.sequelize/,
    )
  })

  test('names a method that is not there and says what to use', async () => {
    const sequelize = facade.sequelize as unknown as Record<string, (...args: unknown[]) => unknown>
    expect(() => sequelize['define']?.('x')).toThrow(
      'sequelize.define() is not available to plugins: write the SQL and run it with sequelize.query',
    )
    expect(() => sequelize['getQueryInterface']?.()).toThrow(/CREATE TABLE IF NOT EXISTS/)
    expect(sequelize['config']).toBeUndefined()
    expect(sequelize['then']).toBeUndefined()
    expect(inspect(sequelize)).not.toContain('password')
  })
})

describe('replacements', () => {
  // Every token that the two might read differently, in any order.
  const tokens = [
    ...[`'`, `''`, `"`, 'E', ' e', `E'`, `\\`, '$', '$$', '$t$', '$a1', '--', '-- ', '\n', '/*', '*/', '?', '?|', '?&'],
    ...[':a', ':b', '::a', ':', '::', '[', ']', '(', ')', ',', ';', '=', '>', '<', ' ', 'x', '1', '_', '%', '.', 'ü'],
  ]

  test.each([
    ['named', { a: `it's`, b: 2 }],
    ['positional', [`it's`, 2, null, 'x', 'y', 'z']],
  ])('%s ones stand where they stand in Sequelize, in any text', async (_, replacements) => {
    let sent = ''
    const stub = async (_method: string, params: unknown) => {
      sent = (params as { sql: string }).sql
      return { results: [] }
    }
    const { sequelize } = { sequelize: createSequelize({ request: stub }) }
    const dialect = (real as unknown as { dialect: unknown }).dialect
    let seed = 20_260_203
    const random = (below: number) => {
      seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((seed / 2_147_483_648) * below)
    }
    for (let round = 0; round < 20_000; round++) {
      const text = Array.from({ length: 1 + random(14) }, () => tokens[random(tokens.length)]).join('')
      const expected = await outcomeOf(async () => injectReplacements(text.trim(), dialect, replacements))
      const actual = await outcomeOf(async () => {
        sent = ''
        await sequelize.query(text, { replacements })
        return sent
      })
      expect(actual, JSON.stringify(text)).toEqual(expected)
    }
  })
})

describe('insertMany and upsertMany', () => {
  const rows = (count: number) => Array.from({ length: count }, (_, n) => ({ name: `row ${n}` }))

  test('write and read back every type', async () => {
    const row = {
      big: 9007199254740993n,
      small: 7,
      dec: '1.50000',
      flt: 1.5,
      txt: nasty,
      flag: false,
      day: '2026-02-03',
      at,
      doc: { a: [1, "it's", null] },
      raw: [1, 2],
      bin: Buffer.from([0, 255]),
      texts: ['a', `b"c\\d`, null, '', 'NULL', '{x}'],
      ints: [1, 2],
      decs: ['1.5'],
      ats: [at],
      feel: 'so so',
      feels: ['sad', 'so so'],
      uid: '7f0c3b8a-54d0-4c53-9c0e-0d8a8a1f0a11',
    }
    expect(await facade.database.insertMany('everything', [row, { txt: 'second' }])).toBe(2)
    const [first, second] = (await facade.sequelize.query('SELECT * FROM everything ORDER BY id', {
      type: 'SELECT',
    })) as Record<string, unknown>[]
    expect(first).toMatchObject({ ...row, big: '9007199254740993', id: 1 })
    expect(second).toMatchObject({ id: 2, txt: 'second', big: null, texts: null })
  })

  test('write more rows than one statement holds, all or none', async () => {
    expect(await facade.database.insertMany('parents', rows(5_000))).toBe(5_000)
    await facade.sequelize.query('DELETE FROM parents')
    const bad = [...rows(5_000), { name: 'row 0' }]
    await expect(facade.database.insertMany('parents', bad)).rejects.toThrow('Validation error')
    expect(await facade.sequelize.query('SELECT count(*) FROM parents', { type: 'SELECT' })).toEqual([{ count: '0' }])
    expect(await facade.database.insertMany('parents', bad, { ignoreConflicts: true })).toBe(5_000)
    expect(await facade.database.insertMany('parents', [])).toBe(0)
  })

  test('update what is there, and leave alone what would not change', async () => {
    const pairs = (b: number) => [1, 2, 3].map((a) => ({ a, b: a, small: b }))
    const options = { conflict: ['a', 'b'] }
    expect(await facade.database.upsertMany('everything', pairs(1), options)).toBe(3)
    expect(await facade.database.upsertMany('everything', pairs(1), options)).toBe(0)
    expect(await facade.database.upsertMany('everything', pairs(1), { ...options, writeUnchanged: true })).toBe(3)
    expect(await facade.database.upsertMany('everything', pairs(2).slice(1), options)).toBe(2)
    expect(await facade.database.upsertMany('everything', pairs(9), { ...options, update: [] })).toBe(0)
    const found = await facade.sequelize.query('SELECT a, small FROM everything ORDER BY a', { type: 'SELECT' })
    expect(found).toEqual([1, 2, 2].map((small, n) => ({ a: n + 1, small })))
  })

  test('write more rows than one message holds, all or none, whatever the texts hold', async () => {
    const texts = [nasty, '', '\\N', 'a\tb', 'c\r\nd', '\\.', '\\', '\u0001'].map((txt) => ({ txt }))
    const many = Array.from({ length: 3_000 }, (_, n) => ({ txt: 'x'.repeat(1_000), big: String(n) }))
    expect(await facade.database.insertMany('everything', [...texts, ...many])).toBe(texts.length + many.length)
    const select = 'SELECT txt, big FROM everything ORDER BY id'
    const found = (await facade.sequelize.query(select, { type: 'SELECT' })) as object[]
    expect(found.slice(0, texts.length)).toEqual(texts.map(({ txt }) => ({ txt, big: null })))
    expect(found.at(-1)).toEqual(many.at(-1))
    await facade.sequelize.query('DELETE FROM everything')
    const bad = [...many, { big: 'not a number' }]
    await expect(facade.database.insertMany('everything', bad)).rejects.toThrow('invalid input syntax')
    expect(await facade.sequelize.query('SELECT id FROM everything', { type: 'SELECT' })).toEqual([])
  })

  test('write also where rows have a policy, which COPY does not know', async () => {
    expect(await facade.database.insertMany('public.slack_webhooks', [{ url: 'x' }, { url: 'y' }])).toBe(2)
    const [deleted] = (await facade.sequelize.query('DELETE FROM public.slack_webhooks RETURNING url')) as [object[]]
    expect(deleted).toEqual([{ url: 'x' }, { url: 'y' }])
  })

  test('belong to the transaction of a lifecycle call, and an error that is caught does not spoil it', async () => {
    const installing = database.tenancy.openSession(role, { mode: 'lifecycle', deadlineMs: 10_000 })
    const { database: bulk } = facadeOver(installing)
    expect(await bulk.insertMany('parents', rows(2))).toBe(2)
    await expect(bulk.insertMany('parents', rows(1))).rejects.toThrow('Validation error')
    expect(await bulk.insertMany('parents', [{ name: 'another' }])).toBe(1)
    await installing.rollback()
    await installing.end()
    expect(await facade.sequelize.query('SELECT * FROM parents', { type: 'SELECT' })).toEqual([])
  })

  test('reach no table that was not granted, however it is called', async () => {
    for (const table of ['projects', `${role.schema}.projects`, 'public.organizations']) {
      const [column] = table.endsWith('projects') ? ['project_title'] : ['name']
      await expect(facade.database.insertMany(table, [{ [column ?? '']: 'x' }])).rejects.toThrow('permission denied')
    }
    await expect(
      session.handlers['db.copy']({ table: 'a\0b', columns: ['c'], data: Buffer.from('') }),
    ).rejects.toThrow()
    const forged = { table: 'parents" FROM PROGRAM $$id$$ --', columns: ['name'], data: Buffer.from('x\n') }
    expect(await session.handlers['db.copy'](forged)).toMatchObject({ error: { code: '42P01' } })
  })

  test('join a transaction', async () => {
    const transaction = await facade.sequelize.transaction()
    await facade.database.insertMany('parents', rows(10), { transaction })
    await transaction.rollback()
    expect(await facade.sequelize.query('SELECT * FROM parents', { type: 'SELECT' })).toEqual([])
  })

  test('say which table or column is not there', async () => {
    const { database: bulk } = facade
    await expect(bulk.insertMany('nowhere', [{ a: 1 }])).rejects.toThrow('relation "nowhere" does not exist')
    await expect(bulk.insertMany('parents', [{ nothing: 1 }])).rejects.toThrow('column "nothing" of relation "parents"')
    await expect(bulk.insertMany('parents; DROP TABLE parents', [{ a: 1 }])).rejects.toThrow('does not exist')
  })
})
