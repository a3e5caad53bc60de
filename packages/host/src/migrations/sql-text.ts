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

/** Text as PostgreSQL can keep it: without NUL, and with � for half a character. */
export function storableText(text: string): string {
  return text.replaceAll('\0', '').replace(/\p{Surrogate}/gu, '\ufffd')
}

/** A value as jsonb can keep it; see {@link storableText}. */
export function storableJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'string') return storableText(part)
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [storableText(key), inner as unknown]))
  })
}

/** JSON pointer of the first text, or name of a field, that cannot be kept as it is. */
export function unstorableTextIn(value: unknown, pointer = ''): string | undefined {
  if (typeof value === 'string') return storableText(value) === value ? undefined : pointer
  if (typeof value !== 'object' || value === null) return undefined
  for (const [key, inner] of Object.entries(value)) {
    const field = `${pointer}/${key}`
    const found = storableText(key) === key ? unstorableTextIn(inner, field) : field
    if (found !== undefined) return found
  }
  return undefined
}
