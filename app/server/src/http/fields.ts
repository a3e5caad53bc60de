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

/** A moment in a request: a date or an ISO 8601 time. */
export const momentSchema = z.union([z.iso.date(), z.iso.datetime({ offset: true })])

/** A column of the database, as ISO 8601 in an answer. */
export const timestampSchema = z
  .date()
  .transform((date) => date.toISOString())
  .pipe(z.iso.datetime())

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
