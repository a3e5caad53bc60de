/** The thread of {@link createParserThread}: reads texts of SQL that the host does not read itself. */
import { loadModule, parsePlPgSQLSync, parseSync } from 'libpg-query'
import { answerQuestions } from '../threads/answer-questions.js'
import type { ParserQuestion, ParserThreadAnswer } from './parser-thread.js'

/**
 * Characters of a tree's text. Reading and judging it is the host's own work, while everybody waits: this many take a
 * tenth of a second or two, and the thread could make hundreds of millions.
 */
const MAX_TREE_CHARACTERS = 8_000_000
/**
 * Of a tree, two for each operator that stands beside another. Writing a tree as a text takes the square of them: these take
 * a twentieth of a second, and the parser survives three times as many.
 */
const MAX_TREE_LEVELS = 5_000

interface Node {
  A_Const?: unknown
  SetToDefault?: unknown
  ParamRef?: unknown
  List?: { items?: Node[] }
  valuesLists?: Node[]
}

const isConstant = (node: Node): boolean =>
  node.A_Const !== undefined || node.SetToDefault !== undefined || node.ParamRef !== undefined
const isConstantRow = ({ List }: Node): boolean => List !== undefined && (List.items ?? []).every(isConstant)

/** Leaves out the constants; false for a tree that is too deep. */
function trim(tree: object): boolean {
  let level: Node[] = [tree]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_TREE_LEVELS) return false
    const next: Node[] = []
    for (const node of level) {
      if (Array.isArray(node.valuesLists)) node.valuesLists = node.valuesLists.filter((row) => !isConstantRow(row))
      for (const child of Object.values(node) as unknown[])
        if (typeof child === 'object' && child !== null) next.push(child)
    }
    level = next
  }
  return true
}

function read({ kind, sql }: ParserQuestion): ParserThreadAnswer {
  const tree: object = kind === 'block' ? parsePlPgSQLSync(sql) : (parseSync(sql).stmts ?? [])
  if (!trim(tree)) return { refused: 'depth' }
  const json = JSON.stringify(tree)
  return json.length > MAX_TREE_CHARACTERS ? { refused: 'size' } : { json }
}

function answer(question: ParserQuestion): ParserThreadAnswer {
  try {
    return read(question)
  } catch (error) {
    const { name, message, sqlDetails } = error as Error & { sqlDetails?: { cursorPosition: number } }
    if (name === 'RangeError') return { broken: 'depth' }
    if (!sqlDetails && name !== 'Error') return { broken: 'size' }
    return { failure: { message, ...(sqlDetails ? { position: sqlDetails.cursorPosition } : {}) } }
  }
}

void loadModule().then(() => answerQuestions(answer))
