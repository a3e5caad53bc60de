import { posix } from 'node:path'
import { dateOfSerial, isDateFormat } from './excel-dates'
import { FileError } from './file-error'
import type { RawRow } from './read-table'
import { createTextList, type TextList } from './text-list'
import { attributeOf, decodeEscapes, elementPattern, elementsIn, textsIn, xmlElements } from './xml-elements'
import { decodeEntities, xmlEvents } from './xml-events'
import { openZip, type ZipArchive } from './zip-archive'

/** Texts are named by number from the cells, so all of them have to be there before the first row. */
const MAX_SHARED_CHARACTERS = 64 * 1024 * 1024
/** The template has 20; some room for columns that people add. */
const MAX_COLUMNS = 200

/** A sheet that a person can see. */
export interface Sheet {
  name: string
  /** Its rows with something in them, in order. @throws FileError */
  rows(): AsyncGenerator<RawRow>
}

/**
 * The visible sheets of a workbook, in order. exceljs is not used for reading: its stream reader parks sheets in
 * temporary files, which a plugin does not have, and cuts characters in two where a chunk ends; its other reader needs
 * ten times the memory and knows no limit.
 *
 * @throws FileError
 */
export async function readXlsx(bytes: Buffer): Promise<Sheet[]> {
  const archive = openZip(bytes)
  const workbookPath = await findWorkbook(archive)
  const targets = await readRelationships(archive, workbookPath)
  const { sheets, startsIn1904 } = await readWorkbook(archive, workbookPath)
  const pathOf = (type: string): string | undefined => {
    const target = targets.find((one) => one.type.endsWith(`/${type}`))?.target
    return target !== undefined && archive.has(target) ? target : undefined
  }
  const stylesPath = pathOf('styles')
  const dateStyles = stylesPath === undefined ? [] : await readDateStyles(archive, stylesPath)
  const stringsPath = pathOf('sharedStrings')
  let strings: Promise<TextList> | undefined
  return sheets.flatMap(({ name, relationship }) => {
    const target = targets.find(({ id }) => id === relationship)?.target
    if (target === undefined) return []
    const rows = async function* (): AsyncGenerator<RawRow> {
      strings ??= stringsPath === undefined ? Promise.resolve(createTextList()) : readStrings(archive, stringsPath)
      yield* readRows(archive, target, { strings: await strings, dateStyles, startsIn1904 })
    }
    return [{ name, rows }]
  })
}

async function findWorkbook(archive: ZipArchive): Promise<string> {
  if (archive.has('xl/workbook.xml')) return 'xl/workbook.xml'
  if (!archive.has('_rels/.rels')) throw new FileError('This is not an Excel workbook. Save it as .xlsx.')
  const main = (await readRelationships(archive, '')).find(({ type }) => type.endsWith('/officeDocument'))
  if (!main || !archive.has(main.target)) throw new FileError('This is not an Excel workbook. Save it as .xlsx.')
  return main.target
}

interface Relationship {
  id: string
  type: string
  /** Path in the archive. */
  target: string
}

async function readRelationships(archive: ZipArchive, path: string): Promise<Relationship[]> {
  const folder = path.slice(0, path.lastIndexOf('/') + 1)
  const relationships: Relationship[] = []
  for await (const events of xmlEvents(archive.read(`${folder}_rels/${path.slice(folder.length)}.rels`))) {
    for (const event of events) {
      if (event.kind !== 'open' || event.name !== 'Relationship') continue
      const { Id: id = '', Type: type = '', Target: target = '' } = event.attributes
      relationships.push({ id, type, target: posix.resolve('/', folder, target).slice(1) })
    }
  }
  return relationships
}

async function readWorkbook(
  archive: ZipArchive,
  path: string,
): Promise<{ sheets: { name: string; relationship: string }[]; startsIn1904: boolean }> {
  const sheets: { name: string; relationship: string }[] = []
  let startsIn1904 = false
  for await (const events of xmlEvents(archive.read(path))) {
    for (const event of events) {
      if (event.kind !== 'open') continue
      const { name = '', id = '', state = 'visible', date1904 } = event.attributes
      if (event.name === 'workbookPr') startsIn1904 = date1904 === '1' || date1904 === 'true'
      if (event.name === 'sheet' && state === 'visible') sheets.push({ name, relationship: id })
    }
  }
  return { sheets, startsIn1904 }
}

