import { createLog, hostOptions, parseSettings, withInstallation } from '@tenon/app-server'
import { testSandbox } from '@tenon/host'
import { Command, Option } from 'commander'
import { corpusPlans } from './corpora.js'
import { examine, type Findings } from './examine.js'
import { referenceApplication } from './reference-application.js'

interface Chosen {
  selfTest?: true
  corpus?: string[]
  verbose?: true
}

const command = new Command('doctor')
  .description('Attack this installation: its sandbox, and its walls between two throw-away organizations.')
  .option('--self-test', 'only attack the sandbox; the database is not opened')
  .addOption(new Option('--corpus <name...>', 'only these corpora').choices(corpusPlans.map(({ name }) => name)))
  .option('--verbose', 'a row for every attack, not only for those that were not stopped')
  .addHelpText(
    'after',
    `
Corpora:
${corpusPlans.map(({ name, about }) => `  ${name.padEnd(10)} ${about}`).join('\n')}

It takes the settings of the server and may run beside it. The organizations, their plugins, roles and schemas are
removed in the end. In production run --self-test; corpora have to be named there, because they load the database.
The exit status is 0 only if nothing succeeded.`,
  )
  .action(async ({ selfTest, corpus, verbose }: Chosen) => {
    const sound = await examineSandbox()
    if (!sound) process.exitCode = 1
    if (selfTest) return
    if (parseSettings(process.env).production && corpus === undefined) {
      throw new Error(
        'In production the corpora run only when they are named: --corpus sql egress, or --self-test alone.',
      )
    }
    const found = await examineWalls(
      corpusPlans.filter(({ name }) => corpus?.includes(name) ?? true),
      verbose === true,
    )
    write('')
    for (const line of found.map(lineOf)) write(line)
    if (!found.every(isSound)) process.exitCode = 1
  })

async function examineSandbox(): Promise<boolean> {
  const { sandboxMinTier, sandboxMaxTier } = parseSettings(process.env)
  const { tier, passed, breaches, broken, notTaken } = await testSandbox({ maxTier: `T${sandboxMaxTier}` })
  const found = [...breaches, ...broken.map((need) => `not ${need}`)]
  write(`sandbox    tier ${tier.slice(1)}: ${passed ? 'it holds' : `a probe could ${found.join(', ')}`}`)
  for (const other of notTaken) write(`           not tier ${other.tier.slice(1)}: ${other.reason}`)
  const isStrongEnough = Number(tier.slice(1)) >= sandboxMinTier
  if (!isStrongEnough) write(`           SANDBOX_MIN_TIER asks for tier ${sandboxMinTier}: no plugin runs here`)
  return passed && isStrongEnough
}

async function examineWalls(plans: typeof corpusPlans, verbose: boolean): Promise<Findings[]> {
  return withInstallation(
    process.env,
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
          if (verbose || outcome !== 'stopped') write(`${corpus.padEnd(10)} ${outcome.padEnd(9)} ${name}: ${how}`)
        },
      })
      for await (const findings of examination) found.push(findings)
      return found
    },
    { beside: true },
  )
}

/** Where nothing was tried, nothing was found out. */
function isSound({ counts: { stopped, succeeded }, failure }: Findings): boolean {
  return succeeded === 0 && stopped > 0 && failure === undefined
}

function lineOf({ corpus, counts: { stopped, residue, succeeded }, failure }: Findings): string {
  const sum = `${stopped + residue + succeeded} attacks, ${succeeded} succeeded, ${residue} residue`
  return `${corpus.padEnd(10)} ${failure === undefined ? sum : `could not be run to its end: ${failure} (${sum})`}`
}

function write(line: string): void {
  process.stdout.write(`${line}\n`)
}

command.parseAsync().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
