import ExcelJS from 'exceljs'
import type { RouteResult, UploadedFile } from '@tenon/sdk'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  contextOf,
  type ObservedContext,
  publishedIn,
  startTestApplication,
  type TestApplication,
} from '../../testing/test-application'
import { columns, headerOf } from './columns'
import type { SheetRow } from './check-rows'
import type { CheckResult, ImportResult } from './import-result'
import { checkSheet } from './import-risks'
import {
  calculateRiskLevel,
  getExcelTemplate,
  importRisks,
  install,
  LIKELIHOOD_VALUES,
  router,
  SEVERITY_VALUES,
} from './index'
import { openZip } from './zip-archive'

let application: TestApplication
let context: ObservedContext

beforeAll(async () => {
  application = await startTestApplication()
  for (const { tenantId } of [application.one, application.two]) {
    await install(1, tenantId, {}, contextOf(application, application.one))
  }
})
afterAll(() => application.close())
beforeEach(async () => {
  context = contextOf(application, application.one)
  await application.sequelize.query(
    'TRUNCATE published, "a4ayc80OGd".risks, "1HNeOiZeFu".risks, "a4ayc80OGd".risk_imports',
  )
})

const goodRow = {
  risk_name: 'Drift',
  risk_owner: '1',
  risk_description: 'The model gets worse',
  ai_lifecycle_phase: 'Monitoring & maintenance',
  likelihood: 'Likely',
  severity: 'Major',
}

async function stored(tenantId = 'a4ayc80OGd'): Promise<Record<string, unknown>[]> {
  return application.sequelize.query(`SELECT * FROM "${tenantId}".risks ORDER BY id`, { type: 'SELECT' })
}

async function call(route: string, request: { file?: UploadedFile; body?: unknown } = {}): Promise<RouteResult> {
  const declared = router[route]
  if (!declared) throw new Error(`There is no route ${route}`)
  const handler = typeof declared === 'function' ? declared : declared.handler
  const [method = '', path = ''] = route.split(' ')
  const nothing = { params: {}, query: {}, body: undefined, configuration: {}, userId: 1 }
  return handler({ ...context, ...nothing, method, path, ...request })
}

async function importFile(file: UploadedFile): Promise<ImportResult & { ignoredColumns: string[] }> {
  const { status, data } = await call('POST /import', { file })
  expect(status ?? 200, JSON.stringify(data)).toBe(200)
  return data as ImportResult & { ignoredColumns: string[] }
}

function fileOf(originalname: string, content: string | Uint8Array): UploadedFile {
  const buffer = Buffer.from(content as string)
  return { originalname, mimetype: 'application/octet-stream', size: buffer.length, buffer }
}

async function workbookOf(rows: unknown[][], name = 'risks.xlsx'): Promise<UploadedFile> {
  const workbook = new ExcelJS.Workbook()
  const sheet = workbook.addWorksheet('Sheet1')
  for (const row of rows) sheet.addRow(row)
  return fileOf(name, new Uint8Array(await workbook.xlsx.writeBuffer()))
}

/** exceljs would hold a rule for each of a million cells of a column. */
const WITHOUT_RULES = { ignoreNodes: ['dataValidations'] }

async function template(): Promise<ExcelJS.Workbook> {
  const { buffer } = await getExcelTemplate('1', context)
  const workbook = new ExcelJS.Workbook()
  await workbook.xlsx.load(buffer as unknown as ExcelJS.Buffer, WITHOUT_RULES)
  return workbook
}

/** The rules of the first sheet by their cells. */
async function rulesOf(bytes: Uint8Array): Promise<Record<string, string>> {
  const chunks: Buffer[] = []
  for await (const chunk of openZip(Buffer.from(bytes)).read('xl/worksheets/sheet1.xml')) chunks.push(chunk)
  const rules = Buffer.concat(chunks)
    .toString()
    .matchAll(/<dataValidation [^>]*sqref="([^"]*)".*?<\/dataValidation>/g)
  return Object.fromEntries([...rules].map(([rule, cells]) => [cells, rule]))
}