/** Which formats of cells show a number as a day, by their position. */
async function readDateStyles(archive: ZipArchive, path: string): Promise<boolean[]> {
  const codes = new Map<number, string>()
  const styles: boolean[] = []
  let inCellFormats = false
  for await (const events of xmlEvents(archive.read(path))) {
    for (const event of events) {
      if (event.kind === 'text') continue
      if (event.name === 'cellXfs') inCellFormats = event.kind === 'open'
      if (event.kind !== 'open') continue
      const id = Number(event.attributes.numFmtId ?? 0)
      if (event.name === 'numFmt') codes.set(id, event.attributes.formatCode ?? '')
      if (event.name === 'xf' && inCellFormats) styles.push(isDateFormat(id, codes.get(id)))
    }
  }
  return styles
}

async function readStrings(archive: ZipArchive, path: string): Promise<TextList> {
  const strings = createTextList()
  let characters = 0
  for await (const items of xmlElements(archive.read(path), 'sst', 'si')) {
    for (const { inside } of items) {
      const text = textsIn(inside)
      characters += text.length
      if (characters > MAX_SHARED_CHARACTERS) throw new FileError('The workbook has too much text. Split it.')
      strings.add(text)
    }
  }
  return strings
}

/** What cells refer to. */
interface Workbook {
  strings: TextList
  dateStyles: readonly boolean[]
  startsIn1904: boolean
}

/** A cell that names a text that is not there: it is no empty one, and `cellText` says so. */
const MISSING = {}

const CELLS = elementPattern('c')
const VALUES = elementPattern('v')

async function* readRows(archive: ZipArchive, path: string, workbook: Workbook): AsyncGenerator<RawRow> {
  const { startsIn1904 } = workbook
  let number = 0
  for await (const rows of xmlElements(archive.read(path), 'sheetData', 'row')) {
    for (const { attributes, inside } of rows) {
      number = Number(attributeOf(attributes, 'r')) || number + 1
      const values = valuesOf(inside, workbook)
      if (!values.some((value) => value !== undefined && value !== '')) continue
      yield startsIn1904 ? { number, values, startsIn1904 } : { number, values }
    }
  }
}

function valuesOf(row: string, workbook: Workbook): unknown[] {
  const values: unknown[] = []
  let column = -1
  for (const { attributes, inside } of elementsIn(row, CELLS)) {
    column = columnOf(attributeOf(attributes, 'r')) ?? column + 1
    if (column < MAX_COLUMNS && inside !== '') values[column] = valueOf(attributes, inside, workbook)
  }
  return values
}

function valueOf(attributes: string, inside: string, workbook: Workbook): unknown {
  const type = attributeOf(attributes, 't') ?? 'n'
  if (type === 'inlineStr') return textsIn(inside)
  const [found] = elementsIn(inside, VALUES)
  if (found === undefined || found.inside === '') {
    return /<(?:\w+:)?f[\s/>]/.test(inside) ? { formula: true, result: undefined } : undefined
  }
  const value = decodeEntities(found.inside)
  switch (type) {
    case 's':
      return workbook.strings.at(Number(value)) ?? MISSING
    case 'str':
      return decodeEscapes(value)
    case 'b':
      return value.trim() === '1'
    case 'e':
      return { error: value.trim() }
    case 'd':
      return value.trim()
    default:
      return numberOf(value, Number(attributeOf(attributes, 's') ?? 0), workbook)
  }
}

/** A number that is shown as a day is that day, also in a column of texts; others may be days in a column of dates. */
function numberOf(text: string, style: number, { dateStyles, startsIn1904 }: Workbook): number | Date | undefined {
  if (text.trim() === '') return undefined
  const number = Number(text)
  return dateStyles[style] === true ? (dateOfSerial(number, startsIn1904) ?? number) : number
}

/** `C7` is column 2. */
function columnOf(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0]
  if (letters === undefined) return undefined
  return [...letters].reduce((column, letter) => column * 26 + letter.charCodeAt(0) - 64, 0) - 1
}
