import type { TestContext } from 'vitest'

/** Leaves a test out, and prints why: nobody must take a wall for tested that is not there. */
export function skipAloud({ task, skip }: Pick<TestContext, 'task' | 'skip'>, reason: string): never {
  console.warn(`Left out, "${task.name}": ${reason}`)
  return skip(reason)
}
