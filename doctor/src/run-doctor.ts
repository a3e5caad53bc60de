import { createWriteStream } from 'node:fs'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createLog, hostOptions, parseSettings, withInstallation } from '@tenon/app-server'
import { testSandbox } from '@tenon/host'
import { Command, Option } from 'commander'
import { corpusPlans, type CorpusPlan } from './corpora.js'
import { examine, type Findings } from './examine.js'
import { referenceApplication } from './reference-application.js'

interface Chosen {
  selfTest?: true
  corpus?: string[]
  rows: string
  verbose?: boolean
}

interface Surroundings {
  environment: Record<string, string | undefined>
  write: (line: string) => void
  /** Default: every corpus there is. */
  plans?: readonly CorpusPlan[]
}

/**
 * The doctor's command line.
 *
 * @param args without the names of Node and of the program
 * @returns the exit status: 0 only if the sandbox holds, and each corpus ran to its end, tried something and had no success
 * @throws what keeps it from trying at all, in a sentence for a person
 */
export async function runDoctor(
  args: readonly string[],
  { environment, write, plans = corpusPlans }: Surroundings,
): Promise<number> {
  let status = 1
  const command = new Command('doctor')
    .description('Attack this installation: its sandbox, and its walls between two throw-away organizations.')
    .option('--self-test', 'only attack the sandbox; the database is not opened')
    .addOption(new Option('--corpus <name...>', 'only these corpora').choices(plans.map(({ name }) => name)))
    .option('--rows <file>', 'where the row of each attack is written', defaultRowsFile())
    .option('--verbose', 'print the row of each attack, not only of those that were not stopped')
    .addHelpText(
      'after',
      `
Corpora:
${plans.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}

It takes the settings of the server and may run beside it. The organizations, their plugins, roles and schemas are
removed in the end. In production run --self-test; corpora have to be named there, because they load the database.
The exit status is 0 only if nothing succeeded.`,
    )
    .action(async ({ selfTest, corpus, rows, verbose = false }: Chosen) => {
      const { production } = parseSettings(environment)
      const holds = await examineSandbox(environment, write)
      if (selfTest) return void (status = holds ? 0 : 1)
      if (production && corpus === undefined) {
        throw new Error(
          'In production the corpora run only when they are named: --corpus sql egress, or --self-test alone.',
        )
      }
      const chosen = plans.filter(({ name }) => corpus?.includes(name) ?? true)
      const found = await examineWalls(chosen, { environment, write, rows, verbose })
      write('')
      for (const line of found.map(lineOf)) write(line)
      write(`The row of each attack is in ${rows}`)
      status = holds && found.every(isSound) ? 0 : 1
    })
  await command.parseAsync(args, { from: 'user' })
  return status
}

const defaultRowsFile = (): string =>
  path.join(tmpdir(), `tenon-doctor-${new Date().toISOString().replace(/[:.]/g, '-')}.txt`)

async function examineSandbox(
  environment: Surroundings['environment'],
  write: Surroundings['write'],
): Promise<boolean> {
  const { sandboxMinTier, sandboxMaxTier } = parseSettings(environment)
  const { tier, passed, breaches, broken, notTaken } = await testSandbox({ maxTier: `T${sandboxMaxTier}` })
  const found = [...breaches, ...broken.map((need) => `not ${need}`)]
  write(`sandbox    tier ${tier.slice(1)}: ${passed ? 'it holds' : `a probe could ${found.join(', ')}`}`)
  for (const other of notTaken) write(`           not tier ${other.tier.slice(1)}: ${other.reason}`)
  const isStrongEnough = Number(tier.slice(1)) >= sandboxMinTier
  if (!isStrongEnough) write(`           SANDBOX_MIN_TIER asks for tier ${sandboxMinTier}: no plugin runs here`)
  return passed && isStrongEnough
}

interface WallOptions extends Omit<Surroundings, 'plans'> {
  /** Rows name what got through: nobody else is to read them. */
  rows: string
  verbose: boolean
}

async function examineWalls(
  plans: readonly CorpusPlan[],
  { environment, write, rows, verbose }: WallOptions,
): Promise<Findings[]> {
  const file = createWriteStream(rows, { mode: 0o600 })
  await once(file, 'open')
  try {
    return await withInstallation(
      environment,
      async ({ settings, database, secrets }) => {
        const log = createLog({ logLevel: 'silent' })
        const host = await hostOptions({
          database,
          settings,
          secrets,
          marketplaceLocation: '',
          publicUrl: settings.publicUrl ?? 'http://localhost',
          authenticate: () => Promise.reject(new Error('nobody signs in to the doctor')),
          log,
        })
        const found: Findings[] = []
        const examination = examine(plans, {
          host,
          connection: database.connection,
          application: referenceApplication,
          onResult: (corpus, { name, outcome, how }) => {
            const row = `${corpus.padEnd(10)} ${outcome.padEnd(9)} ${name}: ${how.replace(/\s+/g, ' ')}`
            file.write(`${row}\n`)
            if (verbose || outcome !== 'stopped') write(row)
          },
        })
        for await (const findings of examination) found.push(findings)
        return found
      },
      { beside: true },
    )
  } finally {
    file.end()
    await once(file, 'close')
  }
}

/** Where nothing was tried, nothing was found out. */
function isSound({ counts: { stopped, succeeded }, failure }: Findings): boolean {
  return succeeded === 0 && stopped > 0 && failure === undefined
}

function lineOf({ corpus, counts: { stopped, residue, succeeded }, failure }: Findings): string {
  const sum = `${stopped + residue + succeeded} attacks, ${succeeded} succeeded, ${residue} residue`
  return `${corpus.padEnd(10)} ${failure === undefined ? sum : `could not be run to its end: ${failure} (${sum})`}`
}
