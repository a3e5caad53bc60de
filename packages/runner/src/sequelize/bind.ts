/**
 * Turns `$name` or `$1` into parameters, as Sequelize 6 does. `$$` stands for a dollar sign.
 * @throws Error in Sequelize's words when a value is missing.
 */
export function formatBind(sql: string, values: unknown[] | Record<string, unknown>): [string, unknown[]] {
  return Array.isArray(values) ? formatPositional(sql, values) : formatNamed(sql, values)
}

const parameter = /\B\$(\$|\w+)/g

function formatPositional(sql: string, values: unknown[]): [string, unknown[]] {
  const text = sql.replace(parameter, (match, key: string) => {
    if (key === '$') return key
    if (!/^[1-9]\d*$/.test(key) || values[Number(key) - 1] === undefined) throw missing(match)
    return match
  })
  return [text, values.map(withoutNul)]
}

function formatNamed(sql: string, values: Record<string, unknown>): [string, unknown[]] {
  const parameters: unknown[] = []
  const seen = new Map<string, string>()
  const text = sql.replace(parameter, (match, key: string) => {
    if (key === '$') return key
    const known = seen.get(key)
    if (known !== undefined) return known
    if (/^\d*$/.test(key) || values[key] === undefined) throw missing(match)
    parameters.push(withoutNul(values[key]))
    seen.set(key, `$${parameters.length}`)
    return `$${parameters.length}`
  })
  return [text, parameters]
}

function withoutNul(value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '\\0') : value
}

function missing(match: string): Error {
  return new Error(`Named bind parameter "${match}" has no value in the given object.`)
}
