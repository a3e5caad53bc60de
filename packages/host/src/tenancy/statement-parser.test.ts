import { loadModule, parsePlPgSQLSync, parseSync } from 'libpg-query'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createStatementParser, INLINE_CHARACTERS, type StatementParser } from './statement-parser.js'

let parser: StatementParser
beforeAll(async () => {
  await loadModule()
  parser = await createStatementParser({ parseMs: 10_000, maxTreeCharacters: 8_000_000 })
})
afterAll(() => parser.close())

/** As deep as a text of so many characters can be, for each way to put one thing into another. */
const nested = (open: string, inner: string, close = '') => ({
  name: open.trim(),
  of: (characters: number) => {
    const levels = Math.floor(characters / (open.length + close.length))
    return `SELECT ${open.repeat(levels)}${inner}${close.repeat(levels)}`
  },
})
const shapes = [
  nested('1+', '1'),
  nested('- ', '1'),
  nested('NOT ', 'a'),
  nested('(', '1', ')'),
  nested('(SELECT ', '1', ')'),
  nested('f(', '1', ')'),
  nested('(1,', '1', ')'),
  nested('a[', '1', ']'),
  nested('ARRAY[', '1', ']'),
  nested('1::a', ''),
  nested('1 UNION SELECT ', '1'),
  nested('1 ISNULL', ''),
  nested('CASE WHEN ', '1', ' THEN 1 END'),
  nested('JSON_ARRAY(', '1', ')'),
  nested('a<ALL(SELECT ', '1', ')'),
]
const blocks = [
  nested('BEGIN ', 'NULL;', 'END;'),
  nested('IF a THEN ', 'NULL;', 'END IF;'),
  nested('LOOP ', 'NULL;', 'END LOOP;'),
].map(({ name, of }) => ({
  name,
  of: (characters: number) => `DO $$ BEGIN ${of(characters).slice('SELECT '.length)} END $$`,
}))

const simple = [{ stmt: { SelectStmt: expect.anything() as unknown } }]
const long = `SELECT 1 /* ${'x'.repeat(INLINE_CHARACTERS)} */`

/** Whether the parser read it, or said itself what it does not like. */
function isSurvived(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (error) {
    return ['SqlError', 'Error'].includes((error as Error).name)
  }
}

describe('a text that is read at once', () => {
  it.each(shapes)(
    'cannot be deep enough for the parser to come to harm, not even at twice the length: $name',
    (shape) => {
      expect(isSurvived(() => parseSync(shape.of(2 * INLINE_CHARACTERS)))).toBe(true)
    },
  )

  it.each(blocks)('nor can a block: $name', (shape) => {
    expect(isSurvived(() => parsePlPgSQLSync(shape.of(2 * INLINE_CHARACTERS)))).toBe(true)
  })
})

describe('a text that takes long', { timeout: 60_000 }, () => {
  const monstrous = (characters: number) => `SELECT a FROM b WHERE a IN (${'1,'.repeat(characters / 2)}1)`

  it('holds up nobody who sends a shorter one', async () => {
    const answered: string[] = []
    const note = (name: string) => () => void answered.push(name)
    const floods = ['mallory', 'trudy'].map((asker) => parser.parse(monstrous(4_000_000), asker).finally(note(asker)))
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(await parser.parse(long, 'alice')).toMatchObject(simple)
    expect(answered).toEqual([])
    await Promise.allSettled(floods)
  })

  it('goes on among the long ones when somebody waits for it', async () => {
    const own = await createStatementParser({ parseMs: 30_000, maxTreeCharacters: 8_000_000, quickMs: 1 })
    const read = (asker: string) => own.parse(`SELECT a FROM b WHERE a IN (${'1,'.repeat(90_000)}1)`, asker)
    const trees = await Promise.all([read('alice'), read('bob'), read('carol')])
    for (const tree of trees) expect(tree).toMatchObject(simple)
    await own.close()
  })
})

describe('texts that the parser does not survive', { timeout: 60_000 }, () => {
  it('are refused, and harm nobody else', async () => {
    for (const shape of [...shapes, ...shapes]) {
      for (const characters of [8_000, 16_000, 60_000, 400_000]) {
        await parser.parse(shape.of(characters), 'mallory').catch((error: Error) => {
          expect(error.message).toMatch(/nested too deeply|too large to be read|memory exhausted|syntax error/)
        })
      }
      expect(await parser.parse('SELECT 1', 'alice')).toMatchObject(simple)
      expect(await parser.parse(long, 'alice')).toMatchObject(simple)
    }
  })

  it('are refused from a depth that takes long, too, though the parser survives it', async () => {
    const sum = (operators: number) => `SELECT ${'1+'.repeat(operators)}1`
    const padding = `/*${' '.repeat(INLINE_CHARACTERS)}*/`
    expect(await parser.parse(`${sum(990)}${padding}`, 'mallory')).toHaveLength(1)
    await expect(parser.parse(sum(1_100), 'mallory')).rejects.toThrow('it is nested too deeply')
  })

  it('are refused as blocks, too', async () => {
    for (const shape of blocks) {
      await parser.parseBlock(shape.of(400_000), 'mallory').catch((error: Error) => {
        expect(error.message).toMatch(/nested too deeply|too large to be read|memory exhausted|syntax error/)
      })
    }
    const block = `DO $$ BEGIN IF EXISTS (SELECT 1) THEN SELECT 1; END IF; END $$ /* ${'x'.repeat(INLINE_CHARACTERS)} */`
    expect(await parser.parseBlock(block, 'alice')).toMatchObject({ plpgsql_funcs: [expect.anything()] })
  })
})
