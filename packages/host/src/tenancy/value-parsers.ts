import pg from 'pg'

type ValueParser = (text: string) => unknown

const text: ValueParser = (value) => value
const textArray = pg.types.getTypeParser(1009 as number) as ValueParser

// What Sequelize 6 does differently from pg: dates without time and decimals stay as the server wrote them.
const overrides = new Map<number, ValueParser>([
  [1082, text], // date
  [1182, textArray], // date[]
  [1231, textArray], // numeric[]
  // JSON is parsed in the plugin's process: one value may have 32 MB, and everybody would wait.
  [114, text], // json
  [199, textArray], // json[]
  [3802, text], // jsonb
  [3807, textArray], // jsonb[]
])

/** Types above this number are made by users; what they are is looked up after the result, see `enumArrayColumns`. */
export const FIRST_USER_TYPE = 16_384

/** How plugins get values: as Sequelize gives them. bigint, count and numeric are strings, timestamps are Dates. */
export const valueParsers = {
  getTypeParser(oid: number, format?: string): ValueParser {
    if (format !== 'binary') {
      const parser = overrides.get(oid)
      if (parser) return parser
      if (oid >= FIRST_USER_TYPE) return text
    }
    return pg.types.getTypeParser(oid, 'text') as ValueParser
  },
}

/** Parses the text of an array of enum values, which arrive as `{a,"b c",NULL}`. */
export function parseEnumArray(value: unknown): unknown {
  return typeof value === 'string' ? textArray(value) : value
}
