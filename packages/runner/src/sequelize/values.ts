import types from 'pg-types'

/** A column of an answer. */
export interface WireField {
  name: string
  /** Its type, by oid. */
  type: number
  /** For arrays of enums, of which only the server knows that they are some. */
  isList?: true
}

type Reader = (text: string) => unknown

const standard = (oid: number) => types.getTypeParser(oid, 'text') as Reader
const texts = standard(1009)

/** What Sequelize 6 does differently from pg: dates without time and lists of decimals stay as the server wrote them. */
const readers = new Map<number, Reader | undefined>([
  [1082, undefined], // date
  [1182, texts], // date[]
  [1231, texts], // numeric[]
])

/**
 * What makes the value of a column from the text of the server, as Sequelize gives it: bigint, count and numeric are strings,
 * timestamps are Dates, JSON is what it says. Undefined where the text is the value.
 */
export function readerOf({ type, isList }: WireField): Reader | undefined {
  if (isList) return texts
  if (!readers.has(type)) readers.set(type, standard(type))
  return readers.get(type)
}
