import type { RunnerLimits } from '@tenon/contract/wire'
import type { SealOptions } from './seal/seal.js'

/** What a runner is told on its command line, as JSON. */
export interface RunnerOptions {
  limits: RunnerLimits
  /** Left out where the kernel is not asked to hold it. */
  seal?: SealOptions
}

export function readRunnerOptions(argument = '{}'): RunnerOptions {
  return JSON.parse(argument) as RunnerOptions
}
