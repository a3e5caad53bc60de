/** One limit: a number, what it counts, and why it is this one and not another. */
export interface Limit {
  value: number
  unit: string
  reason: string
}

export type LimitTable = Readonly<Record<string, Limit>>

/** The limits of a table by name, as code takes them. */
export type LimitsOf<Table extends LimitTable> = Record<keyof Table, number>

export const limit = (value: number, unit: string, reason: string): Limit => ({ value, unit, reason })

export const mebibyte = 1024 * 1024
export const minute = 60_000

/** Milliseconds before an attempt, the second being the first that waits: four times as long each time. */
export function pauseBefore(attempt: number, limits: { retryMs: number; maxRetryMs: number }): number {
  return Math.min(limits.retryMs * 4 ** (attempt - 2), limits.maxRetryMs)
}

/** The limits in force: what the table says, with the operator's own numbers in front. */
export function limitsOf<Table extends LimitTable>(
  table: Table,
  overrides: { readonly [Name in keyof Table]?: number | undefined } = {},
): LimitsOf<Table> {
  const values = Object.entries(table).map(([name, { value }]) => [name, overrides[name] ?? value])
  return Object.fromEntries(values) as LimitsOf<Table>
}

/** Of bytes, for a person. */
export function megabytes(bytes: number): string {
  return `${Math.round(bytes / mebibyte)} MB`
}
