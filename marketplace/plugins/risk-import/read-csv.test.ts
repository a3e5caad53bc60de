import { describe, expect, it } from 'vitest'
import { type CheckedRow, checkRow } from './check-rows'
import { columns, headerOf } from './columns'
import { peopleOf } from './people'
import { readFile } from './read-file'
import type { SentFile } from './sent-file'

const people = peopleOf([{ id: 1, name: 'Ada', surname: 'Okafor', email: 'ada@one.example' }])
const header = columns.map(headerOf)
const valuesOf: Record<string, string> = {
  risk_owner: '1',
  ai_lifecycle_phase: 'Monitoring & maintenance',
  risk_description: 'The model gets worse',
  likelihood: 'Likely',
  severity: 'Major',
}
const cellsOf = (name: string): string[] =>
  columns.map(({ key }) => (key === 'risk_name' ? name : (valuesOf[key] ?? '')))
const quoted = (value: string): string => `"${value.replace(/"/g, '""')}"`
const line = (cells: readonly string[], delimiter = ','): string => cells.join(delimiter)

const fileOf = (...pieces: (string | Uint8Array)[]): SentFile => {
  const all = pieces.map((piece) => Buffer.from(piece as string))
  return { name: 'risks.csv', size: Buffer.concat(all).length, pieces: () => all }
}

async function checkedRows(file: SentFile): Promise<(CheckedRow & { number: number })[]> {
  const { rows } = await readFile(file)
  const checked = []
  for await (const row of rows) checked.push({ number: row.number, ...checkRow(row, people) })
  return checked
}

/** Names of the risks by the number of their row. */
async function risksIn(...pieces: (string | Uint8Array)[]): Promise<[number, unknown][]> {
  return (await checkedRows(fileOf(...pieces))).map((row) => [
    row.number,
    row.kind === 'risk' ? row.risk.risk_name : JSON.stringify(row),
  ])
}

describe('lines of CSV', () => {
  const lines = [header.map(quoted), cellsOf('A'), cellsOf('B'), cellsOf('C')].map((cells) => line(cells))
  const three = [
    [2, 'A'],
    [3, 'B'],
    [4, 'C'],
  ]

  it.each([
    ['CRLF', ['\r\n', '\r\n', '\r\n', '\r\n']],
    ['LF', ['\n', '\n', '\n', '\n']],
    ['CR', ['\r', '\r', '\r', '\r']],
    ['CRLF, then LF', ['\r\n', '\n', '\n', '\n']],
    ['LF, then CRLF', ['\n', '\r\n', '\r\n', '\r\n']],
    ['CR, then LF and CRLF', ['\r', '\n', '\r\n', '\r']],
    ['nothing after the last one', ['\n', '\r\n', '\n', '']],
  ])('end with %s', async (_, ends) => {
    expect(await risksIn(lines.map((text, index) => text + ends[index]).join(''))).toEqual(three)
  })

  it('end the same wherever the pieces of a file do', async () => {
    const bytes = Buffer.from(`${line(header, ';')}\r\n${line(cellsOf('Größe'), ';')}\n${line(cellsOf('B'), ';')}\r\n`)
    const byteByByte = Array.from(bytes, (_, index) => bytes.subarray(index, index + 1))
    expect(await risksIn(...byteByByte)).toEqual([
      [2, 'Größe'],
      [3, 'B'],
    ])
  })

  it('have the numbers that a spreadsheet shows, blank ones and breaks in cells or not', async () => {
    const text = `sep=;\r${line(header, ';')}\r\n\n${line(cellsOf('"A\n\r\nA"'), ';')}\n;;;\r\n${line(cellsOf('B'), ';')}`
    expect(await risksIn(text)).toEqual([
      [4, 'A\n\r\nA'],
      [6, 'B'],
    ])
  })
})

