import { TenonError } from '@tenon/contract'

/** What a configuration may be at most. The schema that it is checked by is a stranger's. */
export const configurationLimits = {
  /** Of its JSON text. */
  bytes: 256 * 1024,
  /** Objects, lists and single values together. */
  values: 10_000,
  /** Objects and lists within each other. */
  depth: 64,
  /** Values that a schema calls secret: each is sealed alone, and opened for each call of the plugin. */
  secrets: 200,
  /** Characters of the JSON pointer to such a value, which is sealed with it. */
  secretPath: 1_000,
  /** For one walk of a schema over a configuration, in a thread. */
  milliseconds: 1_000,
  /** Of JavaScript heap for each of the two threads; what the largest schema of a manifest takes fits in twice. */
  threadMb: 128,
}

/** What makes a value larger than {@link configurationLimits} allow, as the end of a sentence; undefined when nothing does. */
export function oversizeOf(value: unknown): string | undefined {
  const waiting: { part: unknown; depth: number }[] = [{ part: value, depth: 0 }]
  let values = 0
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { part, depth } = next
    values += 1
    if (typeof part !== 'object' || part === null) continue
    const children: unknown[] = Object.values(part)
    if (values + waiting.length + children.length > configurationLimits.values)
      return `has more than ${configurationLimits.values} values`
    if (depth >= configurationLimits.depth) return `is nested deeper than ${configurationLimits.depth} levels`
    for (const child of children) waiting.push({ part: child, depth: depth + 1 })
  }
  const bytes = Buffer.byteLength(JSON.stringify(value) ?? '')
  return bytes > configurationLimits.bytes ? `is larger than ${configurationLimits.bytes / 1024} kB` : undefined
}

/** What is wrong with a configuration as a whole, as the end of a sentence. */
export function invalidWhole(problem: string): TenonError {
  return new TenonError('CONFIGURATION_INVALID', {
    reasons: `the whole ${problem}`,
    problems: [{ field: '', message: problem }],
  })
}
