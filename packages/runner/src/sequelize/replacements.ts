import { escapeReplacement } from './escape.js'

type Replacements = unknown[] | Record<string, unknown>

// What is not a replacement: quoted names and texts, dollar quotes and comments. Each alternative also matches when it
// never ends, because Sequelize then skips the rest of the text. A line comment needs its space, and a dollar quote
// something before it, and /*/ is a whole comment, as in Sequelize.
const skipped = [
  `"[^"]*(?:"|$)`,
  `(?<=(?:^|[\\s(>,=])[eE])'(?:[^'\\\\]|\\\\(?:[^]|$))*(?:'|(?<neverEnds>$))`,
  `'[^']*(?:'|(?<unterminated>$))`,
  `(?<=[^0-9a-zA-Z_])\\$(?<tag>(?:[a-zA-Z_][0-9a-zA-Z_]*)?)\\$`,
  `-- [^\\n]*`,
  `/(?=\\*)[^]*?(?:\\*(?=/)|$)`,
].join('|')
const named = `(?<=^|[\\s(>,=[]):(?<name>[a-zA-Z_][0-9a-zA-Z_]*)(?=\\)|,|$|\\s|::|;|\\])`
const positional = `(?<=^|[\\s(>,=[])(?<mark>\\?)(?![|&])`

/**
 * Puts values into the text where `:name` or `?` stands for them, exactly where Sequelize 6 would.
 * @throws Error in Sequelize's words when a value is missing or a text does not end.
 */
export function injectReplacements(sql: string, replacements: unknown): string {
  const values = checked(replacements)
  const pattern = new RegExp(`${skipped}|${Array.isArray(values) ? positional : named}`, 'g')
  let output = ''
  let copied = 0
  let next = 0
  for (let match = pattern.exec(sql); match; match = pattern.exec(sql)) {
    const { name, mark, tag, unterminated, neverEnds } = match.groups ?? {}
    if (unterminated !== undefined || neverEnds !== undefined) throw unterminatedText(sql)
    if (tag !== undefined) {
      pattern.lastIndex = endOfDollarQuote(sql, pattern.lastIndex, tag)
    } else if (name !== undefined || mark !== undefined) {
      output += sql.slice(copied, match.index) + escapeReplacement(valueFor(values, name, next))
      copied = pattern.lastIndex
      if (mark !== undefined) next += 1
    }
  }
  return output + sql.slice(copied)
}

function valueFor(values: Replacements, name: string | undefined, index: number): unknown {
  if (Array.isArray(values)) {
    if (values[index] !== undefined) return values[index]
    throw new Error(
      `Positional replacement (?) ${index} has no entry in the replacement map (replacements[${index}] is undefined).`,
    )
  }
  const key = name ?? ''
  if (Object.hasOwn(values, key) && values[key] !== undefined) return values[key]
  throw new Error(`Named replacement ":${key}" has no entry in the replacement map.`)
}

/**
 * Where reading goes on after a dollar quote: behind the first `$` of `$tag$`. Sequelize takes any lone `$` for the end
 * of `$$`, and looks at the second `$` of the end again.
 */
function endOfDollarQuote(sql: string, from: number, tag: string): number {
  for (let at = sql.indexOf('$', from); at >= 0; at = sql.indexOf('$', at + 1)) {
    tagAt.lastIndex = at
    if ((tagAt.exec(sql)?.[1] ?? '') === tag) return at + 1
  }
  return sql.length
}

const tagAt = /\$([a-zA-Z_][0-9a-zA-Z_]*)?\$/y

function checked(replacements: unknown): Replacements {
  if (Array.isArray(replacements)) return replacements as unknown[]
  if (isPlainObject(replacements)) return replacements
  throw new TypeError(
    `"replacements" must be an array or a plain object, but received ${JSON.stringify(replacements)} instead.`,
  )
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // Also of another realm, where Object.prototype is another object.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function unterminatedText(sql: string): Error {
  return new Error(`The following SQL query includes an unterminated string literal:\n${sql}`)
}
