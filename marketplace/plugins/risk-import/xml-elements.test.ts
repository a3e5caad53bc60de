import { describe, expect, it } from 'vitest'
import { isDateFormat } from './excel-dates'
import { readXlsx } from './read-xlsx'
import { writeZip } from './write-zip'
import { textsIn } from './xml-elements'
import { xmlEvents } from './xml-events'

const UNREADABLE = 'The workbook cannot be read. Open it in Excel and save it as .xlsx.'
/** As many as fit into the longest row that is read. */
const MANY = 2_600_000
const relationship = (type: string, target: string): string =>
  `<Relationship Id="${type}" Type="x/${type}" Target="${target}"/>`

/** What a workbook with these parts has in the cells of its rows. */
async function rowsOf(sheet: string, strings?: string, attributes = ''): Promise<(readonly unknown[])[]> {
  const part = (name: string, xml: string) => ({ name, content: [Buffer.from(xml)] })
  const relations = relationship('worksheet', 'sheet.xml') + relationship('sharedStrings', 'strings.xml')
  const bytes = await writeZip([
    part('xl/workbook.xml', `<workbook><sheets><sheet name="R" id="worksheet"${attributes}/></sheets></workbook>`),
    part('xl/_rels/workbook.xml.rels', `<Relationships>${relations}</Relationships>`),
    part('xl/sheet.xml', sheet),
    ...(strings === undefined ? [] : [part('xl/strings.xml', strings)]),
  ])
  const rows: (readonly unknown[])[] = []
  for (const one of await readXlsx(bytes)) {
    for await (const { values } of one.rows()) rows.push(values)
  }
  return rows
}

const sheetOf = (rows: string): string => `<worksheet><sheetData>${rows}</sheetData></worksheet>`
const rowOf = (cells: string): string => sheetOf(`<row r="1">${cells}</row>`)
const text = (inside: string): string => rowOf(`<c t="inlineStr"><is>${inside}</is></c>`)

