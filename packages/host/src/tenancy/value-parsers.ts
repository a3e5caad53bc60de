import pg from 'pg'

type ValueParser = (text: string) => unknown

const text: ValueParser = (value) => value
const parserOf = (oid: number) => pg.types.getTypeParser(oid, 'text') as ValueParser

/**
 * Values of these types are short, or read by one call of the engine. All others, lists and dates among them, go on as
 * the server wrote them and are read in the plugin's process: one value may have 32 MB, and everybody would wait.
 */
const readHere = new Map<number, ValueParser>(
  [16, 21, 23, 26, 700, 701].map((oid) => [oid, parserOf(oid)]), // boolean, smallint, integer, oid, real, double precision
)
readHere.set(17, (value) => (value.startsWith('\\x') ? Buffer.from(value.slice(2), 'hex') : value)) // bytea

/** Types above this number are made by users; which of them are lists is looked up after the result. */
export const FIRST_USER_TYPE = 16_384

/** What the host makes of values; the rest of what Sequelize does is done by `packages/runner/src/sequelize/values.ts`. */
export const valueParsers = {
  getTypeParser: (oid: number, format?: string): ValueParser =>
    format === 'binary'
      ? (pg.types.getTypeParser(oid, 'binary') as unknown as ValueParser)
      : (readHere.get(oid) ?? text),
}
