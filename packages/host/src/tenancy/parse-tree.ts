/** A node of the parser's tree: one key that names its type, or plain fields. */
export type ParseNode = Record<string, unknown>

export interface ParsedStatement {
  stmt: ParseNode
  /** Bytes, not characters. Absent at the start of the text. */
  stmt_location?: number
  stmt_len?: number
}
