import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
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
import type { CheckResult, ImportResult } from './import-result'
import { install, router, uninstall } from './index'
import { writeZip } from './write-zip'
import { openZip } from './zip-archive'

const tenant = 'a4ayc80OGd'
/** exceljs would hold a rule for each of a million cells of a column. */
const WITHOUT_RULES = { ignoreNodes: ['dataValidations'] }
let application: TestApplication
let context: ObservedContext

beforeAll(async () => {
  application = await startTestApplication()
  await install(1, tenant, {}, contextOf(application, application.one))
})
afterAll(() => application.close())
beforeEach(async () => {
  context = contextOf(application, application.one)
  await application.sequelize.query(`TRUNCATE published, "${tenant}".risks, "${tenant}".risk_imports`)
})

const workbookNamed = (name: string): Buffer => readFileSync(join(import.meta.dirname, '../../testing/workbooks', name))

const goodRow: Record<string, unknown> = {
  risk_name: 'Drift',
  risk_owner: '1',
  risk_description: 'The model gets worse',
  ai_lifecycle_phase: 'Monitoring & maintenance',
  likelihood: 'Likely',
  severity: 'Major',
}
const header = columns.map(headerOf)
const named = (name: string, more: Record<string, unknown> = {}): unknown[] => {
  const row = { ...goodRow, risk_name: name, ...more }
  return columns.map(({ key }) => row[key as keyof typeof row] ?? '')
}

async function stored(): Promise<Record<string, unknown>[]> {
  return application.sequelize.query(`SELECT * FROM "${tenant}".risks ORDER BY id`, { type: 'SELECT' })
}

async function countStored(): Promise<number> {
  const rows = await application.sequelize.query<{ count: number }>(
    `SELECT CAST(count(*) AS int) AS count FROM "${tenant}".risks`,
    { type: 'SELECT' },
  )
  return rows[0]?.count ?? 0
}

async function call(
  route: string,
  request: { file?: UploadedFile; body?: unknown; query?: Record<string, unknown> } = {},
): Promise<RouteResult> {
  const declared = router[route]
  if (!declared) throw new Error(`There is no route ${route}`)
  const handler = typeof declared === 'function' ? declared : declared.handler
  const [method = '', path = ''] = route.split(' ')
  const nothing = { params: {}, query: {}, body: undefined, configuration: {}, userId: 1 }
  return handler({ ...context, ...nothing, method, path, ...request })
}

async function imported(rows: unknown[], choices: object = {}): Promise<ImportResult> {
  const { status, data } = await call('POST /import', { body: { csvData: rows, ...choices } })
  expect(status ?? 200, JSON.stringify(data)).toBe(200)
  return data as ImportResult
}

function fileOf(originalname: string, content: string | Uint8Array): UploadedFile {
  const buffer = Buffer.from(content as string)
  return { originalname, mimetype: 'application/octet-stream', size: buffer.length, buffer }
}

const csvOf = (...rows: unknown[][]): UploadedFile =>
  fileOf('risks.csv', [header, ...rows].map((row) => row.map((cell) => `"${String(cell)}"`).join(',')).join('\n'))

