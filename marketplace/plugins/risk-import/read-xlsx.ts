import { FileError } from './file-error'
import type { RawRow } from './read-table'
import { xmlEvents } from './xml-events'
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
  const stringsPath = targets.find(({ type }) => type.endsWith('/sharedStrings'))?.target
  let strings: Promise<string[]> | undefined
  return sheets.flatMap(({ name, relationship }) => {
    const target = targets.find(({ id }) => id === relationship)?.target
    if (target === undefined) return []
    const rows = async function* (): AsyncGenerator<RawRow> {
      strings ??=
        stringsPath !== undefined && archive.has(stringsPath) ? readStrings(archive, stringsPath) : Promise.resolve([])
      yield* readRows(archive, target, await strings, startsIn1904)
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
      relationships.push({ id, type, target: target.startsWith('/') ? target.slice(1) : folder + target })
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

async function readStrings(archive: ZipArchive, path: string): Promise<string[]> {
  const strings: string[] = []
  const reader = createTextReader()
  let characters = 0
  for await (const events of xmlEvents(archive.read(path))) {
    for (const event of events) {
      reader.push(event)
      if (event.kind !== 'close' || event.name !== 'si') continue
      const text = reader.take()
      characters += text.length
      if (characters > MAX_SHARED_CHARACTERS) throw new FileError('The workbook has too much text. Split it.')
      strings.push(text)
    }
  }
  return strings
}

/** Collects what stands in `<t>`, rich text included, without the reading aids of Asian scripts (`<rPh>`). */
function createTextReader(): { push(event: { kind: string; name?: string; text?: string }): void; take(): string } {
  let text = ''
  let inText = false
  let inAid = false
  return {
    push({ kind, name, text: piece = '' }) {
      if (name === 'rPh') inAid = kind === 'open'
      if (name === 't') inText = kind === 'open'
      if (kind === 'text' && inText && !inAid) text += piece
    },
    take() {
      const taken = decodeEscapes(text)
      text = ''
      return taken
    },
  }
}

/** Excel writes what XML cannot hold as `_x000D_`. */
function decodeEscapes(text: string): string {
  return text.includes('_x')
    ? text.replace(/_x([0-9A-Fa-f]{4})_/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
    : text
}

interface Cell {
  column: number
  type: string
  value: string | undefined
  hasFormula: boolean
}

async function* readRows(
  archive: ZipArchive,
  path: string,
  strings: readonly string[],
  startsIn1904: boolean,
): AsyncGenerator<RawRow> {
  const reader = createTextReader()
  let number = 0
  let values: unknown[] = []
  let cell: Cell | undefined
  let inValue = false

  for await (const events of xmlEvents(archive.read(path))) {
    const rows: RawRow[] = []
    for (const event of events) {
      if (cell) reader.push(event)
      if (event.kind === 'text') {
        if (cell && inValue) cell.value = (cell.value ?? '') + event.text
        continue
      }
      const opens = event.kind === 'open'
      if (event.name === 'v') inValue = opens
      else if (opens && event.name === 'row') {
        number = Number(event.attributes.r) || number + 1
        values = []
      } else if (opens && event.name === 'c') {
        const column = columnOf(event.attributes.r) ?? (cell === undefined ? values.length : 0)
        cell = { column, type: event.attributes.t ?? 'n', value: undefined, hasFormula: false }
      } else if (opens && event.name === 'f' && cell) cell.hasFormula = true
      else if (!opens && event.name === 'c' && cell) {
        const inline = reader.take()
        if (cell.column < MAX_COLUMNS) values[cell.column] = valueOf(cell, inline, strings, startsIn1904)
        cell = undefined
      } else if (!opens && event.name === 'row' && values.some((value) => value !== undefined && value !== '')) {
        rows.push({ number, values })
      }
    }
    yield* rows
  }
}

function valueOf(
  { type, value, hasFormula }: Cell,
  inline: string,
  strings: readonly string[],
  startsIn1904: boolean,
): unknown {
  if (type === 'inlineStr') return inline
  if (value === undefined) return hasFormula ? { formula: true, result: undefined } : undefined
  switch (type) {
    case 's':
      return strings[Number(value)]
    case 'str':
      return decodeEscapes(value)
    case 'b':
      return value.trim() === '1'
    case 'e':
      return { error: value.trim() }
    case 'd':
      return value.trim()
    default:
      return numberOf(value, startsIn1904)
  }
}

const DAYS_FROM_1900_TO_1904 = 1_462

/** Days are counted from 1904 in old workbooks of the Mac. Only whole numbers of that size can be days. */
function numberOf(text: string, startsIn1904: boolean): number | undefined {
  if (text.trim() === '') return undefined
  const number = Number(text)
  return startsIn1904 && number > 10_000 ? number + DAYS_FROM_1900_TO_1904 : number
}

/** `C7` is column 2. */
function columnOf(reference: string | undefined): number | undefined {
  const letters = /^[A-Z]{1,3}/.exec(reference ?? '')?.[0]
  if (letters === undefined) return undefined
  return [...letters].reduce((column, letter) => column * 26 + letter.charCodeAt(0) - 64, 0) - 1
}
