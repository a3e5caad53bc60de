export { runCommandLine, type ExitCode } from './command-line.js'
export type { Output } from './output.js'