describe('the template', () => {
  it('has the twenty columns in order, with the required ones starred', async () => {
    const titles = ((await template()).getWorksheet('Risks')?.getRow(1).values as string[]).slice(1)
    expect(titles).toEqual(columns.map(headerOf))
    expect(titles).toHaveLength(20)
    expect(titles.filter((title) => title.endsWith('*'))).toEqual([
      'Risk Name *',
      'Risk Owner *',
      'AI Lifecycle Phase *',
      'Risk Description *',
      'Likelihood *',
      'Severity *',
    ])
  })

  it('keeps every list on a hidden sheet, so that no formula is longer than Excel allows', async () => {
    await application.sequelize.query(`INSERT INTO users (id, name, surname, email, organization_id)
      SELECT 100 + n, 'Person', 'Number ' || n, 'person' || n || '@one.example', 1 FROM generate_series(1, 8) n`)
    const workbook = await template()
    const lists = workbook.getWorksheet('Lists')
    expect(lists?.state).toBe('hidden')
    const rules = await rulesOf((await getExcelTemplate('1', context)).buffer)
    expect(rules['B2:B1048576']).toMatch(
      /type="list".* showErrorMessage="1".*<formula1>Lists!\$B\$2:\$B\$11<\/formula1>/,
    )
    expect(rules['E2:E1048576']).toMatch(/type="list".*<formula1>Lists!\$E\$2:\$E\$16<\/formula1>/)
    expect(rules['L2:L1048576']).toMatch(/type="date".* operator="greaterThan"/)
    const people = (lists?.getColumn(2).values as string[]).slice(2)
    expect(people).toContain('Ben, Jr. O\'Neill "BJ" - ben@one.example (ID: 2)')
    expect(people.join()).not.toContain('zoe@two.example')
    await application.sequelize.query("DELETE FROM users WHERE name = 'Person'")
  })

  it('looks as the guide says: white on green, 25 high, frozen header, dates as yyyy-mm-dd', async () => {
    const sheet = (await template()).getWorksheet('Risks') as ExcelJS.Worksheet
    expect(sheet.getRow(1).height).toBe(25)
    expect(sheet.getCell('A1').fill).toMatchObject({ fgColor: { argb: 'FF13715B' } })
    expect(sheet.getCell('A1').font).toMatchObject({ bold: true, color: { argb: 'FFFFFFFF' } })
    expect(sheet.views[0]).toMatchObject({ state: 'frozen', ySplit: 1 })
    expect(sheet.getCell('L2').numFmt).toBe('yyyy-mm-dd')
  })

  it('can be sent back as it is: the sample row is no risk', async () => {
    const { buffer, filename, contentType } = await call('GET /template')
    expect(filename).toBe('risk_import_template.xlsx')
    expect(contentType).toContain('spreadsheetml')
    const result = await importFile(fileOf('risk_import_template.xlsx', buffer as Uint8Array))
    expect(result).toMatchObject({ success: false, imported: 0, skipped: 1 })
    expect(result.errors[0]?.message).toContain('no risk in this file')
    expect(await stored()).toEqual([])
  })

  it('imports the sample row once somebody has made it theirs', async () => {
    const workbook = await template()
    const sheet = workbook.getWorksheet('Risks') as ExcelJS.Worksheet
    sheet.getCell('A2').value = 'Our own risk'
    const result = await importFile(fileOf('mine.xlsx', new Uint8Array(await workbook.xlsx.writeBuffer())))
    expect(result).toMatchObject({ success: true, imported: 1, skipped: 0 })
    expect((await stored())[0]).toMatchObject({
      risk_name: 'Our own risk',
      risk_owner: 1,
      risk_category: '{"Compliance risk","Reputational risk"}',
      deadline: new Date('2030-12-31T00:00:00Z'),
    })
  })
})

