import ExcelJS from 'exceljs'
import JSZip from 'jszip'

/** A column of the template: dropdowns and dates have rules. */
export interface TemplateColumn {
  header: string
  width: number
  kind: 'text' | 'list' | 'date'
  values: readonly string[]
}

const lastRow = 1_000

/** A workbook in the way of the guide's template: a rule for each cell of 999 rows, the values of a list written into it. */
export async function buildCellByCell(columns: readonly TemplateColumn[]): Promise<Uint8Array> {
  const workbook = new ExcelJS.Workbook()
  const sheet = workbook.addWorksheet('Data Import')
  sheet.columns = columns.map(({ header, width }) => ({ header, width }))
  const header = sheet.getRow(1)
  header.font = { bold: true, color: { argb: 'FFFFFFFF' } }
  header.fill = { type: 'pattern', pattern: 'solid', fgColor: { argb: 'FF13715B' } }
  header.alignment = { vertical: 'middle', horizontal: 'center' }
  header.height = 25
  columns.forEach((column, index) => addRules(sheet, index + 1, column))
  sheet.views = [{ state: 'frozen', xSplit: 0, ySplit: 1 }]
  sheet.addRow(columns.map(({ values }) => values[0] ?? ''))
  return new Uint8Array(await workbook.xlsx.writeBuffer())
}

const sheetPart = 'xl/worksheets/sheet1.xml'

/** The same workbook as it is where nobody makes one rule of those of neighbours, as exceljs does when it writes. */
export async function unmergeRules(workbook: Uint8Array): Promise<Uint8Array> {
  const zip = await JSZip.loadAsync(workbook)
  const xml = (await zip.file(sheetPart)?.async('string')) ?? ''
  const unmerged = xml.replace(
    /<dataValidation [^>]*sqref="([A-Z]+)(\d+):\1(\d+)"[^>]*>.*?<\/dataValidation>/gs,
    (rule, column: string, first: string, last: string) => {
      const rows = Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index)
      return rows.map((row) => rule.replace(/sqref="[^"]*"/, `sqref="${column}${row}"`)).join('')
    },
  )
  zip.file(sheetPart, unmerged)
  return zip.generateAsync({ type: 'uint8array', compression: 'DEFLATE' })
}

function addRules(sheet: ExcelJS.Worksheet, number: number, { kind, values }: TemplateColumn): void {
  if (kind === 'text') return
  for (let row = 2; row <= lastRow; row += 1) {
    const cell = sheet.getCell(row, number)
    cell.dataValidation = kind === 'list' ? listRule(values) : dateRule()
    if (kind === 'date') cell.numFmt = 'yyyy-mm-dd'
  }
}

function listRule(values: readonly string[]): ExcelJS.DataValidation {
  return {
    type: 'list',
    allowBlank: true,
    formulae: [`"${values.join(',')}"`],
    showErrorMessage: true,
    errorStyle: 'error',
    errorTitle: 'Invalid Value',
    error: 'Please select from dropdown',
  }
}

function dateRule(): ExcelJS.DataValidation {
  return {
    type: 'date',
    allowBlank: true,
    operator: 'greaterThan',
    formulae: [new Date(1900, 0, 1)],
    showErrorMessage: true,
    errorTitle: 'Invalid Date',
    error: 'Please enter valid date',
  }
}
