import { type Column, columns, headerOf, PROBLEMS_TITLE } from './columns'
import { MAX_ROWS } from './import-limits'
import { labelOf, type People } from './people'
import { type Cell, headerXml, letterOf, type Rule, rowXml, type Sheet, writeWorkbook } from './write-workbook'

const RISKS_SHEET = 'Risks'
const LISTS_SHEET = 'Lists'
const FIRST_ROW = 2
/** The last one of a sheet: dropdowns and date rules are one range over the whole of their column. */
const LAST_ROW = 1_048_576
const PROBLEMS_WIDTH = 60
const DAY_MS = 86_400_000
/** Excel counts days from here, and takes 1900 for a leap year. */
const FIRST_DAY_MS = Date.UTC(1899, 11, 30)

export interface TemplateContent {
  people: People
  /** `<row>` elements from the second row on, instead of the sample; there is a last column for their problems then. */
  corrections?: AsyncIterable<string>
}

/**
 * Builds the workbook that people fill in. The values of a dropdown stand on a hidden sheet and are referred to by range:
 * written into the cell they may have 255 characters in all, and a comma in a name would make two values of it.
 */
export function buildTemplate({ people, corrections }: TemplateContent): Promise<Buffer> {
  const lists = columns.map((column) => listOf(column, people))
  const titles = [...columns.map(headerOf), ...(corrections ? [PROBLEMS_TITLE] : [])]
  const widths = columns.map(({ width, holds }) =>
    holds.kind === 'date' ? { width, style: 'date' as const } : { width },
  )
  const risks: Sheet = {
    name: RISKS_SHEET,
    hasHeader: true,
    columns: corrections ? [...widths, { width: PROBLEMS_WIDTH }] : widths,
    rows: withHeader(titles, corrections ?? [rowXml(FIRST_ROW, sampleRow(people))]),
    rules: columns.flatMap((column, index) => ruleOf(column, letterOf(index), lists[index] ?? [])),
  }
  return writeWorkbook([risks, instructions(), { name: LISTS_SHEET, isHidden: true, rows: listRows(lists) }])
}

async function* withHeader(titles: readonly string[], rows: Iterable<string> | AsyncIterable<string>) {
  yield headerXml(titles)
  yield* rows
}

function listOf({ holds }: Column, people: People): readonly string[] {
  if (holds.kind === 'person') return people.all.map(labelOf)
  return holds.kind === 'choice' || holds.kind === 'choices' ? holds.values : []
}

/** A list for each column below its title, beside each other. */
function* listRows(lists: readonly (readonly string[])[]): Generator<string> {
  const filled = lists.map((values, index) => (values.length > 0 ? [columns[index]?.title ?? '', ...values] : []))
  const longest = Math.max(...filled.map(({ length }) => length))
  for (let row = 0; row < longest; row += 1) {
    yield rowXml(
      row + 1,
      filled.map((values) => ({ value: values[row] ?? '' })),
    )
  }
}

function ruleOf({ title, holds }: Column, letter: string, list: readonly string[]): Rule[] {
  const cells = `${letter}${FIRST_ROW}:${letter}${LAST_ROW}`
  if (holds.kind === 'date') {
    const refusal = 'Please enter a date as yyyy-mm-dd.'
    return [{ cells, kind: 'date', formula: String(dayOf('1900-01-01')), title, refusal }]
  }
  if (list.length === 0) return []
  const formula = `${LISTS_SHEET}!$${letter}$2:$${letter}$${list.length + 1}`
  // Several values can only be typed, so the list is an offer there and no rule; the import checks them.
  const told =
    holds.kind === 'choices'
      ? { advice: 'Several values: separate them by commas.' }
      : { refusal: 'Please choose a value from the list.' }
  return [{ cells, kind: 'list', formula, title, ...told }]
}

function sampleRow({ all }: People): Cell[] {
  const [somebody] = all
  return columns.map(({ holds, sample }) => {
    if (holds.kind === 'person') return { value: somebody ? labelOf(somebody) : '' }
    return holds.kind === 'date' ? { value: dayOf(sample), style: 'date' } : { value: sample }
  })
}

function dayOf(date: string): number {
  return (Date.parse(`${date}T00:00:00Z`) - FIRST_DAY_MS) / DAY_MS
}

function instructions(): Sheet {
  const columnRows = columns.map((column) => [column.title, column.required ? 'yes' : 'no', describe(column)])
  const hints = [
    'Fill in the sheet "Risks" and upload this file. Either all rows are imported, or none and you see what is wrong where.',
    'The sample row is skipped unless you change its name or description.',
    `One file may have ${MAX_ROWS.toLocaleString('en')} rows. Dropdowns are in every row.`,
  ]
  const hintsFrom = columnRows.length + 3
  return {
    name: 'Instructions',
    hasHeader: true,
    columns: [{ width: 26 }, { width: 12 }, { width: 100 }],
    rows: [
      headerXml(['Column', 'Required', 'What to enter']),
      ...columnRows.map((texts, index) =>
        rowXml(
          index + 2,
          texts.map((value) => ({ value, style: 'wrapped' })),
        ),
      ),
      ...hints.map((value, index) => rowXml(hintsFrom + index, [undefined, undefined, { value }])),
    ],
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
