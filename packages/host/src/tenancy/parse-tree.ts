/**
 * Levels of the tree of one statement, two for each operator that stands beside another. Writing a tree as a text takes the
 * square of them, judging it takes stack, and the parser itself survives seven times as many.
 */
export const maxTreeLevels = 2_000

/** Why a deeper one is not run, as the end of a sentence. */
export const tooDeep = 'it is nested too deeply; write a long chain of operators with IN, ANY or concat()'

/** A node of the parser's tree: one key that names its type, or plain fields. */
export type ParseNode = Record<string, unknown>

export interface ParsedStatement {
  stmt: ParseNode
  /** Bytes, not characters. Absent at the start of the text. */
  stmt_location?: number
  stmt_len?: number
}
