import ExcelJS from 'exceljs'
import { type Column, columns, headerOf, PROBLEMS_TITLE } from './columns'
import { MAX_ROWS } from './import-limits'
import { labelOf, type People } from './people'

const HEADER_COLOR = 'FF13715B'
const MISTAKE_COLOR = 'FFFDE2E1'
const DATE_FORMAT = 'yyyy-mm-dd'
const RISKS_SHEET = 'Risks'
const LISTS_SHEET = 'Lists'
const FIRST_ROW = 2
/**
 * Where dropdowns and date rules end: each is one range over its column. Not the last row of Excel, because common
 * libraries (exceljs among them) hold a rule for every cell of a range, and a million of them ends a program.
 */
const LAST_ROW = 10_001

export interface TemplateContent {
  people: People
  /** Instead of the example: a second row with the styles that {@link CORRECTION_STYLES} names, and a last column. */
  forCorrections?: boolean
}

/** Columns of the second row whose cells have the style of a mistake, of a mistake in a date, and of a date. */
export const CORRECTION_STYLES = { mistake: 'A', mistakenDate: 'B', date: 'C' } as const

/**
 * Builds the workbook that people fill in. The values of a dropdown stand on a hidden sheet and are referred to by range:
 * written into the cell they may have 255 characters in all, and a comma in a name would make two values of it.
 */
export async function buildTemplate({ people, forCorrections = false }: TemplateContent): Promise<Buffer> {
  const workbook = new ExcelJS.Workbook()
  const risks = workbook.addWorksheet(RISKS_SHEET, { views: [{ state: 'frozen', xSplit: 0, ySplit: 1 }] })
  risks.columns = columns.map((column) => ({ key: column.key, header: headerOf(column), width: column.width }))
  if (forCorrections) addProblemsColumn(risks)
  styleHeader(risks.getRow(1))
  addInstructions(workbook)
  const lists = workbook.addWorksheet(LISTS_SHEET, { state: 'hidden' })
  columns.forEach((column, index) => prepareColumn(column, index + 1, { risks, lists, people }))
  if (forCorrections) addStyles(risks)
  else risks.addRow(sampleRow(people))
  return Buffer.from(await workbook.xlsx.writeBuffer())
}

interface Sheets {
  risks: ExcelJS.Worksheet
  lists: ExcelJS.Worksheet
  people: People
}

function prepareColumn(column: Column, number: number, { risks, lists, people }: Sheets): void {
  const letter = risks.getColumn(number).letter
  const cells = `${letter}${FIRST_ROW}:${letter}${LAST_ROW}`
  const validations = validationsOf(risks)
  if (column.holds.kind === 'date') {
    risks.getColumn(number).numFmt = DATE_FORMAT
    return validations.add(cells, dateValidation(column))
  }
  const values = listOf(column, people)
  if (values.length === 0) return
  lists.getColumn(number).values = [column.title, ...values]
  const range = `${LISTS_SHEET}!$${letter}$2:$${letter}$${values.length + 1}`
  validations.add(cells, listValidation(column, range))
}

function listOf({ holds }: Column, people: People): readonly string[] {
  if (holds.kind === 'person') return people.all.map(labelOf)
  return holds.kind === 'choice' || holds.kind === 'choices' ? holds.values : []
}

function listValidation({ title, holds }: Column, range: string): ExcelJS.DataValidation {
  // Several values can only be typed, so the list is an offer there and no rule; the import checks them.
  const single = holds.kind !== 'choices'
  return {
    type: 'list',
    allowBlank: true,
    formulae: [range],
    showErrorMessage: single,
    errorStyle: 'error',
    errorTitle: title,
    error: 'Please choose a value from the list.',
    ...(single
      ? {}
      : { showInputMessage: true, promptTitle: title, prompt: 'Several values: separate them by commas.' }),
  }
}

