import { Command } from 'commander'
import { account, doMainJob } from './main-job.js'
import { startSurroundings } from './surroundings.js'

const program = new Command('npm run demo --')
  .description('Does the main job of Tenon from end to end, on free ports and in a temporary folder.')
  .option('--keep', 'leave everything running afterwards, and print the address and the account')
  .parse()

const { keep = false } = program.opts<{ keep?: boolean }>()
const say = (text: string): boolean => process.stdout.write(`${text}\n`)

const databaseUrl = process.env['DATABASE_URL']
const database = databaseUrl ? 'a database of its own on the server of DATABASE_URL' : 'its own Postgres'
say(`Starting Tenon with ${database}, a marketplace on HTTP, and stand-ins for MLflow and Slack …`)
const started = performance.now()
const surroundings = await startSurroundings({ databaseUrl }).catch((error: unknown) => {
  process.stderr.write(`\nThe demonstration cannot start: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(1)
})
say(`  ready in ${seconds(started)} s at ${surroundings.server.url}\n`)

let lastStep = performance.now()
let failed = false
try {
  const report = (step: string, outcome: string): void => {
    clearLine()
    say(`  ✓ ${step.padEnd(36)} ${outcome} (${Math.round(performance.now() - lastStep)} ms)`)
    lastStep = performance.now()
  }
  await doMainJob(surroundings, Object.assign(report, { meanwhile }))
  say(`\nThe main job is done, in ${seconds(started)} s.`)
} catch (error) {
  failed = true
  clearLine()
  say(`  ✗ ${error instanceof Error ? error.message : String(error)}`)
}

if (keep && !failed) {
  say(`\n  Address    ${surroundings.server.url}/api/docs`)
  say(`  Email      ${account.email}`)
  say(`  Password   ${account.password}`)
  say(`  Slack      ${surroundings.slack.url}/inbox`)
  say(`  MLflow     ${surroundings.mlflow.url}`)
  say('\nCtrl+C stops everything and removes the temporary folder.')
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve)
    process.once('SIGTERM', resolve)
  })
}
await surroundings.close()
process.exitCode = failed ? 1 : 0

/** On a terminal one line that changes; elsewhere a line for each. */
function meanwhile(text: string): void {
  clearLine()
  process.stdout.write(`    … ${text}${process.stdout.isTTY ? '' : '\n'}`)
}

function clearLine(): void {
  if (process.stdout.isTTY) process.stdout.write('\r\u001b[2K')
}

function seconds(since: number): string {
  return ((performance.now() - since) / 1_000).toFixed(1)
}
