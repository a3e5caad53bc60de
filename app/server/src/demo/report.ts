/** Says what was done, and what came of it; called once for each step. */
export interface Report {
  (step: string, outcome: string): void
  /** How far the step is that goes on; each replaces the one before. */
  meanwhile?: (text: string) => void
}
