import { execFile } from 'node:child_process'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ExcelJS from 'exceljs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkRow } from './check-rows'
import { peopleOf } from './people'
import { readFile as readRisks } from './read-file'
import { buildTemplate } from './template'
import { openZip } from './zip-archive'

/** LibreOffice, where there is one: the gate sets it. */
const program = process.env.TENON_SPREADSHEET
const people = peopleOf([
  { id: 1, name: 'Ada', surname: 'Okafor', email: 'ada@one.example' },
  { id: 2, name: 'Ben, Jr.', surname: 'O\'Neill "BJ"', email: 'ben@one.example' },
])

/** exceljs would hold a rule for each of a million cells of a column. */
const WITHOUT_RULES = { ignoreNodes: ['dataValidations'] }

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenon-spreadsheet-'))
  await chmod(folder, 0o711)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Opens a workbook and saves it, as a person does. */
async function saved(bytes: Uint8Array, format: 'xlsx' | 'csv'): Promise<Buffer> {
  await writeFile(join(folder, 'risks.xlsx'), bytes)
  const profile = `-env:UserInstallation=file://${join(folder, 'profile')}`
  const out = join(folder, 'out')
  const args = [
    '--headless',
    '--norestore',
    profile,
    '--convert-to',
    format,
    '--outdir',
    out,
    join(folder, 'risks.xlsx'),
  ]
  await promisify(execFile)(program ?? '', args, { timeout: 100_000 })
  return readFile(join(out, `risks.${format}`))
}

async function filledTemplate(): Promise<Uint8Array> {
  const workbook = new ExcelJS.Workbook()
  await workbook.xlsx.load((await buildTemplate({ people })) as unknown as ExcelJS.Buffer, WITHOUT_RULES)
  const sheet = workbook.getWorksheet('Risks') as ExcelJS.Worksheet
  sheet.getRow(3).values = [
    'Größe; "x"',
    people.all[1] && 'ben@one.example',
    'Monitoring & maintenance',
    'Two\nlines',
    '',
  ]
  sheet.getCell('G3').value = 'Likely'
  sheet.getCell('H3').value = 'Major'
  sheet.getCell('L3').value = new Date('2031-02-03T00:00:00Z')
  return new Uint8Array(await workbook.xlsx.writeBuffer())
}

describe.skipIf(program === undefined)('a spreadsheet program', () => {
  it('opens the template and keeps its rules and its hidden lists', { timeout: 120_000 }, async () => {
    const bytes = await saved(await buildTemplate({ people }), 'xlsx')
    const workbook = new ExcelJS.Workbook()
    await workbook.xlsx.load(bytes as unknown as ExcelJS.Buffer, WITHOUT_RULES)
    expect(workbook.getWorksheet('Lists')?.state).toBe('hidden')
    const chunks: Buffer[] = []
    for await (const chunk of openZip(bytes).read('xl/worksheets/sheet1.xml')) chunks.push(chunk)
    const rules =
      Buffer.concat(chunks)
        .toString()
        .match(/<dataValidation [^>]*>.*?<\/dataValidation>/gs) ?? []
    const ruleOf = (column: string): string | undefined => rules.find((rule) => rule.includes(`sqref="${column}2:`))
    // It writes them down to a thousand rows below the last one that is used, and a second formula, which a list does not use.
    expect(ruleOf('B')).toMatch(/sqref="B2:B1002".* type="list".*<formula1>Lists!\$B\$2:\$B\$3<\/formula1>/s)
    expect(ruleOf('L')).toMatch(/sqref="L2:L1002".* type="date"/)
    expect(workbook.getWorksheet('Lists')?.getCell('B3').text).toContain('Ben, Jr. O\'Neill "BJ"')
  })

  it.each(['xlsx', 'csv'] as const)('saves as %s what can be imported', { timeout: 120_000 }, async (format) => {
    const buffer = await saved(await filledTemplate(), format)
    const { rows } = await readRisks({ name: `risks.${format}`, size: buffer.length, pieces: () => [buffer] })
    const checked = []
    for await (const row of rows) checked.push(checkRow(row, people))
    expect(checked).toMatchObject([
      { kind: 'sample' },
      {
        kind: 'risk',
        risk: { risk_name: 'Größe; "x"', risk_owner: 2, likelihood: 'Likely', deadline: '2031-02-03T00:00:00Z' },
      },
    ])
  })
})
