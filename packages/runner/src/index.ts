import { fileURLToPath } from 'node:url'

export { findSeal } from './find-seal.js'
export type { LaunchReport, LaunchRequest } from './launch-messages.js'
export { changePriority, lowerPriority, makeNice, openSession } from './process-priority.js'
export type { RunnerOptions } from './runner-options.js'
export type { SealOptions } from './seal/seal.js'
export { killGroup, type Launch, pipeOf, spawnWithPipes } from './spawn-with-pipes.js'

/** Absolute path of the one CommonJS file that a plugin process runs. Made by `bundle.mjs`. */
export const runnerPath: string = fileURLToPath(new URL('../dist/runner.cjs', import.meta.url))

/** Absolute path of the program that starts runners for a host; it speaks over Node's channel between processes. */
export const launcherPath: string = fileURLToPath(new URL('../dist/launcher.cjs', import.meta.url))

/** Absolute path of the program that attacks the kernel from inside a seal. Takes what a runner takes. */
export const kernelProbePath: string = fileURLToPath(new URL('../dist/kernel-probe.cjs', import.meta.url))
