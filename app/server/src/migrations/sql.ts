import { escapeLiteral } from 'pg'

/** SQL literals, joined by commas. */
export function quotedList(values: readonly string[]): string {
  return values.map((value) => escapeLiteral(value)).join(', ')
}
