import { invalidParameter } from './mlflow-error.js'
import type { Pair } from './wire.js'

/** What a filter or an order can be about. */
export type FieldKind = 'attribute' | 'tag' | 'metric' | 'param'
export type FieldValue = string | number | undefined

/** What one endpoint lets be searched and ordered, and in whose words it refuses the rest. */
export interface Searchable<Row> {
  readonly kinds: readonly FieldKind[]
  /** Attributes that a filter may name. */
  readonly filterAttributes: readonly string[]
  /** Attributes that an order may name. */
  readonly orderAttributes: readonly string[]
  /** Orders that apply after what was asked for. */
  readonly thenBy: readonly string[]
  /** The order when none is asked for, if it is not just `thenBy`. */
  readonly standardOrder?: readonly string[]
  readonly quotesInvalidClause?: boolean
  readonly unknownOrder?: (key: string) => string
  /** What follows "Invalid entity type 'x'. " */
  readonly validKinds: string
  read(row: Row, kind: FieldKind, key: string): FieldValue
}

interface Condition {
  readonly kind: FieldKind
  readonly key: string
  readonly comparator: string
  readonly value: string | number | ReadonlySet<string>
}

const KIND_BY_PREFIX: Readonly<Record<string, FieldKind>> = {
  attribute: 'attribute',
  attributes: 'attribute',
  attr: 'attribute',
  run: 'attribute',
  tag: 'tag',
  tags: 'tag',
  metric: 'metric',
  metrics: 'metric',
  param: 'param',
  params: 'param',
  parameter: 'param',
  parameters: 'param',
}

const TEXT = `'(?:[^']|'')*'|"[^"]*"`
const FIELD = String.raw`\w+(?:\.(?:[\w./-]+|"[^"]*"|` + '`[^`]*`))?'
const COMPARATOR = String.raw`[!<>]=|[=<>]|\b(?:NOT\s+)?IN\b|\bI?LIKE\b`
const LIST = String.raw`\((?:\s*(?:${TEXT})\s*,?)+\)`
const CLAUSE = new RegExp(String.raw`^\s*(${FIELD})\s*(${COMPARATOR})\s*(${TEXT}|[\w.+-]+|${LIST})\s*$`, 'i')

/** The rows that `filter` lets through. Throws as MLflow does when the filter cannot be understood. */
export function filterRows<Row>(
  rows: readonly Row[],
  filter: string | undefined,
  searchable: Searchable<Row>,
): readonly Row[] {
  if (!filter?.trim()) return rows
  const conditions = clausesOf(filter).map((clause) => parseClause(clause, filter, searchable))
  return rows.filter((row) =>
    conditions.every((condition) => holds(condition, searchable.read(row, condition.kind, condition.key))),
  )
}

/** Splits at AND, but not inside quotes. */
function clausesOf(filter: string): string[] {
  const parts = filter.match(new RegExp(`${TEXT}|\\band\\b|[^'"]+?(?=\\band\\b|['"]|$)`, 'gi')) ?? []
  return parts.reduce<string[]>(
    (clauses, part) => {
      if (/^and$/i.test(part)) return [...clauses, '']
      return [...clauses.slice(0, -1), (clauses.at(-1) ?? '') + part]
    },
    [''],
  )
}

function parseClause<Row>(clause: string, filter: string, searchable: Searchable<Row>): Condition {
  const [, field, comparator, value] = CLAUSE.exec(clause) ?? []
  if (!field || !comparator || !value) {
    const shown = searchable.quotesInvalidClause ? `'${clause.trim()}'` : clause.trim()
    throw invalidParameter(`Invalid clause(s) in filter string: ${shown || filter}`)
  }
  const { kind, key } = parseField(field, searchable)
  if (kind === 'attribute') assertKnown(key, searchable.filterAttributes)
  return { kind, key, comparator: comparator.toUpperCase().replace(/\s+/g, ' '), value: parseValue(value) }
}

