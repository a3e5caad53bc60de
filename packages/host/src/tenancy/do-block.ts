import type { Step } from './statement-plan.js'
import type { ParseNode } from './parse-tree.js'

/**
 * Reads a DO block that consists only of `IF [NOT] EXISTS (SELECT …) THEN statements [ELSE statements] END IF;`, which
 * is how plugins create types and columns once. Anything else is undefined. Only what is returned here is ever run, so a
 * construct that is overlooked is left out, not executed.
 */
export function readDoBlock(tree: ParseNode): Extract<Step, { kind: 'when' }>[] | undefined {
  const [body, ...others] = list(tree['plpgsql_funcs'])
  const program = field(body, 'PLpgSQL_function')
  const block = field(field(program, 'action'), 'PLpgSQL_stmt_block')
  // `found` is always declared; anything more is a variable of the block's own.
  if (others.length > 0 || list(program['datums']).length !== 1 || block['exceptions'] !== undefined) return undefined
  const steps = list(block['body']).filter((statement) => statement['PLpgSQL_stmt_return'] === undefined)
  const read = steps.map(readIf)
  return read.length > 0 && read.every((step) => step !== undefined) ? read : undefined
}

function readIf(statement: ParseNode): Extract<Step, { kind: 'when' }> | undefined {
  const branch = field(statement, 'PLpgSQL_stmt_if')
  const condition = field(field(branch, 'cond'), 'PLpgSQL_expr')['query']
  const then = readStatements(branch['then_body'])
  const otherwise = branch['else_body'] === undefined ? [] : readStatements(branch['else_body'])
  if (typeof condition !== 'string' || !/^\s*(NOT\s+)?EXISTS\s*\(/i.test(condition)) return undefined
  if (!then || !otherwise || branch['elsif_list'] !== undefined) return undefined
  return { kind: 'when', condition, then, otherwise }
}

function readStatements(value: unknown): string[] | undefined {
  const texts = list(value).map((statement) => {
    const execution = field(statement, 'PLpgSQL_stmt_execsql')
    return execution['into'] === undefined ? field(field(execution, 'sqlstmt'), 'PLpgSQL_expr')['query'] : undefined
  })
  return texts.every((text) => typeof text === 'string') ? texts : undefined
}

function field(node: ParseNode | undefined, name: string): ParseNode {
  const value = node?.[name]
  return typeof value === 'object' && value !== null ? (value as ParseNode) : {}
}

function list(value: unknown): ParseNode[] {
  return Array.isArray(value) ? (value as ParseNode[]) : []
}
