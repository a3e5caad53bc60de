import pg from 'pg'
import { afterAll, describe, expect, it } from 'vitest'
import { type TestDatabase, createTestDatabase } from './testing.js'

const made: TestDatabase[] = []

async function create(...args: Parameters<typeof createTestDatabase>): Promise<TestDatabase> {
  const database = await createTestDatabase(...args)
  made.push(database)
  return database
}

async function query(connection: pg.ClientConfig, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

afterAll(async () => {
  await Promise.all(made.map((database) => database.drop()))
})

describe('createTestDatabase', () => {
  it('gives each caller an empty database of its own, owned by a role that is no superuser', async () => {
    const [one, two] = await Promise.all([create(), create()])
    expect(one.connection.database).not.toBe(two.connection.database)
    await query(one.connection, 'CREATE TABLE only_here (id int)')
    expect(await query(two.connection, "SELECT to_regclass('only_here') AS found")).toEqual([{ found: null }])
    expect(
      await query(
        one.connection,
        'SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user',
      ),
    ).toEqual([{ rolsuper: false, rolcreaterole: true, rolcreatedb: true }])
  })

  it('is closed to a role that was granted nothing', async () => {
    const { connection } = await create()
    const role = `stranger_${connection.database}`
    await query(connection, `CREATE ROLE ${role} LOGIN PASSWORD 'known'`)
    await expect(query({ ...connection, user: role, password: 'known' }, 'SELECT 1')).rejects.toThrow(
      /permission denied for database/,
    )
    await query(connection, `GRANT CONNECT ON DATABASE ${connection.database} TO ${role}`)
    const visitor = { ...connection, user: role, password: 'known' }
    await expect(query(visitor, 'CREATE TABLE public.squat (id int)')).rejects.toThrow(/permission denied/)
    await expect(query(visitor, 'CREATE TEMP TABLE squat (id int)')).rejects.toThrow(/permission denied/)
    await query(connection, `GRANT ${role} TO CURRENT_USER; DROP OWNED BY ${role}; DROP ROLE ${role}`)
  })

  it('builds a template once for callers that race, and copies it for each', async () => {
    let built = 0
    const template = {
      name: 'with one row',
      build: async (connection: pg.ClientConfig) => {
        built += 1
        await query(connection, 'CREATE TABLE migrated AS SELECT 1 AS id')
      },
    }
    const all = await Promise.all([create({ template }), create({ template }), create({ template })])
    expect(built).toBe(1)
    await query(all[0].connection, 'INSERT INTO migrated VALUES (2)')
    expect(await query(all[1].connection, 'SELECT id FROM migrated')).toEqual([{ id: 1 }])
    expect(await query(all[2].connection, 'SELECT id FROM migrated')).toEqual([{ id: 1 }])
  })

  it('tries a template again whose build has failed', async () => {
    const name = 'fails at first'
    const failing = { name, build: () => Promise.reject(new Error('no such migration')) }
    await expect(create({ template: failing })).rejects.toThrow('no such migration')
    const working = { name, build: async (connection: pg.ClientConfig) => void (await query(connection, 'SELECT 1')) }
    await expect(create({ template: working })).resolves.toBeDefined()
  })

  it('prepares as superuser where there is one', async () => {
    let superuser: unknown
    const { hardened, superuser: config } = await create({
      prepare: async (client) => {
        superuser = (await client.query<{ on: string }>("SELECT current_setting('is_superuser') AS on")).rows[0]?.on
      },
    })
    expect(hardened).toBe(config !== undefined)
    expect(superuser).toBe(hardened ? 'on' : undefined)
  })

  it('drops a database that still has sessions, and may be asked twice', async () => {
    const { connection, drop } = await createTestDatabase()
    const client = new pg.Client(connection)
    client.on('error', () => undefined)
    await client.connect()
    await drop()
    await drop()
    await expect(query(connection, 'SELECT 1')).rejects.toThrow(/does not exist/)
  })
})
