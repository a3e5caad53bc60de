import { afterAll, beforeAll, expect, test } from 'vitest'
import { facadeOver } from '../testing/facade.js'
import { createTenancyDatabase, type TenancyDatabase } from '../testing/tenancy-database.js'
import type { DatabaseSession } from './index.js'

let database: TenancyDatabase
let session: DatabaseSession
beforeAll(async () => {
  database = await createTenancyDatabase()
  await database.tenancy.createTenant(1)
  const role = await database.tenancy.ensureRole(1, 'plugin', { kind: 'declared', tenantSchema: true, tables: {} })
  session = database.tenancy.openSession(role, { mode: 'autocommit', deadlineMs: 60_000 })
})
afterAll(async () => {
  await session?.end()
  await database?.drop()
})
const many = (count: number, item: (at: number) => string) => Array.from({ length: count }, (_, at) => item(at + 1))

test('a statement takes 65,535 values at most', async () => {
  const { sequelize } = facadeOver(session)
  const sum = (count: number) =>
    sequelize.query(`SELECT count(*)::int AS taken FROM (VALUES ${many(count, (at) => `($${at})`).join()}) AS given`, {
      bind: Array<number>(count).fill(1),
      type: 'SELECT',
    })
  expect(await sum(65_535)).toEqual([{ taken: 65_535 }])
  await expect(sum(65_536)).rejects.toThrow('bind: more than 65535 values')
})

test('rows that are added at once have 1,600 columns at most', async () => {
  const columns = (count: number) => many(count, (at) => `c${at}`)
  const { sequelize } = facadeOver(session)
  await sequelize.query(`CREATE TABLE wide (${columns(1_600).join(' int, ')} int)`)
  const add = (count: number) =>
    session.handlers['db.copy']({
      table: 'wide',
      columns: columns(count),
      data: Buffer.from(`${many(count, () => '\\N').join('\t')}\n`),
    })
  expect(await add(1_600)).toMatchObject({ rowCount: 1 })
  await expect(add(1_601)).rejects.toThrow('columns: more than 1600 columns')
})
