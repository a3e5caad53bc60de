import { inspect } from 'node:util'

/** Writes a value as SQL, as Sequelize's `escape` does: arrays become `ARRAY[…]`. */
export function escapeValue(value: unknown): string {
  return Array.isArray(value) ? `ARRAY[${value.map(escapeValue).join(',')}]` : escapeScalar(value)
}

/** The same for replacements: arrays become a list, so that `IN (:ids)` and `ARRAY[:ids]` both work. */
export function escapeReplacement(value: unknown): string {
  return Array.isArray(value) ? listOf(value) : escapeScalar(value)
}

function listOf(values: unknown[]): string {
  return values.map((value) => (Array.isArray(value) ? `(${listOf(value)})` : escapeScalar(value))).join(', ')
}

function escapeScalar(value: unknown): string {
  if (value === undefined || value === null) return 'NULL'
  if (typeof value === 'boolean' || typeof value === 'number' || typeof value === 'bigint') return String(value)
  if (value instanceof Date) return quote(timestamp(value))
  if (Buffer.isBuffer(value)) return `E'\\\\x${value.toString('hex')}'`
  if (typeof value !== 'string') throw new Error(`Invalid value ${inspect(value, { showHidden: false, depth: 1 })}`)
  return quote(value)
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''").replaceAll('\0', '\\0')}'`
}

/** Sequelize writes the offset of the process; a plugin's process is in UTC. */
function timestamp(date: Date): string {
  if (Number.isNaN(date.getTime())) return 'Invalid date'
  return `${date.toISOString().replace('T', ' ').replace('Z', '')} +00:00`
}
