export { runCommandLine, type ExitCode, type Output } from './command-line.js'