describe('importing the good rows', () => {
  it('leaves out the others, and says which and why', async () => {
    const file = csvOf(named('A'), named('B', { severity: 'Terrible' }), named('C', { risk_owner: 'zoe@two.example' }))
    const { data } = await call('POST /import', { file, body: { mode: 'good' } })
    expect(data).toMatchObject({ success: true, imported: 1, failed: 2, errorCount: 2 })
    expect((data as ImportResult).errors).toEqual([
      {
        row: 3,
        field: 'severity',
        column: 'Severity',
        value: 'Terrible',
        message: expect.stringContaining('Choose one of: Negligible') as string,
      },
      {
        row: 4,
        field: 'risk_owner',
        column: 'Risk Owner',
        value: 'zoe@two.example',
        message: expect.stringContaining('not a person of your organization') as string,
      },
    ])
    expect((await stored()).map(({ risk_name }) => risk_name)).toEqual(['A'])
    expect((await publishedIn(application))[0]?.payload).toMatchObject({ imported: 1 })
  })

  it('is announced by the check, as what the same choices would bring', async () => {
    const csvData = [goodRow, { ...goodRow, risk_name: 'B', severity: '' }]
    const importable = async (mode: string) => (await call('POST /check', { body: { csvData, mode } })).data
    expect(await importable('good')).toMatchObject({ success: false, valid: 1, importable: 1, failed: 1 })
    expect(await importable('all')).toMatchObject({ success: false, valid: 1, importable: 0, failed: 2 })
  })

  it('is stored with what it says of the others, wherever a text is cut', async () => {
    const result = await imported(
      [
        goodRow,
        ...Array.from({ length: 4 }, (_, at) => ({ ...goodRow, likelihood: `${'x'.repeat(56 + at)}😀 perhaps` })),
      ],
      { mode: 'good' },
    )
    expect(result).toMatchObject({ imported: 1, errorCount: 4 })
    expect(JSON.stringify(result.errors)).not.toContain('\\ud83d')
    const { data } = await call('GET /imports')
    expect(data).toMatchObject([{ imported: 1 }])
  })

  it('is a failure when there is none', async () => {
    expect(await imported([{ ...goodRow, severity: '' }], { mode: 'good' })).toMatchObject({
      success: false,
      failed: 1,
    })
  })

  it('is chosen, not guessed', async () => {
    const { status, data } = await call('POST /import', { body: { csvData: [goodRow], mode: 'some' } })
    expect([status, data]).toEqual([400, 'mode must be "all" or "good".'])
  })

  it('rolls back what was written before a later row turned out wrong, when it is all or nothing', async () => {
    const rows = Array.from({ length: 5_000 }, (_, n) => ({ ...goodRow, risk_name: `Risk ${n}` }))
    const result = await imported([...rows, { ...goodRow, severity: '' }, ...rows.slice(0, 10)])
    expect(result).toMatchObject({ success: false, imported: 0, failed: 5_011 })
    expect(await stored()).toEqual([])
  })
})

describe('the name of a file', () => {
  it.each([
    ['risks\0.csv', 'risks.csv'],
    ['risks \ud83d.csv', 'risks \ufffd.csv'],
    [`${'x'.repeat(254)}😀.csv`, 'x'.repeat(254)],
    ['😀'.repeat(200), '😀'.repeat(127)],
  ])('may hold what no database stores, or be too long: %j', async (name, kept) => {
    const { status, data } = await call('POST /import', { body: { csvData: [goodRow], fileName: name } })
    expect([status ?? 200, data]).toEqual([200, expect.objectContaining({ imported: 1, fileName: kept })])
    const { data: imports } = await call('GET /imports')
    expect(imports).toMatchObject([{ fileName: kept }])
    expect(await publishedIn(application)).toMatchObject([{ payload: { fileName: kept } }])
  })

  it('of a file that is sent is kept in the same way', async () => {
    const file = { ...csvOf(named('A')), originalname: 'risks\0.csv' }
    expect(await call('POST /import', { file })).toMatchObject({ data: { imported: 1, fileName: 'risks.csv' } })
  })
})

describe('what is said of a file', () => {
  it('stays short, whatever stands in it', async () => {
    const words = Array.from({ length: 6_000 }, (_, at) => `w${at}`).join(',')
    const rows = Array.from({ length: 1_000 }, (_, at) => ({ ...goodRow, risk_name: `n${at}`, risk_category: words }))
    const { data } = await call('POST /check', { body: { csvData: rows } })
    const { errors } = data as CheckResult
    expect(errors).toHaveLength(1_000)
    expect(errors[0]?.message).toMatch(/^Risk Category cannot be "w0", "w1", "w2" or 5,997 others\. Choose from: /)
    expect(JSON.stringify(data).length).toBeLessThan(1_000_000)
  })

  it('names titles that it does not know in short, and not all of thousands', async () => {
    const others = Array.from({ length: 3_000 }, (_, at) => `${at} ${'x'.repeat(250)}`)
    const file = fileOf(
      'risks.csv',
      [[...header, ...others], named('A')].map((row) => row.map((cell) => `"${cell}"`).join(',')).join('\n'),
    )
    const { data } = await call('POST /check', { file })
    const { ignoredColumns } = data as { ignoredColumns: string[] }
    expect(ignoredColumns).toHaveLength(51)
    expect(ignoredColumns[0]).toBe(`0 ${'x'.repeat(57)}…`)
    expect(ignoredColumns.at(-1)).toBe('2,950 others')
  })

  it('counts characters as people do', async () => {
    expect(await imported([{ ...goodRow, risk_name: '😀'.repeat(255) }])).toMatchObject({ imported: 1 })
    const { errors } = await imported([{ ...goodRow, risk_name: '😀'.repeat(256) }])
    expect(errors[0]?.message).toBe('Risk Name has 256 characters; at most 255 fit')
  })
})

