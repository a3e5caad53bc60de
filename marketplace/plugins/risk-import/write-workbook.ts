import { writeZip, type ZipEntry } from './write-zip'

/** A cell's number or text, always as such: what starts with = is shown, and not worked out. Nothing for ''. */
export type CellValue = string | number

export interface Cell {
  value: CellValue
  style?: StyleName
}

export interface Rule {
  /** A range over a column: one rule for all of its cells. */
  cells: string
  kind: 'list' | 'date'
  /** A range for a list, a day for a date, as Excel writes both. */
  formula: string
  title: string
  /** Whoever enters something else is told so, and cannot. */
  refusal?: string
  /** Shown beside the cell. */
  advice?: string
}

export interface Sheet {
  name: string
  isHidden?: boolean
  /** Width in characters, and the style of cells that nobody has filled in yet. */
  columns?: readonly { width: number; style?: StyleName }[]
  /** The first row stays where it is, and is higher. */
  hasHeader?: boolean
  /** `<row>` elements, as {@link rowXml} makes them. */
  rows: Iterable<string> | AsyncIterable<string>
  rules?: readonly Rule[]
}

const HEADER_HEIGHT = 25
const CHUNK_CHARACTERS = 256 * 1024
/** Excel cuts a cell there. */
const MAX_CELL_CHARACTERS = 32_767
const DATE_FORMAT_ID = 164

/** In the order of `cellXfs` below: cells name them by number. */
const styles = {
  plain: '',
  header: ' fontId="1" fillId="2" applyFont="1" applyFill="1" applyAlignment="1"',
  date: ` numFmtId="${DATE_FORMAT_ID}" applyNumberFormat="1"`,
  wrapped: ' applyAlignment="1"',
  mistake: ' fillId="3" applyFill="1"',
  mistakenDate: ` numFmtId="${DATE_FORMAT_ID}" applyNumberFormat="1" fillId="3" applyFill="1"`,
} as const

export type StyleName = keyof typeof styles

const alignments: Partial<Record<StyleName, string>> = {
  header: '<alignment horizontal="center" vertical="center"/>',
  wrapped: '<alignment vertical="top" wrapText="1"/>',
}
const styleNames = Object.keys(styles) as StyleName[]

const XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const RELATIONS = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
const PACKAGE = 'http://schemas.openxmlformats.org/package/2006'
const TYPES = 'application/vnd.openxmlformats-officedocument.spreadsheetml'

/**
 * A workbook (ECMA-376), with nothing in it but what is asked for: a library's file has a theme and properties besides,
 * and takes fifty times as long, most of it for objects of cells that are empty.
 */
export function writeWorkbook(sheets: readonly Sheet[]): Promise<Buffer> {
  return writeZip(entriesOf(sheets))
}

/** One row; cells without a value are left out, unless they have a style. */
export function rowXml(number: number, cells: readonly (Cell | undefined)[], attributes = ''): string {
  const inside = cells.map((cell, index) => (cell ? cellXml(`${letterOf(index)}${number}`, cell) : ''))
  return `<row r="${number}"${attributes}>${inside.join('')}</row>`
}

/** The first row of a sheet that has a header. */
export function headerXml(titles: readonly string[]): string {
  const cells = titles.map((value): Cell => ({ value, style: 'header' }))
  return rowXml(1, cells, ` ht="${HEADER_HEIGHT}" customHeight="1"`)
}

/** 0 is A; there are no more than 26. */
export function letterOf(index: number): string {
  return String.fromCharCode(65 + index)
}

function* entriesOf(sheets: readonly Sheet[]): Generator<ZipEntry> {
  yield entry('[Content_Types].xml', contentTypes(sheets))
  yield entry('_rels/.rels', relations([['officeDocument', 'xl/workbook.xml']]))
  yield entry('xl/workbook.xml', workbookXml(sheets))
  const parts = sheets.map((_, index): [string, string] => ['worksheet', `worksheets/sheet${index + 1}.xml`])
  yield entry('xl/_rels/workbook.xml.rels', relations([...parts, ['styles', 'styles.xml']]))
  yield entry('xl/styles.xml', stylesXml())
  for (const [index, sheet] of sheets.entries()) {
    yield { name: `xl/worksheets/sheet${index + 1}.xml`, content: inPieces(sheetXml(sheet)) }
  }
}

function entry(name: string, xml: string): ZipEntry {
  return { name, content: [Buffer.from(XML + xml)] }
}

function contentTypes(sheets: readonly Sheet[]): string {
  const parts = [
    ['/xl/workbook.xml', 'sheet.main'],
    ...sheets.map((_, index) => [`/xl/worksheets/sheet${index + 1}.xml`, 'worksheet']),
    ['/xl/styles.xml', 'styles'],
  ]
  const overrides = parts.map(([part, type]) => `<Override PartName="${part}" ContentType="${TYPES}.${type}+xml"/>`)
  return (
    `<Types xmlns="${PACKAGE}/content-types">` +
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
    `${overrides.join('')}</Types>`
  )
}