describe('a row of CSV with more cells than titles', () => {
  it('is a problem, because a part of it would be lost', async () => {
    const cells = [...cellsOf('A'), '', ' and this', 'too']
    const [row, other] = await checkedRows(fileOf([line(header), line(cells), line(cellsOf('B'))].join('\n')))
    expect(row).toMatchObject({
      kind: 'refused',
      errors: [{ row: 2, field: 'general', value: 'and this, too' }],
    })
    expect(row?.kind === 'refused' && row.errors[0]?.message).toBe(
      'Row 2 has more cells than there are titles: "and this, too". Put a text with a delimiter in it into quotation marks',
    )
    expect(other).toMatchObject({ kind: 'risk' })
  })

  it('is one also where the others are blank', async () => {
    const [row] = await checkedRows(fileOf(`${line(header)}\n${line(header.map(() => ''))},lost`))
    expect(row).toMatchObject({ number: 2, kind: 'refused', errors: [{ field: 'general', value: 'lost' }] })
  })

  it('is none where nothing is in them', async () => {
    expect(await risksIn(`${line(header)}\n${line(cellsOf('A'))},, ,\n`)).toEqual([[2, 'A']])
  })
})

describe('the header of CSV', () => {
  const above = Array.from({ length: 19 }, (_, n) => `Note ${n}, with a comma, or two`)

  it.each([
    ['a title', ['Risks of the third quarter'], 2],
    ['blank lines', ['', '', ''], 4],
    ['a title with a break and delimiters in quotes', ['"Risks, all of them\r\nof the ""third"" quarter"'], 2],
    ['as many notes as a workbook may have', above, 20],
    ['notes among blank lines', above.flatMap((note) => ['', '  ', note]), 58],
  ])('may have %s above it', async (_, before, number) => {
    for (const [end, delimiter] of [
      ['\r\n', ';'],
      ['\n', '\t'],
      ['\r', ','],
    ] as const) {
      const lines = before.map((text) => (delimiter === ',' ? text.replace(/, /g, ' ') : text))
      const text = [...lines, line(header, delimiter), line(cellsOf('A'), delimiter)].join(end)
      expect(await risksIn(text), delimiter).toEqual([[number + 1, 'A']])
    }
  })

  it('may have titles with breaks and delimiters in them', async () => {
    const titles = [...header.map((title) => title.replace(' ', '\n')), 'Ours, not, theirs\nor, so']
    expect(await risksIn(`${line(titles.map(quoted), ';')}\r\n${line(cellsOf('A'), ';')}\r\n`)).toEqual([[2, 'A']])
  })

  it.each(['sep=;\n', '"sep=;"\r\n', 'SEP=;\r'])('may follow %j', async (start) => {
    expect(await risksIn(`${start}${line(header, ';')}\n${line(cellsOf('A'), ';')}`)).toEqual([[3, 'A']])
  })

  it('is not looked for further down than in a workbook', async () => {
    const text = [...above, 'One more', line(header, ';'), line(cellsOf('A'), ';')].join('\n')
    await expect(risksIn(text)).rejects.toThrow('no row with the titles of the template')
  })

  it('has no title of a million parentheses', async () => {
    await expect(risksIn(`${'('.repeat(900_000)},b\n1,2`)).rejects.toThrow('no row with the titles of the template')
  })
})

describe('quotation marks in CSV', () => {
  it.each([
    ['delimiters, breaks and marks', quoted('a, b; c\t"d"\n\r\ne'), 'a, b; c\t"d"\n\r\ne'],
    ['a mark at the beginning of two lines', quoted('"a" b\n5" c'), '"a" b\n5" c'],
    ['a mark in the middle of an unquoted text', '5" screen', '5" screen'],
    ['a word in marks without marks around the text', '"Model" drift', '"Model" drift'],
    ['nothing but marks', '""""""', '""'],
  ])('may stand around or in %s', async (_, cell, name) => {
    for (const delimiter of [',', ';']) {
      const names = delimiter === ',' || cell.startsWith('"') ? cell : quoted(cell)
      const text = `${line(header, delimiter)}\r\n${line(cellsOf(names), delimiter)}\r\n${line(cellsOf('B'), delimiter)}\r\n`
      expect(await risksIn(text)).toEqual([
        [2, name],
        [3, 'B'],
      ])
    }
  })

  it.each([2, 3, 4_000])('that are not closed are in row %d', async (broken) => {
    const rows = Array.from({ length: 5_000 }, (_, n) => line(cellsOf(`${n + 2 === broken ? '"' : ''}Risk ${n}`)))
    await expect(risksIn([line(header), ...rows].join('\n'))).rejects.toThrow(
      `The CSV file cannot be read in row ${broken}. Is a quotation mark missing there?`,
    )
  })

  it('that are not closed are in the row that is shown, with a line for the delimiter and notes above', async () => {
    const text = `sep=;\r\nNotes\r\n\r\n${line(header, ';')}\r\n${line(cellsOf('A'), ';')}\r\n"B;1;2\r\n`
    await expect(risksIn(text)).rejects.toThrow('in row 6.')
  })

  it('that are closed by those of a later row do not take the rows between with them', async () => {
    const at = columns.findIndex(({ key }) => key === 'review_notes')
    const noted = (name: string, note: string): string => line(cellsOf(name).with(at, note))
    const text = [line(header), noted('A', '"fine"'), noted('B', '"open'), noted('C', 'x'), noted('D', '"a, b"')]
    await expect(risksIn(text.join('\n'))).rejects.toThrow('in row 3.')
  })
})