describe('duplicates', () => {
  it('are rows with the name and owner of a risk in the register, or further up', async () => {
    await imported([goodRow])
    const rows = [
      { ...goodRow, risk_name: ' DRIFT ' },
      { ...goodRow, risk_owner: 2 },
      { ...goodRow, risk_name: 'New' },
      { ...goodRow, risk_name: 'new' },
    ]
    const { errors } = await imported(rows)
    expect(errors.map(({ row, field, message }) => [row, field, message])).toEqual([
      [2, 'risk_name', expect.stringContaining('already in the register')],
      [5, 'risk_name', expect.stringContaining('already in row 4')],
    ])
    expect(await imported(rows, { mode: 'good' })).toMatchObject({ success: true, imported: 2, failed: 2 })
    expect(await imported(rows, { duplicates: 'import' })).toMatchObject({ success: true, imported: 4 })
  })

  it('are not found in risks that were deleted', async () => {
    await imported([goodRow])
    await application.sequelize.query(`UPDATE "${tenant}".risks SET is_deleted = true`)
    expect(await imported([goodRow])).toMatchObject({ success: true })
  })

  it('are files that were imported already, byte for byte', async () => {
    const file = csvOf(named('A'))
    await call('POST /import', { file })
    const again = (await call('POST /import', { file: { ...file, originalname: 'renamed.csv' } })).data as ImportResult
    expect(again).toMatchObject({ success: false, imported: 0 })
    expect(again.message).toMatch(/^This file was imported already, on \d{4}-\d\d-\d\d \d\d:\d\d UTC, with 1 risk\./)
    const check = (await call('POST /check', { file })).data as CheckResult
    expect(check.errors[0]?.message).toContain('imported already')
    const onPurpose = await call('POST /import', { file, body: { duplicates: 'import' } })
    expect(onPurpose.data).toMatchObject({ success: true, imported: 1 })
  })
})

