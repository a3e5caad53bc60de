import type { Command } from 'commander'

/** Runs a command line: exit code 1 and one sentence when it fails. */
export function runCommand(command: Command): void {
  command.parseAsync().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
  })
}
