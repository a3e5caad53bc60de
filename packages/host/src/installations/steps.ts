/** One step of a lifecycle, with its inverse beside it. */
export interface Step {
  /** For progress and histories: a verb in the infinitive, such as `verify`. */
  name: string
  run(): Promise<void>
  /** Takes back what `run` did, also when `run` only did half of it. Must not fail on what is already gone. */
  undo?(): Promise<void>
}

export interface StepReport {
  /** Steps that were taken back, in the order in which that happened. */
  undone: string[]
  /** Steps that could not be taken back, with the reason. */
  stuck: { name: string; reason: string }[]
}

/**
 * Runs steps in order. When one fails, those that have begun are taken back in reverse order, and the error of the
 * failing step is thrown; `onUndo` is told what was taken back before that.
 */
export async function runSteps(
  steps: readonly Step[],
  { onStep, onUndo }: { onStep?: (name: string) => void; onUndo?: (report: StepReport) => Promise<void> | void } = {},
): Promise<void> {
  const begun: Step[] = []
  try {
    for (const step of steps) {
      onStep?.(step.name)
      begun.push(step)
      await step.run()
    }
  } catch (error) {
    await onUndo?.(await takeBack(begun))
    throw error
  }
}

async function takeBack(begun: Step[]): Promise<StepReport> {
  const report: StepReport = { undone: [], stuck: [] }
  for (const step of begun.toReversed()) {
    if (!step.undo) continue
    try {
      await step.undo()
      report.undone.push(step.name)
    } catch (error) {
      report.stuck.push({ name: step.name, reason: error instanceof Error ? error.message : String(error) })
    }
  }
  return report
}