describe('taking an import back', () => {
  const undo = (importId: unknown): Promise<RouteResult> => call('POST /undo', { body: { importId } })

  it('removes its risks but those that somebody has changed since, and lets the file be imported again', async () => {
    const file = csvOf(named('A'), named('B'), named('C'))
    const { importId } = (await call('POST /import', { file })).data as ImportResult
    await application.sequelize.query(`UPDATE "${tenant}".risks SET updated_at = now() WHERE risk_name = 'B'`)
    expect((await undo(importId)).data).toEqual({
      success: true,
      removed: 2,
      kept: 1,
      message: '2 risks were removed. 1 that somebody has changed or linked since stay in the register.',
    })
    expect((await stored()).map(({ risk_name }) => risk_name)).toEqual(['B'])
    expect(await undo(importId)).toMatchObject({ status: 409, data: expect.stringContaining('already') as string })
    expect((await call('POST /import', { file, body: { mode: 'good' } })).data).toMatchObject({ imported: 2 })
    const imports = (await call('GET /imports')).data
    expect(imports).toMatchObject([
      { fileName: 'risks.csv', imported: 2, undoneAt: null },
      { id: importId, imported: 3, importedBy: 1, undoneAt: expect.any(Date) as Date },
    ])
  })

  it('is done once, however many ask for it at the same moment', async () => {
    const { importId } = await imported([goodRow])
    const answers = await Promise.all(Array.from({ length: 4 }, () => undo(importId)))
    const [done, ...refused] = answers.toSorted((one, other) => (one.status ?? 200) - (other.status ?? 200))
    expect(done?.data).toMatchObject({ success: true, removed: 1 })
    expect(refused.map(({ status }) => status)).toEqual([409, 409, 409])
  })

  it('is not done at all when it was cut off in the middle, and can be done then', async () => {
    const { importId } = await imported([goodRow, { ...goodRow, risk_name: 'Bias' }])
    const cutOff = await application.sequelize.transaction(async (transaction) => {
      await application.sequelize.query(`SELECT FROM "${tenant}".risks WHERE risk_name = 'Bias' FOR UPDATE`, {
        transaction,
      })
      const undoing = undo(importId).catch((error: unknown) => error)
      const endWaiting = () =>
        application.sequelize.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'
           AND datname = current_database() AND query LIKE '%undo_import%'`,
          { type: 'SELECT' },
        )
      await expect.poll(endWaiting).toHaveLength(1)
      return undoing
    })
    expect(cutOff).toBeInstanceOf(Error)
    expect(await countStored()).toBe(2)
    expect((await call('GET /imports')).data).toMatchObject([{ undoneAt: null }])
    expect((await undo(importId)).data).toMatchObject({ success: true, removed: 2 })
  })

  it('is possible for seven days', async () => {
    const { importId } = await imported([goodRow])
    const made = (ago: string): Promise<unknown> =>
      application.sequelize.query(`UPDATE "${tenant}".risk_imports SET imported_at = now() - interval '${ago}'`)
    await made('7 days 1 minute')
    expect(await undo(importId)).toEqual({ status: 409, data: 'An import can be taken back for 7 days.' })
    await made('6 days 23 hours')
    expect((await undo(importId)).data).toMatchObject({ success: true, removed: 1 })
  })

  it.each([undefined, '', 7, 'x', "' OR 1=1"])('does nothing for %j', async (importId) => {
    expect([400, 404]).toContain((await undo(importId)).status)
  })

  it('is remembered until the plugin is uninstalled, which may happen twice', async () => {
    for (let times = 0; times < 2; times += 1)
      expect(await uninstall(1, tenant, context)).toMatchObject({ success: true })
    await install(1, tenant, {}, context)
    await install(1, tenant, {}, context)
  })
})

describe('an import that is called again, because its server died', () => {
  const file = csvOf(named('A'), named('B'), named('C', { severity: 'Terrible' }))
  const again = () => call('POST /import', { file, body: { mode: 'good' } })
  beforeEach(() => {
    context = { ...context, run: { id: randomUUID() } }
  })

  it('answers what came of it, mistakes too, and adds nothing', async () => {
    const first = await again()
    expect(first.data).toMatchObject({ imported: 2, failed: 1, errorCount: 1, importId: context.run?.id })
    expect(await again()).toEqual(first)
    expect(await countStored()).toBe(2)
    expect(await publishedIn(application)).toHaveLength(1)
  })

  it('adds its risks once, also when the first call still goes on', async () => {
    const answers = await Promise.all([again(), again(), again()])
    for (const { data } of answers) expect(data).toMatchObject({ imported: 2, importId: context.run?.id })
    expect(await countStored()).toBe(2)
    expect(await publishedIn(application)).toHaveLength(1)
  })

  it('does not take for a duplicate what the first call stored after the second had begun', async () => {
    const { run, sequelize } = context
    let first: RouteResult | undefined
    context.sequelize = new Proxy(sequelize, {
      get: (of, name) =>
        name !== 'query'
          ? Reflect.get(of, name)
          : async (...statement: Parameters<typeof of.query>) => {
              const rows = await of.query(...statement)
              context.sequelize = sequelize
              first ??= await again()
              return rows
            },
    })
    const second = await again()
    expect(first?.data).toMatchObject({ imported: 2, importId: run?.id })
    expect(second).toEqual(first)
    expect(await countStored()).toBe(2)
  })

  it('brings nothing back that was taken back meanwhile', async () => {
    const first = await again()
    expect((await call('POST /undo', { body: { importId: context.run?.id } })).data).toMatchObject({ removed: 2 })
    expect(await again()).toEqual(first)
    expect(await countStored()).toBe(0)
  })

  it('is tried from the beginning when nothing came of it', async () => {
    const wrong = csvOf(named('A'), named('C', { severity: 'Terrible' }))
    for (const time of [1, 2])
      expect((await call('POST /import', { file: wrong })).data, String(time)).toMatchObject({
        success: false,
        imported: 0,
      })
    expect(await again()).toMatchObject({ data: { imported: 2 } })
  })
})

describe('days and numbers of Excel', () => {
  async function workbookWith(cells: Record<string, ExcelJS.CellValue>, date1904 = false): Promise<ImportResult> {
    const workbook = new ExcelJS.Workbook()
    workbook.properties.date1904 = date1904
    const sheet = workbook.addWorksheet('Risks')
    sheet.addRow(header)
    sheet.addRow(named('x'))
    for (const [key, value] of Object.entries(cells)) {
      sheet.getRow(2).getCell(columns.findIndex((column) => column.key === key) + 1).value = value
    }
    const file = fileOf('days.xlsx', new Uint8Array(await workbook.xlsx.writeBuffer()))
    return (await call('POST /import', { file })).data as ImportResult
  }

  it.each([false, true])('are the same day whether the workbook counts from 1904 or not: %s', async (date1904) => {
    const day = new Date('2031-02-03T00:00:00Z')
    const result = await workbookWith(
      { deadline: day, risk_name: day, risk_description: 20_000, risk_owner: 1 },
      date1904,
    )
    expect(result, JSON.stringify(result.errors)).toMatchObject({ success: true })
    expect((await stored())[0]).toMatchObject({
      risk_name: '2031-02-03',
      risk_description: '20000',
      deadline: new Date('2031-02-03T00:00:00Z'),
    })
  })

  it.each([
    [1, false, '1900-01-01'],
    [59, false, '1900-02-28'],
    [61, false, '1900-03-01'],
    [45_000.75, false, '2023-03-15'],
    [45_000, true, '2027-03-16'],
  ])('%d is a day in a column of days (from 1904: %s): %s', async (serial, date1904, day) => {
    await workbookWith({ deadline: serial }, date1904)
    expect((await stored())[0]?.deadline).toEqual(new Date(`${day}T00:00:00Z`))
  })

  it.each([0, -1, 60, 2_958_466])('%d is none', async (serial) => {
    const { errors } = await workbookWith({ deadline: serial })
    expect(errors).toMatchObject([{ row: 2, field: 'deadline', value: String(serial) }])
  })
})

describe('corrections', () => {
  it('say what is wrong in a last column, and can be sent back as they are', async () => {
    const file = csvOf(named('A'), named('B', { severity: '=1+1', deadline: '03/04/2030', risk_owner: '99' }))
    const { buffer, filename } = await call('POST /corrections', { file })
    expect(filename).toBe('risk_import_corrections.xlsx')
    const workbook = new ExcelJS.Workbook()
    await workbook.xlsx.load(Buffer.from(buffer as Uint8Array) as unknown as ExcelJS.Buffer, WITHOUT_RULES)
    const sheet = workbook.getWorksheet('Risks') as ExcelJS.Worksheet
    expect(sheet.getCell('U1').text).toBe('Problems')
    expect(sheet.getCell('U2').text).toBe('')
    expect(sheet.getCell('U3').text.split('\n')).toHaveLength(3)
    for (const cell of ['B3', 'H3', 'L3']) {
      expect(sheet.getCell(cell).fill, cell).toMatchObject({ fgColor: { argb: 'FFFDE2E1' } })
    }
    expect(sheet.getCell('L3').numFmt).toBe('yyyy-mm-dd')
    expect(sheet.getCell('A3').fill).not.toMatchObject({ fgColor: { argb: 'FFFDE2E1' } })
    sheet.getCell('B3').value = 'Ada Okafor'
    sheet.getCell('H3').value = 'Minor'
    sheet.getCell('L3').value = new Date('2030-04-03T00:00:00Z')
    const corrected = fileOf('corrected.xlsx', new Uint8Array(await workbook.xlsx.writeBuffer()))
    const { data } = await call('POST /import', { file: corrected })
    expect(data, JSON.stringify(data)).toMatchObject({ success: true, imported: 2, ignoredColumns: [] })
  })

  it.each([false, true])('keep the days of a workbook that counts from 1904: %s', async (date1904) => {
    const workbook = new ExcelJS.Workbook()
    workbook.properties.date1904 = date1904
    const sheet = workbook.addWorksheet('Risks')
    sheet.addRow(header)
    sheet.addRow(named('A', { risk_owner: 'nobody', deadline: 45_000, date_of_assessment: 'soon', impact: 45_000 }))
    const file = fileOf('days.xlsx', new Uint8Array(await workbook.xlsx.writeBuffer()))
    const { buffer } = await call('POST /corrections', { file })
    const corrected = new ExcelJS.Workbook()
    await corrected.xlsx.load(Buffer.from(buffer as Uint8Array) as unknown as ExcelJS.Buffer, WITHOUT_RULES)
    const risks = corrected.getWorksheet('Risks') as ExcelJS.Worksheet
    risks.getCell('B2').value = 'Ada Okafor'
    risks.getCell(2, columns.findIndex(({ key }) => key === 'date_of_assessment') + 1).value = null
    const back = fileOf('corrected.xlsx', new Uint8Array(await corrected.xlsx.writeBuffer()))
    const { data } = await call('POST /import', { file: back })
    expect(data, JSON.stringify(data)).toMatchObject({ success: true, imported: 1 })
    const day = date1904 ? '2027-03-16' : '2023-03-15'
    expect((await stored())[0]).toMatchObject({ deadline: new Date(`${day}T00:00:00Z`), impact: '45000' })
  })

  it('hold what starts like a formula as text', async () => {
    const attacks = ['=HYPERLINK("http://evil.example","x")', '+1+1', '-1', '@SUM(A1)', '\u0001_x0041_ & <b>']
    const file = fileOf(
      'risks.csv',
      [header, ...attacks.map((attack) => named(attack, { severity: 'Terrible' }))]
        .map((row) => row.map((cell) => `"${String(cell).replace(/"/g, '""')}"`).join(';'))
        .join('\n'),
    )
    const { buffer } = await call('POST /corrections', { file })
    const xml = await partOf(buffer as Uint8Array, 'xl/worksheets/sheet1.xml')
    expect(xml.slice(xml.indexOf('<sheetData>'), xml.indexOf('</sheetData>'))).not.toContain('<f>')
    const back = (await call('POST /check', { file: fileOf('back.xlsx', buffer as Uint8Array) })).data as CheckResult
    expect(back.errorCount).toBe(attacks.length)
    const good = await call('POST /import', {
      body: { csvData: attacks.map((risk_name) => ({ ...goodRow, risk_name })) },
    })
    expect(good.data).toMatchObject({ success: true })
    expect((await stored()).map(({ risk_name }) => risk_name)).toEqual(attacks)
  })
})