describe('the encoding of CSV', () => {
  const name = 'Größe € „x“ 数据 😀'
  const text = (delimiter: string): string => `${line(header, delimiter)}\r\n${line(cellsOf(name), delimiter)}\r\n`
  const swapped = (bytes: Buffer): Buffer => Buffer.from(bytes).swap16()
  const utf16 = (content: string): Buffer => Buffer.from(content, 'utf16le')

  it.each([
    ['UTF-8', (content: string) => Buffer.from(content)],
    ['UTF-8 with a mark', (content: string) => Buffer.from(`\ufeff${content}`)],
    ['UTF-16LE with a mark', (content: string) => utf16(`\ufeff${content}`)],
    ['UTF-16BE with a mark', (content: string) => swapped(utf16(`\ufeff${content}`))],
    ['UTF-16LE without a mark', utf16],
    ['UTF-16BE without a mark', (content: string) => swapped(utf16(content))],
  ])('may be %s', async (_, encode) => {
    for (const delimiter of [',', ';', '\t']) {
      const bytes = encode(text(delimiter))
      expect(await risksIn(bytes)).toEqual([[2, name]])
      expect(await risksIn(encode(`sep=${delimiter}\r\n${text(delimiter)}`))).toEqual([[3, name]])
      const odd = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, n) => bytes.subarray(7 * n, 7 * n + 7))
      expect(await risksIn(...odd)).toEqual([[2, name]])
    }
  })

  it('may be that of an older Excel', async () => {
    const bytes = Buffer.concat([
      Buffer.from(`${line(header, ';')}\r\nGr`, 'latin1'),
      Buffer.from([0xf6, 0xdf, 0x65, 0x20, 0x80, 0x20, 0x84, 0x78, 0x93]),
      Buffer.from(line(cellsOf(''), ';'), 'latin1'),
    ])
    expect(await risksIn(bytes)).toEqual([[2, 'Größe € „x“']])
  })

  it('is what the mark says, also where a byte is wrong', async () => {
    const start = Buffer.from(`\ufeff${line(header)}\nGr`)
    const bytes = Buffer.concat([start, Buffer.from([0xf6]), Buffer.from(line(cellsOf('ö')))])
    expect(await risksIn(bytes)).toEqual([[2, 'Gr\ufffdö']])
  })
})

describe('a file of CSV', () => {
  it('with a text that is longer than the column is refused in its row', async () => {
    const long = 'x'.repeat(900_000)
    const rows = await checkedRows(fileOf(`${line(header)}\n${line(cellsOf('A'))}\n${line(cellsOf(long))}\n`))
    expect(rows.map(({ kind }) => kind)).toEqual(['risk', 'refused'])
    expect(rows[1]).toMatchObject({ errors: [{ row: 3, message: expect.stringContaining('900000') as string }] })
  })

  it('with a row that has no end is refused in that row', async () => {
    const text = `${line(header)}\n${line(cellsOf('A'))}\n${line(cellsOf('x'.repeat(2_000_000)))}\n`
    await expect(risksIn(text)).rejects.toThrow('in row 3.')
  })

  it('whose pieces cannot be fetched any more is not read further', async () => {
    let walks = 0
    const file: SentFile = {
      name: 'risks.csv',
      size: 1,
      *pieces() {
        walks += 1
        yield Buffer.from(`${line(header)}\n${line(cellsOf('A'))}\n`)
        if (walks > 1) throw new Error('the upload is gone')
      },
    }
    await expect(checkedRows(file)).rejects.toThrow('the upload is gone')
  })
})