describe('a sheet', () => {
  it.each([
    ['a comment with tags in it', '<!-- <c><v>1</v></row> --><c><v>2</v></c>', [[2]]],
    ['a comment around a cell', '<c><v>1</v></c><!--<c><v>2</v></c>--><c><v>3</v></c>', [[1, 3]]],
    ['CDATA with tags in it', '<c t="str"><v><![CDATA[</v></c></row> & <c>]]></v></c>', [['</v></c></row> & <c>']]],
    ['empty cells', '<c/><c r="B1"></c><c><v>3</v></c>', [[undefined, undefined, 3]]],
    ['a prefix', '<x:c><x:v>1</x:v></x:c><c><v>2</v></c>', [[1, 2]]],
    ['tags that begin alike', '<cell><v>9</v></cell><c><value>8</value><v>1</v></c>', [[1]]],
    ['attributes over lines', "<c\n r='B1'\t><v\n>1</v></c>", [[undefined, 1]]],
  ])('may have %s', async (_, cells, rows) => {
    const found = await rowsOf(rowOf(cells))
    expect(found.map((values) => Array.from(values))).toEqual(rows)
  })

  it('may have marked sections at every place where pieces of it meet', async () => {
    const row = (n: number): string =>
      `<row><!-- </row> --><c t="str"><v><![CDATA[<${n}>]]></v></c><c><v>${n}</v></c></row><!--<row></row>-->`
    const count = 5_000
    const rows = await rowsOf(sheetOf(Array.from({ length: count }, (_, n) => row(n)).join('')))
    expect(rows).toEqual(Array.from({ length: count }, (_, n) => [`<${n}>`, n]))
  })

  it('may have no rows, or rows without cells', async () => {
    expect(await rowsOf('<worksheet><sheetData/></worksheet>')).toEqual([])
    expect(await rowsOf(sheetOf('<row r="1"/><row r="2"></row>'))).toEqual([])
  })

  it.each([
    ['a cell that is not closed', rowOf('<c r="A1"><v>1</v><c r="B1"><v>2</v></c>')],
    ['a last cell that is not closed', rowOf('<c><v>1</v></c><c><v>2</v>')],
    ['a value that is not closed', rowOf('<c><v>1</c>')],
    ['a text that is not closed', text('<t>a')],
    ['a text in a text', text('<t>a<t>b</t>')],
    ['a reading aid that is not closed', text('<t>a</t><rPh><t>b</t>')],
    ['a row that is not closed', sheetOf('<row r="1"><c><v>1</v></c><row r="2"><c><v>2</v></c></row>')],
    ['a last row that is not closed', sheetOf('<row><c><v>1</v></c></row><row><c><v>2</v></c>')],
    ['a tag that is not closed', rowOf('<c><v>1</v></c><c <c><v>2</v></c>')],
    ['a list that is not closed', '<worksheet><sheetData><row><c><v>1</v></c></row></worksheet>'],
    ['no list', '<worksheet></worksheet>'],
    ['a comment that is not closed', rowOf('<c><v>1</v></c><!-- <c><v>2</v></c>')],
    ['CDATA that is not closed', rowOf('<c t="str"><v><![CDATA[a</v></c>')],
    ['a section of another kind', rowOf('<![IGNORE[ <c><v>1</v></c> ]]>')],
    ['a document type', `<!DOCTYPE x [<!ENTITY a "b">]>${rowOf('<c><v>1</v></c>')}`],
    ['a document type in the middle', rowOf('<c><v>1</v></c><!doctype x>')],
  ])('with %s cannot be read', async (_, sheet) => {
    await expect(rowsOf(sheet)).rejects.toThrow(UNREADABLE)
  })

  it('with texts elsewhere that are not closed cannot be read', async () => {
    const sheet = rowOf('<c t="s"><v>0</v></c>')
    await expect(rowsOf(sheet, '<sst><si><t>a</t><si><t>b</t></si></sst>')).rejects.toThrow(UNREADABLE)
    await expect(rowsOf(sheet, '<sst><si><t>a</si></sst>')).rejects.toThrow(UNREADABLE)
    expect(await rowsOf(sheet, '<sst><si><t>a</t></si></sst>')).toEqual([['a']])
  })

  // Each of these would take hours, if what follows were looked through again for each of them.
  it.each([
    ['cells', rowOf('<c>'.repeat(MANY))],
    ['cells that nest', rowOf('<c>'.repeat(MANY / 4) + '</c>'.repeat(MANY / 4))],
    ['tags of cells', rowOf('<c '.repeat(MANY))],
    ['values', rowOf(`<c>${'<v>'.repeat(MANY)}</c>`)],
    ['texts', text('<t>'.repeat(MANY))],
    ['reading aids', text('<rPh>'.repeat(MANY / 2))],
    ['comments', rowOf('<!--'.repeat(MANY / 2))],
    ['CDATA', rowOf('<![CDATA['.repeat(MANY / 4))],
    ['rows', sheetOf('<row>'.repeat(MANY / 2))],
    ['tags of rows', sheetOf('<row '.repeat(MANY / 2))],
    ['lists', '<sheetData '.repeat(MANY / 4)],
    ['lists after rows', `${sheetOf('<row></row>').slice(0, -24)}${'<sheetData'.repeat(MANY / 4)}`],
    ['tags before the list', '<'.repeat(3 * MANY)],
    ['letters before the list', `<${'a'.repeat(3 * MANY)}`],
  ])('of two million %s that are not closed cannot be read', async (_, sheet) => {
    await expect(rowsOf(sheet)).rejects.toThrow(UNREADABLE)
  })

  it('of two million empty cells has nothing in it', async () => {
    expect(await rowsOf(rowOf('<c/>'.repeat(1_900_000)))).toEqual([])
  })
})

describe('other parts of a workbook', () => {
  it('may have a long tag, and none that is longer than any program writes', async () => {
    const read = (letters: number) => rowsOf(rowOf('<c><v>1</v></c>'), undefined, ` ${'a'.repeat(letters)}`)
    expect(await read(190_000)).toEqual([[1]])
    await expect(read(300_000)).rejects.toThrow(UNREADABLE)
  })

  it('have attributes with spaces around the sign, and with either mark', async () => {
    const chunks = (async function* () {
      yield await Promise.resolve(Buffer.from(`<a x:b = "1" c='2"' d\n=\n"3"/>`))
    })()
    for await (const [open] of xmlEvents(chunks)) {
      expect(open).toMatchObject({ kind: 'open', name: 'a', attributes: { b: '1', c: '2"', d: '3' } })
    }
  })

  it('may have a format of a million brackets', () => {
    expect(isDateFormat(200, '['.repeat(1_000_000))).toBe(false)
    expect(isDateFormat(200, `${'"'.repeat(40)}yyyy`)).toBe(true)
  })
})

describe('the text of a cell', () => {
  it('is without the reading aids, wherever they stand', () => {
    expect(
      textsIn('<r><t>a</t></r><rPh sb="0"><t>x</t></rPh><x:r><x:t> b</x:t></x:r><x:rPh><x:t>y</x:t></x:rPh>'),
    ).toBe('a b')
  })
})
