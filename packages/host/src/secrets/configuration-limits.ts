import { createContext, Script } from 'node:vm'
import { TenonError } from '@tenon/contract'

/** What a configuration may be at most. The schema that it is checked by is a stranger's, and both meet in the host. */
export const configurationLimits = {
  /** Of its JSON text. */
  bytes: 256 * 1024,
  /** Objects, lists and single values together. */
  values: 10_000,
  /** Objects and lists within each other. */
  depth: 64,
  /** For one walk of a schema over a configuration. */
  milliseconds: 1_000,
}

/** On a machine that is busy with other things a second may pass in which hardly anything was done. */
const attempts = 2
const busyPart = 0.5

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

const context = createContext({})
const script = new Script('run()')

/**
 * Runs a synchronous function and stops it when it holds the event loop for too long: a schema of a few lines can ask for
 * more work than there is time, by references that lead to each other.
 *
 * @throws TenonError CONFIGURATION_INVALID when it was stopped
 */
export function withinTime<Result>(run: () => Result): Result {
  for (let attempt = 1; ; attempt++) {
    const before = process.cpuUsage()
    try {
      return inTime(run)
    } catch (error) {
      if ((error as NodeJS.ErrnoException | undefined)?.code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error
      const { user, system } = process.cpuUsage(before)
      const wasStarved = (user + system) / 1_000 < configurationLimits.milliseconds * busyPart
      if (wasStarved && attempt < attempts) continue
      throw takesTooLong()
    }
  }
}

export function takesTooLong(): TenonError {
  const message = 'takes too long to check'
  return new TenonError('CONFIGURATION_INVALID', {
    reasons: `the whole ${message}`,
    problems: [{ field: '', message }],
  })
}

function inTime<Result>(run: () => Result): Result {
  const outer = context['run'] as unknown
  context['run'] = run
  try {
    return script.runInContext(context, { timeout: configurationLimits.milliseconds }) as Result
  } finally {
    context['run'] = outer
  }
}
