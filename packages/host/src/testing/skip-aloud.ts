import type { TestContext } from 'vitest'

/** Leaves a test out, and prints why: nobody must take a wall for tested that is not there. */
export function skipAloud({ task, skip }: Pick<TestContext, 'task' | 'skip'>, reason: string): never {
  process.stderr.write(`Left out, "${task.name}": ${reason}\n`)
  return skip(reason)
}