function parseField<Row>(field: string, { kinds, validKinds }: Searchable<Row>): { kind: FieldKind; key: string } {
  const dot = field.indexOf('.')
  if (dot < 0) return { kind: 'attribute', key: unquote(field) }
  const prefix = field.slice(0, dot)
  const kind = KIND_BY_PREFIX[prefix]
  if (!kind || !kinds.includes(kind)) {
    throw invalidParameter(`Invalid entity type '${prefix}'. ${validKinds}`)
  }
  return { kind, key: unquote(field.slice(dot + 1)) }
}

function parseValue(value: string): Condition['value'] {
  if (value.startsWith('(')) return new Set((value.match(new RegExp(TEXT, 'g')) ?? []).map(unquote))
  if (/^['"]/.test(value)) return unquote(value)
  if (!Number.isNaN(Number(value))) return Number(value)
  throw invalidParameter(
    `Parameter value is either not quoted or unidentified quote types used for string value ${value}. ` +
      `Use either single or double quotes.`,
  )
}

function unquote(text: string): string {
  return /^(['"`]).*\1$/s.test(text) ? text.slice(1, -1) : text
}

function holds({ comparator, value }: Condition, actual: FieldValue): boolean {
  if (actual === undefined) return false
  if (value instanceof Set) return value.has(String(actual)) === (comparator === 'IN')
  const wanted = typeof actual === 'number' ? Number(value) : String(value)
  switch (comparator) {
    case '=':
      return actual === wanted
    case '!=':
      return actual !== wanted
    case '>':
      return actual > wanted
    case '>=':
      return actual >= wanted
    case '<':
      return actual < wanted
    case '<=':
      return actual <= wanted
    default:
      return like(String(wanted), comparator === 'ILIKE').test(String(actual))
  }
}

function like(pattern: string, ignoreCase: boolean): RegExp {
  const source = pattern
    .replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')
    .replace(/%/g, '.*')
    .replace(/_/g, '.')
  return new RegExp(`^${source}$`, ignoreCase ? 'is' : 's')
}

/** The rows in the order that was asked for, then in the endpoint's own. */
export function orderRows<Row>(
  rows: readonly Row[],
  orderBy: readonly string[],
  searchable: Searchable<Row>,
): readonly Row[] {
  const asked = orderBy.length > 0 ? orderBy : (searchable.standardOrder ?? [])
  const orders = [...asked, ...searchable.thenBy].map((clause) => parseOrder(clause, searchable))
  return [...rows].sort((a, b) => {
    for (const { kind, key, sign } of orders) {
      const difference = compare(searchable.read(a, kind, key), searchable.read(b, kind, key), sign)
      if (difference !== 0) return difference
    }
    return 0
  })
}

function parseOrder<Row>(clause: string, searchable: Searchable<Row>): { kind: FieldKind; key: string; sign: 1 | -1 } {
  const [, field = '', direction] = /^\s*(.*?)(?:\s+(asc|desc))?\s*$/i.exec(clause) ?? []
  const { kind, key } = parseField(field, searchable)
  if (kind === 'attribute') assertKnown(key, searchable.orderAttributes, searchable.unknownOrder)
  return { kind, key, sign: direction?.toUpperCase() === 'DESC' ? -1 : 1 }
}

/** What has no value comes last whichever the direction, and what is not a number just before it. */
function compare(a: FieldValue, b: FieldValue, sign: 1 | -1): number {
  const absence = rank(a) - rank(b)
  if (absence !== 0 || a === undefined || b === undefined || a === b) return absence
  return a < b ? -sign : sign
}

function rank(value: FieldValue): number {
  if (value === undefined) return 2
  return Number.isNaN(value) ? 1 : 0
}

function assertKnown(key: string, known: readonly string[], refusal?: (key: string) => string): void {
  if (known.includes(key)) return
  throw invalidParameter(
    refusal?.(key) ?? `Invalid attribute key '${key}' specified. Valid keys are '${pythonSet(known)}'`,
  )
}

/** As Python prints a set, but sorted: Python's own order changes with every start. */
function pythonSet(values: readonly string[]): string {
  return `{${[...values]
    .sort()
    .map((value) => `'${value}'`)
    .join(', ')}}`
}

/** The value of a tag or parameter. */
export function valueOf(pairs: readonly Pair[] | undefined, key: string): string | undefined {
  return pairs?.find((pair) => pair.key === key)?.value
}
