import { readFileSync } from 'node:fs'
import { isTenonError } from '@tenon/contract'
import { Command, CommanderError } from 'commander'
import { checkCommand } from './check.js'
import { createCommand } from './create.js'
import type { Output } from './output.js'
import { packCommand } from './pack.js'

/** 0: done. 1: it did not work, and standard error says why. 2: it was called in a way that means nothing. */
export type ExitCode = 0 | 1 | 2

/** Runs `tenon` with these arguments. Never throws. */
export async function runCommandLine(args: readonly string[], output: Output): Promise<ExitCode> {
  const program = new Command('tenon')
    .description('The command line of plugin authors')
    .version(ownVersion())
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: output.error })
    .showHelpAfterError('(run with --help for what is possible)')
  for (const command of [createCommand, checkCommand, packCommand]) {
    program.addCommand(command(output).copyInheritedSettings(program))
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof CommanderError) return exitCodeOf(error)
    output.error(`tenon: ${describe(error)}\n`)
    return 1
  }
}

function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

/** A check that found something has said so; everything else of Commander's is a call that means nothing. */
function exitCodeOf({ exitCode, code }: CommanderError): ExitCode {
  if (code === 'tenon.check') return 1
  return exitCode === 0 ? 0 : 2
}

function describe(error: unknown): string {
  if (isTenonError(error)) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
