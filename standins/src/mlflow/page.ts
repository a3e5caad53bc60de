import { invalidParameter } from './mlflow-error.js'

/** One page of `rows`, and the token for the next one when there is more. */
export interface Page<Row> {
  readonly rows: readonly Row[]
  readonly nextPageToken?: string
}

/** The page of `all` that is asked for. */
export interface PageAsked {
  readonly size: number
  readonly token: string | undefined
  /** A full page has a token even when no row follows. */
  readonly looksNoFurther?: boolean | undefined
}

/** Cuts the page that `token` points at out of all rows. */
export function cutPage<Row>(all: readonly Row[], { size, token, looksNoFurther = false }: PageAsked): Page<Row> {
  const start = token ? offsetOf(token) : 0
  const end = start + size
  const goesOn = looksNoFurther ? end <= all.length : end < all.length
  return {
    rows: all.slice(start, Math.max(start, end)),
    ...(goesOn && { nextPageToken: tokenFor(end) }),
  }
}

/** Page sizes of one endpoint, as the real server has them. */
export interface PageLimits {
  readonly standard: number
  readonly most: number
  /** Whether a page of 0 rows is a mistake; `registered-models/search` answers it with a token that never advances. */
  readonly zeroIsWrong?: string
}

/** The page size that was asked for. Throws as MLflow does when it is not a whole number or too large. */
export function pageSize(asked: unknown, { standard, most, zeroIsWrong }: PageLimits): number {
  if (asked === undefined) return standard
  const size = typeof asked === 'number' || /^\s*-?\d+\s*$/.test(String(asked)) ? Number(asked) : Number.NaN
  if (!Number.isInteger(size) || size > most) {
    throw invalidParameter(
      `Invalid value ${JSON.stringify(asked)} for parameter 'max_results' supplied:  ` +
        `Hint: Value was of type '${typeof asked === 'number' ? 'int' : 'str'}'. ` +
        `See the API docs for more information about request parameters.`,
    )
  }
  if (size < 1 && zeroIsWrong) throw invalidParameter(zeroIsWrong.replace('%', String(size)))
  return size
}

// Clients must treat a token as opaque; this one is what MLflow itself sends, so that no client comes to rely on less.
function tokenFor(offset: number): string {
  return Buffer.from(`{"offset": ${offset}}`).toString('base64')
}

function offsetOf(token: string): number {
  if (token.replace(/[^A-Za-z0-9+/=]/g, '').length % 4 !== 0) {
    throw invalidParameter('Invalid page token, could not base64-decode')
  }
  const decoded = Buffer.from(token, 'base64')
  const parsed = parse(decoded)
  const offset = Number((parsed as { offset?: unknown } | null)?.offset)
  if (!Number.isInteger(offset)) {
    throw invalidParameter(`Invalid page token, parsed value=${JSON.stringify(parsed)}`)
  }
  return offset
}

function parse(decoded: Buffer): unknown {
  try {
    return JSON.parse(decoded.toString()) as unknown
  } catch {
    throw invalidParameter(`Invalid page token, decoded value=${pythonBytes(decoded)}`)
  }
}

function pythonBytes(bytes: Buffer): string {
  const shown = [...bytes].map((byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  )
  return `b'${shown.join('')}'`
}
