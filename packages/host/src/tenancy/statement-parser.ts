import { TenonError } from '@tenon/contract'
import { loadModule, parsePlPgSQLSync, parseSync } from 'libpg-query'
import { type ParsedStatement, type ParseNode, tooDeep } from './parse-tree.js'
import { createParserThread, type ParseKind, type ParserAnswer, type ParserFailure } from './parser-thread.js'

export interface StatementParser {
  /**
   * @param asker whose text this is: askers take turns
   * @throws an error that looks like Postgres's own when the text is not SQL; TenonError STATEMENT_REFUSED when it
   *   cannot be read.
   */
  parse(sql: string, asker: string): Promise<ParsedStatement[]>
  /** The PL/pgSQL of a DO statement. @throws like `parse` */
  parseBlock(sql: string, asker: string): Promise<ParseNode>
  close(): Promise<void>
}

const tooLarge = 'it is too large to be read; send values with bind, rows with insertMany(), or several statements'

/**
 * Texts of this length are read at once: that takes under a tenth of a millisecond, a thread a fifth. The parser calls
 * itself for each level of a text, and about 10,000 characters can be deep enough to fill the stack.
 */
export const INLINE_CHARACTERS = 2_048
/** Reading takes up to a microsecond for each character, and four million may be sent: longer ones wait among themselves. */
const QUICK_CHARACTERS = 200_000

/**
 * The parser of Postgres itself. It does not survive a text that is too deep for it, and reads none after that. So long
 * texts go to a thread, which is then replaced. Threads also leave out the constants of long VALUES lists: there is
 * nothing in them to judge, and they are what makes such a tree large.
 *
 * There are two: whoever sends the longest texts, or others that take more than `quickMs` while somebody waits, waits for
 * those who do the same, and nobody else waits for them.
 */
export async function createStatementParser({
  quickMs = 500,
  ...limits
}: {
  parseMs: number
  maxTreeCharacters: number
  quickMs?: number
}): Promise<StatementParser> {
  await loadModule()
  const quick = createParserThread({ ...limits, turnMs: quickMs })
  const patient = createParserThread(limits)
  // Nobody has found a short text that does it. Whoever does must not take the database from everybody.
  let isBroken = false

  async function read(kind: ParseKind, sql: string, asker: string): Promise<ParseNode> {
    const inline = sql.length <= INLINE_CHARACTERS && !isBroken ? readInline(kind, sql) : undefined
    if (inline && 'broken' in inline) isBroken = true
    const answer = inline ?? (await readOnThread(kind, sql, asker))
    if ('tree' in answer) return answer.tree
    if ('failure' in answer) throw syntaxError(answer.failure)
    throw new TenonError('STATEMENT_REFUSED', { reason: answer.broken === 'depth' ? tooDeep : tooLarge })
  }

  async function readOnThread(kind: ParseKind, sql: string, asker: string): Promise<ParserAnswer> {
    if (sql.length <= QUICK_CHARACTERS) {
      const answer = await quick.parse(kind, sql, asker)
      if (!('broken' in answer) || answer.broken !== 'time') return answer
    }
    return patient.parse(kind, sql, asker)
  }

  return {
    async parse(sql, asker) {
      // The library takes an empty text for a mistake; the server does not.
      if (sql.trim() === '') return []
      return (await read('statements', sql, asker)) as unknown as ParsedStatement[]
    },
    parseBlock: (sql, asker) => read('block', sql, asker),
    async close() {
      await Promise.all([quick.stop(), patient.stop()])
    },
  }
}

function readInline(kind: ParseKind, sql: string): ParserAnswer {
  try {
    return { tree: (kind === 'block' ? parsePlPgSQLSync(sql) : (parseSync(sql).stmts ?? [])) as unknown as ParseNode }
  } catch (error) {
    const { name, message, sqlDetails } = error as Error & { sqlDetails?: { cursorPosition: number } }
    if (name === 'RangeError') return { broken: 'depth' }
    if (!sqlDetails && name !== 'Error') return { broken: 'size' }
    return { failure: { message, ...(sqlDetails ? { position: sqlDetails.cursorPosition } : {}) } }
  }
}

/** What the server would have said. A text that only one of the two parsers takes must not reach the other. */
function syntaxError({ message, position }: ParserFailure): Error {
  const at = position === undefined ? {} : { position: String(position + 1) }
  return Object.assign(new Error(message), { code: '42601', severity: 'ERROR', ...at })
}
