import ExcelJS from 'exceljs'

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