function dateValidation({ title }: Column): ExcelJS.DataValidation {
  return {
    type: 'date',
    operator: 'greaterThan',
    allowBlank: true,
    formulae: [new Date(Date.UTC(1900, 0, 1))],
    showErrorMessage: true,
    errorStyle: 'error',
    errorTitle: title,
    error: 'Please enter a date as yyyy-mm-dd.',
  }
}

function styleHeader(row: ExcelJS.Row): void {
  row.height = 25
  row.eachCell((cell) => {
    cell.font = { bold: true, color: { argb: 'FFFFFFFF' } }
    cell.fill = solid(HEADER_COLOR)
    cell.alignment = { vertical: 'middle', horizontal: 'center' }
  })
}

function sampleRow({ all }: People): Record<string, string | Date> {
  const [somebody] = all
  return Object.fromEntries(
    columns.map(({ key, holds, sample }) => {
      if (holds.kind === 'person') return [key, somebody ? labelOf(somebody) : '']
      return [key, holds.kind === 'date' ? new Date(`${sample}T00:00:00Z`) : sample]
    }),
  )
}

function addProblemsColumn(sheet: ExcelJS.Worksheet): void {
  const cell = sheet.getRow(1).getCell(columns.length + 1)
  cell.value = PROBLEMS_TITLE
  sheet.getColumn(columns.length + 1).width = 60
}

function addStyles(sheet: ExcelJS.Worksheet): void {
  const { mistake, mistakenDate, date } = CORRECTION_STYLES
  for (const letter of [mistake, mistakenDate, date]) sheet.getCell(`${letter}2`).value = ''
  for (const letter of [mistake, mistakenDate]) sheet.getCell(`${letter}2`).fill = solid(MISTAKE_COLOR)
  for (const letter of [mistakenDate, date]) sheet.getCell(`${letter}2`).numFmt = DATE_FORMAT
}

function addInstructions(workbook: ExcelJS.Workbook): void {
  const sheet = workbook.addWorksheet('Instructions', { views: [{ state: 'frozen', xSplit: 0, ySplit: 1 }] })
  sheet.columns = [
    { header: 'Column', key: 'column', width: 26 },
    { header: 'Required', key: 'required', width: 12 },
    { header: 'What to enter', key: 'content', width: 100 },
  ]
  styleHeader(sheet.getRow(1))
  for (const column of columns) {
    const row = sheet.addRow({
      column: column.title,
      required: column.required ? 'yes' : 'no',
      content: describe(column),
    })
    row.alignment = { wrapText: true, vertical: 'top' }
  }
  sheet.addRow({})
  for (const content of [
    'Fill in the sheet "Risks" and upload this file. Either all rows are imported, or none and you see what is wrong where.',
    'The sample row is skipped unless you change its name or description.',
    `One file may have ${MAX_ROWS.toLocaleString('en')} rows. Dropdowns reach down to row ${LAST_ROW.toLocaleString('en')}.`,
  ]) {
    sheet.addRow({ content })
  }
}

function describe({ holds }: Column): string {
  switch (holds.kind) {
    case 'text':
      return `Text, up to ${holds.maxLength} characters`
    case 'choice':
      return `One of: ${holds.values.join(', ')}`
    case 'choices':
      return `One or more of these, separated by commas: ${holds.values.join(', ')}`
    case 'person':
      return 'A person of your organization: from the list, or an email address'
    case 'date':
      return 'A date as yyyy-mm-dd'
  }
}

function solid(argb: string): ExcelJS.FillPattern {
  return { type: 'pattern', pattern: 'solid', fgColor: { argb } }
}

/** exceljs takes a range here, which is one line of XML instead of one for each cell; its types do not know of it. */
function validationsOf(sheet: ExcelJS.Worksheet): { add(cells: string, validation: ExcelJS.DataValidation): void } {
  return (sheet as unknown as { dataValidations: { add(cells: string, validation: ExcelJS.DataValidation): void } })
    .dataValidations
}
