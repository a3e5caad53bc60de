import { expect, it } from 'vitest'
import { checkRows } from './check-rows'
import { importItems, install, router, uninstall, validateConfig } from './index'

it('makes its table, and drops it', async () => {
  const statements: string[] = []
  const sequelize = { query: (sql: string) => Promise.resolve(statements.push(sql)) }
  const context = { sequelize } as unknown as Parameters<typeof install>[3]
  await install(1, 'tenant', {}, context)
  await uninstall(1, 'tenant', context)
  expect(statements[0]).toContain('CREATE TABLE IF NOT EXISTS "tenant".vendor_import_items')
  expect(statements[1]).toContain('DROP TABLE IF EXISTS "tenant".vendor_import_items')
})

it('has nothing to configure', () => {
  expect(validateConfig()).toEqual({ valid: true, errors: [] })
})

it('finds every mistake, and says where', () => {
  const rows = [
    { name: 'Right', due_date: '2030-12-31', amount: '1.5' },
    { due_date: '31/12', amount: 'many' },
  ]
  expect(checkRows(rows).errors.map(({ row, field }) => [row, field])).toEqual([
    [3, 'name'],
    [3, 'due_date'],
    [3, 'amount'],
  ])
  expect(checkRows(rows.slice(0, 1)).items).toEqual([{ name: 'Right', due_date: '2030-12-31', amount: 1.5 }])
})

it('reads a file', async () => {
  const check = router['POST /check'] as (request: object) => Promise<unknown>
  const buffer = Buffer.from('\ufeffName;Due date;Amount\nA;2030-12-31;7\n')
  expect(await check({ file: { buffer } })).toMatchObject({ data: { success: true, valid: 1 } })
})

it('leaves out rows without anything in them, and counts them like a spreadsheet', async () => {
  const check = router['POST /check'] as (request: object) => Promise<unknown>
  const buffer = Buffer.from('Name,Due date,Amount\nA,2030-12-31,7\n\n , ,\nB,never,8\n,,\n\n')
  expect(await check({ file: { buffer } })).toMatchObject({ data: { errors: [{ row: 5, field: 'due_date' }] } })
  expect(checkRows([{ name: 'A' }, {}]).items).toHaveLength(1)
})

it('stores the rows of a run once, however often it is called', async () => {
  const runs = new Set<unknown>()
  const stored: unknown[] = []
  const context = {
    run: { id: '00000000-0000-4000-8000-000000000001' },
    sequelize: {
      transaction: (work: (transaction: object) => unknown) => work({}),
      query: (_sql: string, { replacements: { id } }: { replacements: { id: string } }) =>
        Promise.resolve(runs.has(id) ? [] : runs.add(id) && [{ id }]),
    },
    database: { insertMany: (_table: string, rows: unknown[]) => Promise.resolve(stored.push(...rows)) },
  } as unknown as Parameters<typeof importItems>[2]
  for (const time of [1, 2])
    expect(await importItems([{ name: 'A' }], 'tenant', context), String(time)).toMatchObject({ imported: 1 })
  expect(stored).toHaveLength(1)
})
