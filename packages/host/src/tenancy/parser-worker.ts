/** The thread of {@link createParserThread}: reads texts of SQL that the host does not read itself. */
import { loadModule, parsePlPgSQLSync, parseSync } from 'libpg-query'
import { answerQuestions } from '../threads/answer-questions.js'
import { maxTreeLevels } from './parse-tree.js'
import type { ParserQuestion, ParserThreadAnswer } from './parser-thread.js'

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
    if (depth > maxTreeLevels) return false
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

function read({ kind, sql, maxTreeCharacters }: ParserQuestion): ParserThreadAnswer {
  const statements = kind === 'statements' ? (parseSync(sql).stmts ?? []) : undefined
  const tree: object = statements ?? parsePlPgSQLSync(sql)
  const parts = statements ? statements.map(({ stmt }): object => stmt ?? {}) : [tree]
  if (!parts.every(trim)) return { refused: 'depth' }
  const json = JSON.stringify(tree)
  return json.length > maxTreeCharacters ? { refused: 'size' } : { json }
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