async function partOf(bytes: Uint8Array, name: string): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of openZip(Buffer.from(bytes)).read(name)) chunks.push(chunk)
  return Buffer.concat(chunks).toString('utf8')
}

type Pieces = () => Iterable<string>

/** A workbook with these sheets, whose XML comes in pieces. */
const workbookOf = (...sheets: Pieces[]): Promise<Buffer> => workbookAt('worksheets/', ...sheets)

/** It names the folder of its sheets in this way. */
function workbookAt(folder: string, ...sheets: Pieces[]): Promise<Buffer> {
  const part = (name: string, text: string) => ({ name, content: [Buffer.from(text)] })
  const relationship = (n: number, type: string, target: string): string =>
    `<Relationship Id="r${n}" Type="http://x/${type}" Target="${target}"/>`
  const listOf = (entry: (n: number) => string): string => sheets.map((_, index) => entry(index + 1)).join('')
  const content = function* (pieces: Pieces): Generator<Buffer> {
    for (const piece of pieces()) yield Buffer.from(piece)
  }
  const main = relationship(1, 'officeDocument', 'xl/workbook.xml')
  const others = listOf((n) => relationship(n, 'worksheet', `${folder}sheet${n}.xml`))
  return writeZip([
    part('_rels/.rels', `<Relationships>${main}</Relationships>`),
    part(
      'xl/workbook.xml',
      `<workbook><sheets>${listOf((n) => `<sheet name="Sheet ${n}" r:id="r${n}"/>`)}</sheets></workbook>`,
    ),
    part('xl/_rels/workbook.xml.rels', `<Relationships>${others}</Relationships>`),
    ...sheets.map((pieces, index) => ({ name: `xl/worksheets/sheet${index + 1}.xml`, content: content(pieces) })),
  ])
}

