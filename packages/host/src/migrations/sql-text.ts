/** Quotes a name for SQL. */
export function quoteIdentifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}

/** Quotes a text for SQL, where a parameter cannot stand (DDL). */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

/** An error that the server sent: `code` is its SQLSTATE. */
export interface PostgresError extends Error {
  code: string
  detail?: string
  hint?: string
  position?: string
  schema?: string
  table?: string
  column?: string
  dataType?: string
  constraint?: string
  routine?: string
  severity?: string
}

export function isPostgresError(error: unknown): error is PostgresError {
  // Errors of the operating system have codes of five letters too, but no severity.
  if (!(error instanceof Error) || !('code' in error) || !('severity' in error)) return false
  return typeof error.code === 'string' && /^[0-9A-Z]{5}$/.test(error.code)
}