function relations(targets: readonly [type: string, target: string][]): string {
  const all = targets.map(
    ([type, target], index) => `<Relationship Id="rId${index + 1}" Type="${RELATIONS}/${type}" Target="${target}"/>`,
  )
  return `<Relationships xmlns="${PACKAGE}/relationships">${all.join('')}</Relationships>`
}

function workbookXml(sheets: readonly Sheet[]): string {
  const all = sheets.map(({ name, isHidden }, index) => {
    const state = isHidden ? ' state="hidden"' : ''
    return `<sheet name="${escapeXml(name)}" sheetId="${index + 1}"${state} r:id="rId${index + 1}"/>`
  })
  return `<workbook xmlns="${MAIN}" xmlns:r="${RELATIONS}"><sheets>${all.join('')}</sheets></workbook>`
}

function stylesXml(): string {
  const font = '<sz val="11"/>'
  const family = '<name val="Calibri"/><family val="2"/>'
  const solid = (argb: string): string =>
    `<fill><patternFill patternType="solid"><fgColor rgb="${argb}"/></patternFill></fill>`
  const formats = styleNames.map((name) => {
    const alignment = alignments[name]
    return `<xf xfId="0" borderId="0"${styles[name]}${alignment ? `>${alignment}</xf>` : '/>'}`
  })
  return (
    `<styleSheet xmlns="${MAIN}">` +
    `<numFmts count="1"><numFmt numFmtId="${DATE_FORMAT_ID}" formatCode="yyyy-mm-dd"/></numFmts>` +
    `<fonts count="2"><font>${font}${family}</font><font><b/>${font}<color rgb="FFFFFFFF"/>${family}</font></fonts>` +
    '<fills count="4"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>' +
    `${solid('FF13715B')}${solid('FFFDE2E1')}</fills>` +
    '<borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs>' +
    `<cellXfs count="${formats.length}">${formats.join('')}</cellXfs>` +
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
  )
}

/** The parts of a sheet stand in the order that the standard gives them. */
async function* sheetXml({ columns = [], hasHeader = false, rows, rules = [] }: Sheet): AsyncGenerator<string> {
  yield `${XML}<worksheet xmlns="${MAIN}">`
  if (hasHeader) {
    const pane = '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/>'
    yield `<sheetViews><sheetView workbookViewId="0">${pane}</sheetView></sheetViews>`
  }
  if (columns.length > 0) yield `<cols>${columns.map(columnXml).join('')}</cols>`
  yield '<sheetData>'
  yield* rows
  yield '</sheetData>'
  if (rules.length > 0)
    yield `<dataValidations count="${rules.length}">${rules.map(ruleXml).join('')}</dataValidations>`
  yield '</worksheet>'
}

function columnXml({ width, style }: { width: number; style?: StyleName }, index: number): string {
  const number = index + 1
  return `<col min="${number}" max="${number}" width="${width}" customWidth="1"${styleAttribute('style', style)}/>`
}

function ruleXml({ cells, kind, formula, title, refusal, advice }: Rule): string {
  const name = escapeXml(title)
  const error = refusal && ` showErrorMessage="1" errorTitle="${name}" error="${escapeXml(refusal)}"`
  const prompt = advice && ` showInputMessage="1" promptTitle="${name}" prompt="${escapeXml(advice)}"`
  const operator = kind === 'date' ? ' operator="greaterThan"' : ''
  return (
    `<dataValidation type="${kind}"${operator} allowBlank="1"${error ?? ''}${prompt ?? ''} sqref="${cells}">` +
    `<formula1>${escapeXml(formula)}</formula1></dataValidation>`
  )
}

function cellXml(reference: string, { value, style }: Cell): string {
  const attributes = `r="${reference}"${styleAttribute('s', style)}`
  if (typeof value === 'number' && Number.isFinite(value)) return `<c ${attributes}><v>${value}</v></c>`
  const text = String(value).slice(0, MAX_CELL_CHARACTERS)
  if (text === '') return style === undefined ? '' : `<c ${attributes}/>`
  const space = text.trim() === text && !text.includes('\n') ? '' : ' xml:space="preserve"'
  return `<c ${attributes} t="inlineStr"><is><t${space}>${escapeXml(text)}</t></is></c>`
}

function styleAttribute(name: 's' | 'style', style: StyleName | undefined): string {
  return style === undefined || style === 'plain' ? '' : ` ${name}="${styleNames.indexOf(style)}"`
}

/** What XML cannot hold is written as Excel writes it. */
function escapeXml(text: string): string {
  return text
    .replace(/_x(?=[0-9A-Fa-f]{4}_)/g, '_x005F_x')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;')
    .replace(/"/g, '&quot;')
    .replace(CONTROLS, (character) => `_x${character.charCodeAt(0).toString(16).padStart(4, '0').toUpperCase()}_`)
}

// eslint-disable-next-line no-control-regex -- these are what it is about
const CONTROLS = /[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g

async function* inPieces(texts: AsyncIterable<string>): AsyncGenerator<Uint8Array> {
  let piece = ''
  for await (const text of texts) {
    piece += text
    if (piece.length < CHUNK_CHARACTERS) continue
    yield Buffer.from(piece)
    piece = ''
  }
  yield Buffer.from(piece)
}
