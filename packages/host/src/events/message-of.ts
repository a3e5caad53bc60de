const longestMessage = 2_000

/** What an error says, in a form that a text column takes: plugins choose it, and Postgres has no place for NUL. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  return message.replaceAll('\0', '').slice(0, longestMessage)
}