const cellsXml = (row: number, values: unknown[]): string =>
  `<row r="${row}">${values
    .map((value) => `<c t="inlineStr"><is><t>${String(value).replace(/&/g, '&amp;')}</t></is></c>`)
    .join('')}</row>`

describe('a file that is too much', () => {
  /** Of the processor, so that a busy machine is no slow refusal. */
  const secondsOf = async (work: () => Promise<unknown>): Promise<number> => {
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000_000
  }
  const refusalOf = async (bytes: Uint8Array, name = 'risks.xlsx'): Promise<unknown> => {
    const { status, data } = await call('POST /import', { file: fileOf(name, bytes) })
    expect(status).toBe(400)
    expect(await stored()).toEqual([])
    return data
  }

  it('a sheet of two million cells is refused within seconds', { timeout: 60_000 }, async () => {
    const row = `${'<c t="inlineStr"><is><t>x</t></is></c>'.repeat(20)}</row>`
    const bytes = await workbookOf(function* () {
      yield `<worksheet><sheetData>${cellsXml(1, header)}`
      for (let n = 2; n <= 100_002; n += 1)
        yield `<row r="${n}">${cellsXml(n, [`Risk ${n}`]).slice(13)}`.replace('</row>', row)
      yield '</sheetData></worksheet>'
    })
    const seconds = await secondsOf(async () => expect(await refusalOf(bytes)).toContain('at most 100,000 rows'))
    expect(seconds).toBeLessThan(30)
  })

  it('an archive that unpacks to gigabytes is refused before it has', async () => {
    const bytes = await workbookOf(function* () {
      yield `<worksheet><sheetData>${cellsXml(1, header)}`
      const blank = ' '.repeat(1_000_000)
      for (let n = 0; n < 100; n += 1) yield `<row r="${n + 2}">${blank}</row>`
      yield '</sheetData></worksheet>'
    })
    const seconds = await secondsOf(async () =>
      expect(await refusalOf(bytes)).toContain('too large when it is unpacked'),
    )
    expect(seconds).toBeLessThan(5)
  })

  it('a sheet of a million rows is none where they are only formatted', { timeout: 60_000 }, async () => {
    const bytes = await workbookOf(function* () {
      yield `<worksheet><sheetData>${cellsXml(1, header)}${cellsXml(2, named('A'))}`
      for (let first = 3; first <= 1_048_576; first += 10_000) {
        const numbers = Array.from({ length: Math.min(10_000, 1_048_577 - first) }, (_, index) => first + index)
        yield numbers.map((n) => `<row r="${n}" ht="12.8"><c s="3"/></row>`).join('')
      }
      yield '</sheetData></worksheet>'
    })
    const { data } = await call('POST /check', { file: fileOf('risks.xlsx', bytes) })
    expect(data).toMatchObject({ success: true, valid: 1 })
  })

  it.each([
    [
      'a workbook that is protected by a password',
      workbookNamed('with-password.xlsx'),
      'The workbook is protected by a password. Save it without one.',
    ],
    ['an .xls that was renamed', workbookNamed('old.xls'), 'This is an old workbook (.xls). Save it as .xlsx.'],
    [
      'an .xls or protected workbook whose kind stands far behind',
      Buffer.concat([Buffer.from('d0cf11e0a1b11ae1', 'hex'), randomBytes(4_000)]),
      'This is an old (.xls) or a password-protected workbook. Save it as .xlsx without a password.',
    ],
    ['noise', randomBytes(4_000), 'Only .xlsx and .csv'],
    ['text in UTF-32', Buffer.concat([Buffer.from('fffe0000', 'hex'), Buffer.alloc(400)]), 'UTF-32'],
  ])('%s is refused with what to do', async (_, bytes, message) => {
    expect(await refusalOf(bytes)).toContain(message)
  })

  it('an .xls under its own name is refused with what to do', async () => {
    expect(await refusalOf(workbookNamed('old.xls'), 'old.xls')).toContain('Save it as .xlsx.')
  })

  it.each([0.1, 0.5, 0.9, 0.99])('an upload that was cut off at %d of it is refused', async (part) => {
    const bytes = await workbookOf(() => [
      `<worksheet><sheetData>${cellsXml(1, header)}${cellsXml(2, named('A'))}</sheetData></worksheet>`,
    ])
    expect(await refusalOf(bytes.subarray(0, Math.floor(bytes.length * part)))).toContain('damaged')
  })

  it('a sheet whose end is missing is refused, also when its first rows can be read', async () => {
    const bytes = await workbookOf(() => [
      `<worksheet><sheetData>${cellsXml(1, header)}${cellsXml(2, named('A'))}<row r`,
    ])
    expect(await refusalOf(bytes)).toContain('cannot be read')
  })
})

