export interface Column {
  name: string
  type: string
  isArray: boolean
}

/** A value as Postgres reads it from text; null for what is NULL. */
export function textOf(value: unknown, column: Column): string | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'string') return value
  if (Array.isArray(value) && column.isArray) return arrayText(value)
  if (value instanceof Date) return value.toISOString()
  if (ArrayBuffer.isView(value))
    return `\\x${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')}`
  if (column.type === 'json' || column.type === 'jsonb') return JSON.stringify(value)
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function arrayText(values: unknown[]): string {
  const items = values.map((value) => {
    if (value === undefined || value === null) return 'NULL'
    if (Array.isArray(value)) return arrayText(value)
    const text = textOf(value, { name: '', type: '', isArray: false }) ?? ''
    return `"${text.replace(/(["\\])/g, '\\$1')}"`
  })
  return `{${items.join(',')}}`
}
