import { cellText } from './cell-text'
import type { RowError, SheetRow } from './check-rows'
import { type Column, columns } from './columns'
import { DAYS_FROM_1900_TO_1904 } from './excel-dates'
import type { Judge } from './import-risks'
import type { People } from './people'
import { buildTemplate } from './template'
import { type Cell, type CellValue, rowXml, type StyleName } from './write-workbook'

/**
 * The rows of a file as a workbook like the template, to be corrected in place: cells with mistakes are marked, and the
 * last column says what is wrong. The rows go into the sheet as they are read, so that they are never all in memory.
 *
 * @throws FileError
 */
export function buildCorrections(
  rows: AsyncIterable<SheetRow> | Iterable<SheetRow>,
  judge: Judge,
  people: People,
): Promise<Buffer> {
  return buildTemplate({ people, corrections: correctionRows(rows, judge) })
}

async function* correctionRows(
  rows: AsyncIterable<SheetRow> | Iterable<SheetRow>,
  judge: Judge,
): AsyncGenerator<string> {
  let number = 1
  for await (const row of rows) {
    const verdict = judge(row)
    if (verdict === undefined || verdict === 'sample') continue
    number += 1
    yield rowXml(number, cellsOf(row, 'errors' in verdict ? verdict.errors : []))
  }
}

function cellsOf({ cells, startsIn1904 }: SheetRow, errors: readonly RowError[]): Cell[] {
  const inColumns = columns.map((column): Cell => {
    const style = styleOf(
      column,
      errors.some(({ field }) => field === column.key),
    )
    return { value: valueOf(cells[column.key], column, startsIn1904), ...(style === undefined ? {} : { style }) }
  })
  return [...inColumns, { value: errors.map(({ message }) => message).join('\n') }]
}

function styleOf({ holds }: Column, isMistake: boolean): StyleName | undefined {
  if (holds.kind === 'date') return isMistake ? 'mistakenDate' : 'date'
  return isMistake ? 'mistake' : undefined
}

/** The workbook with corrections counts days from 1900, wherever they come from. */
function valueOf(value: unknown, { holds }: Column, startsIn1904 = false): CellValue {
  if (typeof value === 'number' && Number.isFinite(value)) {
    return startsIn1904 && holds.kind === 'date' ? value + DAYS_FROM_1900_TO_1904 : value
  }
  const read = cellText(value)
  return 'text' in read ? read.text : ''
}