/** Up to what the host takes, a large workbook is a workbook. */
describe('the parts of a workbook', () => {
  const sheetOf = (more = '') => [
    '<worksheet><sheetData>',
    cellsXml(1, header),
    cellsXml(2, named('A')).replace('</row>', `${more}</row>`),
    '</sheetData></worksheet>',
  ]

  it.each(['worksheets/', './worksheets/', '../xl/worksheets/', '/xl/worksheets/', '/xl/./worksheets/'])(
    'may be named from where they stand: %s',
    async (folder) => {
      const file = fileOf('risks.xlsx', await workbookAt(folder, () => sheetOf()))
      expect(await call('POST /import', { file })).toMatchObject({ data: { imported: 1 } })
    },
  )

  it.each(['../../elsewhere/', 'nowhere/'])('are missing where there is none: %s', async (folder) => {
    const file = fileOf('risks.xlsx', await workbookAt(folder, () => sheetOf()))
    const data = 'The file is damaged: a part of the workbook is missing.'
    expect(await call('POST /import', { file })).toMatchObject({ status: 400, data })
  })

  it.each(['0', '-1', 'x'])(
    'are missing where a cell names a text that is not there (%s): it is not taken for empty',
    async (at) => {
      const file = fileOf('risks.xlsx', await workbookOf(() => sheetOf(`<c r="F2" t="s"><v>${at}</v></c>`)))
      expect(await call('POST /import', { file })).toMatchObject({
        data: { imported: 0, errors: [{ row: 2, field: 'impact', message: 'Impact: The cell cannot be read' }] },
      })
    },
  )
})