describe('importing rows', () => {
  it('stores all of them in one transaction, under one import id, and tells the application', async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => ({ ...goodRow, risk_name: `Risk ${index}` }))
    const result = await importRisks(rows, 'a4ayc80OGd', context)
    expect(result).toMatchObject({ success: true, imported: 1000, failed: 0, skipped: 0, errors: [] })
    const risks = await stored()
    expect(risks).toHaveLength(1000)
    expect(new Set(risks.map(({ import_id }) => import_id))).toEqual(new Set([result.importId]))
    expect(risks[0]).toMatchObject({ risk_name: 'Risk 0', risk_level_autocalculated: 'High risk', risk_category: null })
    expect(await publishedIn(application)).toEqual([
      { name: 'risk.imported', payload: { imported: 1000, importId: result.importId } },
    ])
  })

  it('stores nothing when one row is wrong, and says where', async () => {
    const rows = [goodRow, { ...goodRow, severity: 'Terrible' }, { ...goodRow, risk_name: '', rowNumber: 17 }]
    const result = await importRisks(rows, 'a4ayc80OGd', context)
    expect(result).toMatchObject({ success: false, imported: 0, failed: 3, importId: null })
    expect(result.errors.map(({ row, field }) => [row, field])).toEqual([
      [3, 'severity'],
      [17, 'risk_name'],
    ])
    expect(await stored()).toEqual([])
    expect(await publishedIn(application)).toEqual([])
  })

  it('stores nothing when the database refuses a later row', async () => {
    await application.sequelize.query(`ALTER TABLE "a4ayc80OGd".risks ADD CONSTRAINT no_x CHECK (risk_name <> 'x')`)
    await expect(importRisks([goodRow, { ...goodRow, risk_name: 'x' }], 'a4ayc80OGd', context)).rejects.toThrow(/no_x/)
    await application.sequelize.query('ALTER TABLE "a4ayc80OGd".risks DROP CONSTRAINT no_x')
    expect(await stored()).toEqual([])
    expect(await publishedIn(application)).toEqual([])
  })

  it.each(columns.filter(({ required }) => required).map(({ key }) => key))('needs %s', async (key) => {
    const { errors } = await importRisks([{ ...goodRow, [key]: ' ' }], 'a4ayc80OGd', context)
    expect(errors).toMatchObject([{ row: 2, field: key, message: expect.stringContaining('is required') as string }])
  })

  it('needs nothing else', async () => {
    expect(await importRisks([goodRow], 'a4ayc80OGd', context)).toMatchObject({ success: true, imported: 1 })
  })

  it.each([
    ['a number', 42, '42'],
    ['rich text', { richText: [{ text: 'Bias ' }, { font: { bold: true }, text: 'in data' }] }, 'Bias in data'],
    ['a hyperlink', { text: 'See wiki', hyperlink: 'https://wiki.example' }, 'See wiki'],
    ['a formula', { formula: 'A1&"x"', result: 'Result' }, 'Result'],
    ['a boolean', true, 'true'],
    ['a date', new Date('2030-05-01T00:00:00Z'), '2030-05-01'],
    ['text with characters that a database cannot hold', 'a\u0000b\ud800', 'ab\ufffd'],
  ])('takes %s as a name', async (_, cell, name) => {
    expect(await importRisks([{ ...goodRow, risk_name: cell }], 'a4ayc80OGd', context)).toMatchObject({ success: true })
    expect((await stored())[0]?.risk_name).toBe(name)
  })

  it.each([
    ['an error of Excel', { error: '#REF!' }, 'Risk Name: The cell shows #REF!'],
    ['a formula without a result', { formula: 'A1' }, 'no result'],
    ['an object of another kind', { some: 'thing' }, 'cannot be read'],
    ['more than fits', 'x'.repeat(256), 'at most 255'],
  ])('refuses %s as a name, for that row only', async (_, cell, message) => {
    const { errors } = await importRisks([goodRow, { ...goodRow, risk_name: cell }], 'a4ayc80OGd', context)
    expect(errors).toMatchObject([{ row: 3, field: 'risk_name', message: expect.stringContaining(message) as string }])
  })

  it('skips rows that are no rows without moving the numbers of the others', async () => {
    const rows = [null, 'text', 7, [], {}, { ...goodRow, likelihood: 'Never' }]
    const { errors, failed } = await importRisks(rows, 'a4ayc80OGd', context)
    expect(errors.map(({ row }) => row)).toEqual([7])
    expect(failed).toBe(1)
  })

  it('knows a column by its title as well as by its name', async () => {
    const row = Object.fromEntries(
      columns.map((column) => [headerOf(column), (goodRow as Record<string, string>)[column.key]]),
    )
    expect(await importRisks([row], 'a4ayc80OGd', context)).toMatchObject({ success: true, imported: 1 })
  })

  it('reads a word in any case, and the words that differ between two columns', async () => {
    const row = {
      ...goodRow,
      likelihood: ' almost  CERTAIN ',
      severity: 'Critical',
      risk_severity: 'catastrophic',
      current_risk_level: 'Very low risk',
      final_risk_level: 'Very Low risk',
      risk_category: 'fraud risk; LEGAL RISK, fraud risk',
      mitigation_status: 'cancelled',
    }
    expect(await importRisks([row], 'a4ayc80OGd', context)).toMatchObject({ success: true })
    expect((await stored())[0]).toMatchObject({
      likelihood: 'Almost Certain',
      severity: 'Catastrophic',
      risk_severity: 'Critical',
      current_risk_level: 'Very Low risk',
      final_risk_level: 'Very low risk',
      risk_category: '{"Fraud risk","Legal risk"}',
      mitigation_status: 'Canceled',
      risk_level_autocalculated: 'Very high risk',
    })
  })

  it('stores every one of the fifteen categories', async () => {
    const all = columns.find(({ key }) => key === 'risk_category')?.holds
    const values = all?.kind === 'choices' ? all.values : []
    expect(values.join(',')).toHaveLength(263)
    expect(await importRisks([{ ...goodRow, risk_category: values.join(',') }], 'a4ayc80OGd', context)).toMatchObject({
      success: true,
    })
    const [row] = await application.sequelize.query(
      `SELECT array_to_string(risk_category, ',') AS categories FROM "a4ayc80OGd".risks`,
      { type: 'SELECT' },
    )
    expect(row?.categories).toBe(values.join(','))
  })

  it('stores no category where none is named', async () => {
    const rows = [undefined, '', ' , ;'].map((risk_category, index) => ({
      ...goodRow,
      risk_name: `Risk ${index}`,
      risk_category,
    }))
    expect(await importRisks(rows, 'a4ayc80OGd', context)).toMatchObject({ success: true, imported: 3 })
    expect((await stored()).map(({ risk_category }) => risk_category)).toEqual([null, null, null])
  })

  it.each(columns.filter(({ holds }) => holds.kind !== 'text').map(({ key }) => key))(
    'refuses in %s what the column does not hold, before anything is stored',
    async (key) => {
      const result = await importRisks([goodRow, { ...goodRow, [key]: 'Gossip' }], 'a4ayc80OGd', context)
      expect(result).toMatchObject({ success: false, imported: 0, errors: [{ row: 3, field: key }] })
      expect(await stored()).toEqual([])
    },
  )

  it.each([
    ['2030-12-31', '2030-12-31'],
    ['2030/1/5', '2030-01-05'],
    ['31.12.2030', '2030-12-31'],
    ['2030-12-31T10:00:00.000Z', '2030-12-31'],
    [47848, '2030-12-31'],
    [new Date('2030-12-31T00:00:00Z'), '2030-12-31'],
  ])('reads %s as a day', async (deadline, day) => {
    expect(await importRisks([{ ...goodRow, deadline }], 'a4ayc80OGd', context)).toMatchObject({ success: true })
    expect((await stored())[0]?.deadline).toEqual(new Date(`${day}T00:00:00Z`))
  })

  it.each(['03/04/2030', '2030-02-30', 'soon', '1899-01-01', -5, 9_999_999])(
    'does not guess a day from %s',
    async (deadline) => {
      const { errors } = await importRisks([{ ...goodRow, deadline }], 'a4ayc80OGd', context)
      expect(errors[0]?.message).toContain('yyyy-mm-dd')
    },
  )

  it.each([2, '2', 'Ben, Jr. O\'Neill "BJ" - ben@one.example (ID: 2)', 'BEN@one.example', 'ben, jr. o\'neill "bj"'])(
    'finds an owner by %s',
    async (owner) => {
      expect(await importRisks([{ ...goodRow, risk_owner: owner }], 'a4ayc80OGd', context)).toMatchObject({
        success: true,
      })
      expect((await stored())[0]?.risk_owner).toBe(2)
    },
  )

  describe.each(['risk_owner', 'risk_approval'])('as %s', (field) => {
    it.each([
      ['id', '9', '99999'],
      ['name and id', 'Zoe (ID: 9)', 'Zoe (ID: 99999)'],
      ['e-mail address', 'zoe@two.example', 'noe@two.example'],
    ])('says the same of a person of another organization as of nobody, by %s', async (_, stranger, nobody) => {
      const sentences: (string | undefined)[] = []
      for (const person of [stranger, nobody]) {
        const result = await importRisks([{ ...goodRow, [field]: person }], 'a4ayc80OGd', context)
        expect(result).toMatchObject({ success: false, imported: 0, errors: [{ row: 2, field }] })
        sentences.push(result.errors[0]?.message.replace(person, '?'))
      }
      expect(sentences[0]).toBe(sentences[1])
      expect(await stored()).toEqual([])
    })
  })

  it('knows its organization by the schema when it is told nothing else', async () => {
    const { sequelize } = application
    expect(await importRisks([goodRow], 'a4ayc80OGd', { sequelize })).toMatchObject({ success: true })
    expect(await importRisks([goodRow], '1HNeOiZeFu', { sequelize })).toMatchObject({ success: false })
    expect(await importRisks([{ ...goodRow, risk_owner: 9 }], '1HNeOiZeFu', { sequelize })).toMatchObject({
      success: true,
    })
  })

  it('takes 100,000 rows and not one more, and tells how far it is', { timeout: 60_000 }, async () => {
    const rows = function* (count: number): Generator<SheetRow> {
      for (let n = 0; n < count; n += 1) yield { number: n + 2, cells: { ...goodRow, risk_name: `Risk ${n}` } }
    }
    expect(await checkSheet(rows(100_000), 'a4ayc80OGd', context)).toMatchObject({ success: true, valid: 100_000 })
    expect(context.progressed.at(-1)).toEqual({ done: 100_000, message: '100,000 rows' })
    await expect(checkSheet(rows(100_001), 'a4ayc80OGd', context)).rejects.toThrow('at most 100,000 rows')
  })

  it('lists the first thousand mistakes and counts the rest', async () => {
    const rows = Array.from({ length: 1_100 }, () => ({ ...goodRow, severity: '' }))
    const { errors, errorCount } = await importRisks(rows, 'a4ayc80OGd', context)
    expect(errors).toHaveLength(1_000)
    expect(errorCount).toBe(1_100)
  })
})

