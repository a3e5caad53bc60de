/** The list in a value that may be JSON, as `chat.postMessage` takes it in a form field; undefined when it is none. */
export function parseList(value: unknown): unknown[] | undefined {
  const list = typeof value === 'string' ? parse(value) : value
  return Array.isArray(list) ? (list as unknown[]) : undefined
}

/** The objects in such a list. */
export function objectsOf(value: unknown): Readonly<Record<string, unknown>>[] {
  return (parseList(value) ?? []).filter(
    (one): one is Record<string, unknown> => typeof one === 'object' && one !== null,
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}
