import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import { columns, headerOf } from './columns'
import { readXlsx } from './read-xlsx'
import { createTextList } from './text-list'
import { writeZip } from './write-zip'

const rowCount = 60_000
const sentence = 'What could go wrong here and there, and what would come of it. '.repeat(6)

/** What the cells of a row name by number, two of them its own. */
const textsOf = (row: number): string[] => [`Risk ${row}`, `${sentence}${row}`]
const header = columns.map(headerOf)

const cell = (text: number): string => `<c t="s"><v>${text}</v></c>`
function* sheetXml(): Generator<string> {
  yield `<worksheet><sheetData><row r="1">${header.map((_, index) => cell(index)).join('')}</row>`
  for (let row = 0; row < rowCount; row += 1) {
    const first = header.length + 2 * row
    yield `<row r="${row + 2}">${cell(first)}${cell(first + 1)}</row>`
  }
  yield '</sheetData></worksheet>'
}
function* stringsXml(): Generator<string> {
  const item = (text: string): string => `<si><t>${text}</t></si>`
  yield `<sst>${header.map(item).join('')}`
  for (let row = 0; row < rowCount; row += 1) yield textsOf(row).map(item).join('')
  yield '</sst>'
}

function workbook(): Promise<Buffer> {
  const part = (name: string, pieces: Iterable<string>) => ({
    name,
    content: (function* () {
      for (const piece of pieces) yield Buffer.from(piece)
    })(),
  })
  const relationship = (type: string, target: string): string =>
    `<Relationship Id="${type}" Type="http://x/${type}" Target="${target}"/>`
  return writeZip([
    part('xl/workbook.xml', ['<workbook><sheets><sheet name="Risks" r:id="worksheet"/></sheets></workbook>']),
    part('xl/_rels/workbook.xml.rels', [
      `<Relationships>${relationship('worksheet', 'sheet.xml')}${relationship('sharedStrings', 'texts.xml')}</Relationships>`,
    ]),
    part('xl/sheet.xml', sheetXml()),
    part('xl/texts.xml', stringsXml()),
  ])
}

/** What a thread answers whose heap may not become larger. */
async function readWithHeapOf(megabytes: number, bytes: Buffer): Promise<unknown> {
  const { outputFiles } = await build({
    stdin: {
      contents: `
        import { parentPort, workerData } from 'node:worker_threads'
        import { readFile } from './read-file'
        const bytes = Buffer.from(workerData)
        const read = async () => {
          const { rows } = await readFile({ name: 'risks.xlsx', size: bytes.length, pieces: () => [bytes] })
          let count = 0
          let last
          for await (const row of rows) [count, last] = [count + 1, row]
          return { count, number: last.number, texts: Object.values(last.cells).slice(0, 2) }
        }
        read().then((answer) => parentPort.postMessage(answer))`,
      resolveDir: import.meta.dirname,
      loader: 'ts',
    },
    bundle: true,
    platform: 'node',
    write: false,
  })
  const worker = new Worker(outputFiles[0]?.text ?? '', {
    eval: true,
    workerData: bytes,
    resourceLimits: { maxOldGenerationSizeMb: megabytes, maxYoungGenerationSizeMb: 8 },
  })
  return new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

describe('a workbook', () => {
  it('is read with a heap that could not hold its texts', { timeout: 120_000 }, async () => {
    const bytes = await workbook()
    const textBytes = rowCount * textsOf(0).join('').length
    expect(textBytes).toBeGreaterThan(20 * 1024 * 1024)
    const answer = await readWithHeapOf(16, bytes)
    expect(answer).toEqual({ count: rowCount, number: rowCount + 1, texts: textsOf(rowCount - 1) })
  })

  it('gives its first rows before its last ones are unpacked', { timeout: 120_000 }, async () => {
    const bytes = await workbook()
    // The end of what is packed of the sheet.
    const texts = bytes.indexOf('xl/texts.xml')
    bytes.fill(0xff, texts - 2_000, texts - 1_000)
    const [risks] = await readXlsx(bytes)
    const numbers: number[] = []
    const read = async () => {
      for await (const { number } of risks.rows()) numbers.push(number)
    }
    await expect(read()).rejects.toThrow(/damaged|cannot be read/)
    expect(numbers.length).toBeGreaterThan(1_000)
    expect(numbers.length).toBeLessThan(rowCount)
  })
})

describe('a list of texts', () => {
  it('gives each back as it was', () => {
    const texts = ['', 'a', 'Größe', '数据漂移', '😀', 'x'.repeat(3_000_000), '数'.repeat(400_000), 'end']
    const more = Array.from({ length: 5_000 }, (_, index) => `text ${index}`)
    const list = createTextList()
    for (const text of [...texts, ...more]) list.add(text)
    expect(texts.map((_, index) => list.at(index) === texts[index])).toEqual(texts.map(() => true))
    expect(more.map((_, index) => list.at(texts.length + index))).toEqual(more)
  })

  it('has nothing where nothing was put', () => {
    const list = createTextList()
    list.add('only')
    expect([-1, 0.5, 1, Number.NaN, Infinity].map((index) => list.at(index))).toEqual(Array(5).fill(undefined))
  })
})
