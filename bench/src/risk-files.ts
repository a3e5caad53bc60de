import { createWriteStream } from 'node:fs'
import path from 'node:path'
import { pipeline } from 'node:stream/promises'
import ExcelJS from 'exceljs'

const headers = ['Risk Name', 'Risk Owner', 'Risk Description', 'AI Lifecycle Phase', 'Likelihood', 'Severity']
const sentence = 'What could go wrong here and there '.repeat(4)

/** No two files have a risk in common: what is in the register already is not imported again. */
const riskAt = (index: number, file: string): string[] => [
  `Risk ${index} of ${path.basename(file)}`,
  'ada@measured.example',
  `${sentence}${index}`,
  'Deployment & integration',
  'Possible',
  'Minor',
]

/** Writes a file of risks as a spreadsheet program would save it. */
export async function writeRisks(file: string, kind: 'csv' | 'xlsx', rows: number): Promise<void> {
  if (kind === 'csv') return pipeline(linesOf(rows, file), createWriteStream(file))
  const workbook = new ExcelJS.stream.xlsx.WorkbookWriter({ filename: file, useSharedStrings: true })
  const sheet = workbook.addWorksheet('Risks')
  sheet.addRow(headers).commit()
  for (let index = 1; index <= rows; index += 1) sheet.addRow(riskAt(index, file)).commit()
  await workbook.commit()
}

function* linesOf(rows: number, file: string): Generator<string> {
  yield `${headers.join(',')}\n`
  for (let index = 1; index <= rows; index += 1) yield `${riskAt(index, file).join(',')}\n`
}