describe('a workbook of nearly 50 MB', () => {
  const rowCount = 2_000
  /** Texts that cannot be packed much. */
  const workbook = (last: Record<string, unknown>): Promise<Buffer> =>
    workbookOf(function* () {
      yield `<worksheet><sheetData>${cellsXml(1, header)}`
      for (let n = 1; n <= rowCount; n += 1) {
        const risk_description = randomBytes(24_000).toString('base64')
        yield cellsXml(n + 1, named(`Risk ${n}`, { risk_description, ...(n === rowCount ? last : {}) }))
      }
      yield '</sheetData></worksheet>'
    })

  it('is imported whole', { timeout: 120_000 }, async () => {
    const bytes = await workbook({})
    expect(bytes.length).toBeGreaterThan(45_000_000)
    expect(bytes.length).toBeLessThan(50_000_000)
    const { data } = await call('POST /import', { file: fileOf('risks.xlsx', bytes) })
    expect(data).toMatchObject({ success: true, imported: rowCount })
    expect(await countStored()).toBe(rowCount)
  })

  it('is not imported at all when its last row is wrong', { timeout: 120_000 }, async () => {
    const { data } = await call('POST /import', { file: fileOf('risks.xlsx', await workbook({ severity: 'Huge' })) })
    expect(data).toMatchObject({ success: false, errors: [expect.objectContaining({ row: rowCount + 1 })] })
    expect(await countStored()).toBe(0)
  })
})

describe('a workbook of many sheets', () => {
  const notes = (): string[] => ['<worksheet><sheetData>', cellsXml(1, ['Notes']), '</sheetData></worksheet>']
  const risks = (): string[] => [
    `<worksheet><sheetData>${cellsXml(1, header)}${cellsXml(2, named('A'))}</sheetData></worksheet>`,
  ]
  const sheetsBefore = (count: number): Pieces[] => [...Array.from({ length: count }, () => notes), risks]

  it('is searched for the risks', { timeout: 60_000 }, async () => {
    const bytes = await workbookOf(...sheetsBefore(2_000))
    const { data } = await call('POST /import', { file: fileOf('risks.xlsx', bytes) })
    expect(data).toMatchObject({ success: true, imported: 1 })
  })

  it('is refused when they are more than anybody looks through', { timeout: 60_000 }, async () => {
    const bytes = await workbookOf(...sheetsBefore(5_000))
    expect(await call('POST /import', { file: fileOf('risks.xlsx', bytes) })).toMatchObject({
      status: 400,
      data: expect.stringContaining('too large') as string,
    })
    expect(await countStored()).toBe(0)
  })
})

describe('the template as Excel reads it', () => {
  it('keeps the limits of Excel, also with 5,000 people and their names', async () => {
    await application.sequelize.query(`INSERT INTO users (id, name, surname, email, organization_id)
      SELECT 1000 + n, 'Person, "the" ' || n, '=1+' || n || ' & <b>', 'person' || n || '@one.example', 1
      FROM generate_series(1, 5000) n`)
    const { buffer } = await call('GET /template')
    const sheet = await partOf(buffer as Uint8Array, 'xl/worksheets/sheet1.xml')
    const rules = [...sheet.matchAll(/<dataValidation ([^>]*)>(.*?)<\/dataValidation>/gs)]
    expect(rules).toHaveLength(13)
    for (const [, attributes = '', inside = ''] of rules) {
      const of = (name: string): string => new RegExp(` ${name}="([^"]*)"`).exec(` ${attributes}`)?.[1] ?? ''
      expect(of('sqref')).toMatch(/^([A-T])2:(?:\1)1048576$/)
      expect(of('errorTitle').length).toBeLessThanOrEqual(32)
      expect(of('promptTitle').length).toBeLessThanOrEqual(32)
      expect(of('error').length).toBeLessThanOrEqual(255)
      expect(of('prompt').length).toBeLessThanOrEqual(255)
      for (const [, formula = ''] of inside.matchAll(/<formula\d>(.*?)<\/formula\d>/g)) {
        expect(formula.length).toBeLessThanOrEqual(255)
      }
    }
    expect(sheet).toContain('Lists!$B$2:$B$5003')
    const workbook = await partOf(buffer as Uint8Array, 'xl/workbook.xml')
    expect([...workbook.matchAll(/<sheet [^>]*name="([^"]*)"/g)].map(([, name]) => name)).toEqual([
      'Risks',
      'Instructions',
      'Lists',
    ])
    const lists = await partOf(buffer as Uint8Array, 'xl/worksheets/sheet3.xml')
    expect(lists).not.toContain('<f>')
    await application.sequelize.query('DELETE FROM users WHERE id > 1000')
  })
})
