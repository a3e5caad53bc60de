import * as z from 'zod'

/** Text as people type it: trimmed, and without NUL, which Postgres cannot store. */
export function text(maxLength: number) {
  return z
    .string()
    .trim()
    .max(maxLength, `must have at most ${maxLength} characters`)
    .refine((value) => !value.includes('\0'), 'must not contain a NUL character')
}

/** Like {@link text}, and not empty. */
export function requiredText(maxLength: number) {
  return text(maxLength).min(1, 'must not be empty')
}

/** The id of a row, also as a path parameter. */
export const idSchema = z.coerce.number().int().min(1).max(2_147_483_647)

export const optionalId = z.int().min(1).max(2_147_483_647).nullable()

/**
 * A moment in a request: a date or an ISO 8601 time. Only four digits of a year can be written as ISO 8601 again, in
 * whatever zone; Postgres knows no year 0.
 */
export const momentSchema = z
  .union([z.iso.date(), z.iso.datetime({ offset: true })])
  .refine((moment) => isBetween(Date.parse(moment), '1000-01-01', '9999-12-31'), 'must be of the years 1000 to 9999')

function isBetween(time: number, firstDay: string, lastDay: string): boolean {
  return time >= Date.parse(`${firstDay}T00:00:00.000Z`) && time <= Date.parse(`${lastDay}T23:59:59.999Z`)
}

/** A column of the database, as ISO 8601 in an answer. */
export const timestampSchema = z
  .date()
  .transform((date) => date.toISOString())
  .pipe(z.iso.datetime())

/**
 * Like {@link timestampSchema}, for a column that plugins write: `infinity`, or a year without four digits, is null, so
 * that no single row can make a whole list fail.
 */
export const tolerantTimestampSchema = z
  .custom<Date | number | null>()
  .transform((value) => (isWritable(value) ? value.toISOString() : null))
  .pipe(z.iso.datetime().nullable())

/** The driver makes a number of `infinity`, and an invalid date of what is past the last one of JavaScript. */
function isWritable(value: unknown): value is Date {
  return value instanceof Date && isBetween(value.getTime(), '0000-01-01', '9999-12-31')
}

const maxPageSize = 200

/** `page`, `pageSize`, `sort` (`-` for descending) and `q` of every list. */
export function listQuery<const Sortable extends readonly [string, ...string[]]>(sortable: Sortable) {
  const directions = sortable.flatMap((column) => [column, `-${column}`])
  return z.object({
    page: z.coerce.number().int().min(1).max(1_000_000).default(1),
    pageSize: z.coerce.number().int().min(1).max(maxPageSize).default(25),
    sort: z.enum(directions as [string, ...string[]]).default('-id'),
    q: text(200).default('').describe('Words to look for'),
  })
}

export interface ListQuery {
  page: number
  pageSize: number
  sort: string
  q: string
}

export function listOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), total: z.int().min(0) })
}