const header = columns.map(headerOf)
const cells = columns.map(({ key }) => (goodRow as Record<string, string>)[key] ?? '')

describe('importing a file', () => {
  it('reads a workbook of 1,000 rows', async () => {
    const rows = Array.from({ length: 1000 }, (_, index) => [`Größe <${index}> & "x"`, ...cells.slice(1)])
    const result = await importFile(await workbookOf([header, ...rows], 'größe.xlsx'))
    expect(result).toMatchObject({ success: true, imported: 1000 })
    expect((await stored())[999]?.risk_name).toBe('Größe <999> & "x"')
    expect((await publishedIn(application))[0]?.payload).toMatchObject({ imported: 1000, fileName: 'größe.xlsx' })
  })

  it('refuses a workbook with risks on two sheets, because one of them would be left out', async () => {
    const workbook = new ExcelJS.Workbook()
    for (const name of ['This year', 'Next year', 'Empty']) workbook.addWorksheet(name).addRow(header)
    workbook.addWorksheet('Some titles').addRow(header.slice(0, 2))
    const file = async () => fileOf('years.xlsx', new Uint8Array(await workbook.xlsx.writeBuffer()))
    workbook.getWorksheet('This year')?.addRow(cells)
    workbook.getWorksheet('Next year')?.addRow(['Another', ...cells.slice(1)])
    expect(await call('POST /import', { file: await file() })).toEqual({
      status: 400,
      data: 'The sheets "This year" and "Next year" both have risks. Put them on one sheet, or hide what is not to be imported.',
    })
    expect(await stored()).toEqual([])
    const next = workbook.getWorksheet('Next year')
    if (next) next.state = 'hidden'
    expect(await importFile(await file())).toMatchObject({ success: true, imported: 1 })
  })

  it('passes over a sheet that has titles and no risks, and names the one that lacks some', async () => {
    const workbook = new ExcelJS.Workbook()
    workbook.addWorksheet('Blank template').addRow(header)
    workbook.addWorksheet('Risks').addRows([header, cells])
    const summary = workbook.addWorksheet('Summary')
    summary.addRow(header.slice(0, 2))
    const file = async () => fileOf('risks.xlsx', new Uint8Array(await workbook.xlsx.writeBuffer()))
    expect(await importFile(await file())).toMatchObject({ success: true, imported: 1 })
    workbook.removeWorksheet('Risks')
    workbook.removeWorksheet('Blank template')
    workbook.addWorksheet('Risks').addRows([header, cells])
    expect(await call('POST /import', { file: await file() })).toEqual({
      status: 400,
      data: expect.stringMatching(
        /^Sheet "Summary": Row 1 has no column .+ Hide the sheet if it has no risks\.$/,
      ) as string,
    })
  })

  it('reads what Excel makes of cells', async () => {
    const workbook = new ExcelJS.Workbook()
    workbook.addWorksheet('Notes').addRow(['Please fill in the next sheet'])
    const hidden = workbook.addWorksheet('Old', { state: 'hidden' })
    hidden.addRow(header)
    hidden.addRow(['Hidden risk', ...cells.slice(1)])
    const sheet = workbook.addWorksheet('Register')
    sheet.getRow(3).values = [...header, 'Our own column']
    const row = sheet.getRow(6)
    row.values = cells
    row.getCell(1).value = { richText: [{ text: 'Rich ' }, { font: { bold: true }, text: 'text' }] }
    row.getCell(2).value = { text: 'ada@one.example', hyperlink: 'mailto:ada@one.example' }
    row.getCell(12).value = new Date('2031-02-03T00:00:00Z')
    row.getCell(13).value = { formula: '"a"&"b"', result: 'ab' }
    sheet.getRow(9).values = ['', '', '']
    const result = await importFile(fileOf('register.xlsx', new Uint8Array(await workbook.xlsx.writeBuffer())))
    expect(result).toMatchObject({ success: true, imported: 1, ignoredColumns: ['Our own column'] })
    expect(await stored()).toMatchObject([
      { risk_name: 'Rich text', risk_owner: 1, deadline: new Date('2031-02-03T00:00:00Z'), mitigation_plan: 'ab' },
    ])
  })

  it('names the row that Excel shows, blank rows or not', async () => {
    const workbook = new ExcelJS.Workbook()
    const sheet = workbook.addWorksheet('Sheet1')
    sheet.getRow(1).values = header
    sheet.getRow(12).values = ['x', ...cells.slice(1, 6), 'Impact', 'Sometimes'] as ExcelJS.CellValue[]
    const { errors } = await importFile(fileOf('gaps.xlsx', new Uint8Array(await workbook.xlsx.writeBuffer())))
    expect(new Set(errors.map(({ row }) => row))).toEqual(new Set([12]))
  })

  it.each([
    ['commas', ',', ''],
    ['semicolons and a byte order mark', ';', '\ufeff'],
    ['tabs', '\t', ''],
    ['a line that names the delimiter', ';', 'sep=;\r\n'],
  ])('reads CSV with %s', async (_, delimiter, start) => {
    const quote = (value: string): string => `"${value.replace(/"/g, '""')}"`
    const lines = [header, ['Two\nlines; "quoted", ü', ...cells.slice(1)]].map((row) => row.map(quote).join(delimiter))
    const result = await importFile(fileOf('risks.csv', start + lines.join('\r\n')))
    expect(result, JSON.stringify(result.errors)).toMatchObject({ success: true, imported: 1 })
    expect((await stored())[0]?.risk_name).toBe('Two\nlines; "quoted", ü')
  })

  it('imports every row of CSV whose lines end in different ways', async () => {
    const rows = Array.from({ length: 500 }, (_, n) => [`Risk ${n}`, ...cells.slice(1)].join(','))
    const result = await importFile(fileOf('risks.csv', `${header.join(',')}\r\n${rows.join('\n')}\n`))
    expect(result).toMatchObject({ success: true, imported: 500, failed: 0 })
    expect(await stored()).toHaveLength(500)
  })

  it('imports nothing of CSV when a row has more than there are titles', async () => {
    const rows = [cells, ['Cut', ...cells.slice(1), 'here'], ['Good', ...cells.slice(1)]]
    const result = await importFile(fileOf('risks.csv', [header, ...rows].map((row) => row.join(',')).join('\n')))
    expect(result).toMatchObject({
      success: false,
      failed: 3,
      errors: [{ row: 3, field: 'general', value: 'here' }],
      message: 'Nothing was imported: 1 mistake in 1 row.',
    })
    expect(await stored()).toEqual([])
  })

  it.each([
    ['utf-16le', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['windows-1252', (text: string) => Buffer.from(text, 'latin1')],
  ])('reads CSV in %s', async (_, encode) => {
    const text = [header, ['Größe', ...cells.slice(1)]].map((row) => row.join(';')).join('\n')
    expect(await importFile(fileOf('risks.csv', encode(text)))).toMatchObject({ success: true })
    expect((await stored())[0]?.risk_name).toBe('Größe')
  })

  it.each([
    ['nothing', fileOf('risks.xlsx', ''), 'empty'],
    ['an old workbook', fileOf('risks.xls', Buffer.from('d0cf11e0a1b11ae1', 'hex')), 'old (.xls)'],
    ['a picture', fileOf('risks.csv', Buffer.from('89504e470d0a1a0a0000', 'hex')), 'what is in it is no text'],
    ['a text with zero bytes', fileOf('risks.csv', `${header.join(',')}\nA\0B`), 'what is in it is no text'],
    ['a mark of an encoding and nothing else', fileOf('risks.csv', '\ufeff'), 'titles of the template'],
    ['a text of another kind', fileOf('risks.pdf', 'risk_name,risk_owner'), 'Only .xlsx and .csv'],
    ['half an archive', fileOf('risks.xlsx', Buffer.from('504b03040000000000000000', 'hex')), 'damaged'],
    ['a sheet of something else', fileOf('other.csv', 'a,b\n1,2'), 'titles of the template'],
    ['a sheet without an owner', fileOf('risks.csv', 'Risk Name,Risk Description\nx,y'), '"Risk Owner *"'],
    ['a column that is there twice', fileOf('r.csv', `${header.join(',')},risk_name\n`), 'twice'],
  ])('answers 400 to %s, and says why', async (_, file, message) => {
    expect(await call('POST /import', { file })).toEqual({
      status: 400,
      data: expect.stringContaining(message) as string,
    })
  })

  it('answers 400 when there is neither a file nor rows', async () => {
    expect(await call('POST /import', { body: {} })).toEqual({
      status: 400,
      data: 'CSV data is required and must be an array',
    })
  })

  it('takes rows as JSON', async () => {
    const { data } = await call('POST /import', { body: { csvData: [goodRow] } })
    expect(data).toMatchObject({ success: true, imported: 1, failed: 0 })
  })

  it('checks without storing', async () => {
    const { data } = await call('POST /check', { file: await workbookOf([header, cells, ['', ...cells.slice(1)]]) })
    expect(data as CheckResult).toMatchObject({
      success: false,
      valid: 1,
      failed: 2,
      errors: [{ row: 3, field: 'risk_name' }],
    })
    const good = await call('POST /check', { body: { csvData: [goodRow] } })
    expect(good.data as CheckResult).toMatchObject({
      success: true,
      valid: 1,
      failed: 0,
      preview: [{ 'Risk Name': 'Drift', 'Risk Owner': 'Ada Okafor', 'AI Lifecycle Phase': 'Monitoring & maintenance' }],
    })
    expect(await stored()).toEqual([])
  })

  it('gives the rows back with the mistakes marked, ready to be corrected', async () => {
    const file = await workbookOf([header, ['Right', ...cells.slice(1)], ['Wrong', '99', ...cells.slice(2)]])
    const { buffer } = await call('POST /corrections', { file })
    const workbook = new ExcelJS.Workbook()
    await workbook.xlsx.load(Buffer.from(buffer as Uint8Array) as unknown as ExcelJS.Buffer, WITHOUT_RULES)
    const sheet = workbook.getWorksheet('Risks') as ExcelJS.Worksheet
    expect(sheet.getCell('A3').value).toBe('Wrong')
    expect(sheet.getCell('U3').text).toContain('not a person of your organization')
    expect(sheet.getCell('B3').fill).toMatchObject({ fgColor: { argb: 'FFFDE2E1' } })
    expect(sheet.getCell('B2').fill).not.toMatchObject({ fgColor: { argb: 'FFFDE2E1' } })
    sheet.getCell('B3').value = 'ben@one.example'
    const result = await importFile(fileOf('corrected.xlsx', new Uint8Array(await workbook.xlsx.writeBuffer())))
    expect(result).toMatchObject({ success: true, imported: 2 })
  })
})

describe('an archive that unpacks to more than it may', () => {
  it('is refused while it is unpacked', async () => {
    const file = await workbookOf([header, ['x'.repeat(30_000), ...cells.slice(1)]])
    const drain = async (maxBytes: number): Promise<void> => {
      for await (const _ of openZip(Buffer.from(file.buffer), maxBytes).read('xl/sharedStrings.xml')) continue
    }
    await expect(drain(20_000)).rejects.toThrow('too large when it is unpacked. Copy its risks into a new template')
    await expect(drain(200_000)).resolves.toBeUndefined()
  })
})

describe('the calculated level', () => {
  it('is spread over the 25 combinations as it always was', () => {
    const levels = LIKELIHOOD_VALUES.flatMap((likelihood) =>
      SEVERITY_VALUES.map((severity) => calculateRiskLevel(likelihood, severity)),
    )
    const count = (level: string): number => levels.filter((one) => one === level).length
    expect(['Very low risk', 'Low risk', 'Medium risk', 'High risk', 'Very high risk'].map(count)).toEqual([
      1, 6, 6, 7, 5,
    ])
  })

  it('is null for what is missing or unknown', () => {
    expect(calculateRiskLevel(undefined, undefined)).toBeNull()
    expect(calculateRiskLevel('Rare', 'Critical')).toBeNull()
  })
})
