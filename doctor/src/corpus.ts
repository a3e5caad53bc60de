/**
 * What an attack came to. `stopped` is what is expected; `residue` is a known, documented thing that can be seen but not
 * used; `succeeded` is a hole.
 */
export type AttackOutcome = 'stopped' | 'residue' | 'succeeded'

export interface AttackResult {
  /** The one thing that the case does. */
  name: string
  outcome: AttackOutcome
  /** What stopped it, or what it got: one line for a person. */
  how: string
}

/** A list of attacks of one kind. */
export interface Corpus {
  name: string
  /** Makes its attacks one after another and says what came of each. */
  run(signal?: AbortSignal): AsyncIterable<AttackResult>
}
