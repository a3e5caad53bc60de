import { countOf } from '@tenon/contract/count-of'
import { openAudit, type Audit, type ChainedEntry } from '@tenon/host'
import { Command } from 'commander'
import { runCommand } from './run-command.js'
import { withInstallation } from './with-installation.js'

const withAudit = (work: (audit: Audit) => Promise<void>) =>
  withInstallation(process.env, async ({ database: { pool }, sealer }) => work(await openAudit({ pool, sealer })))

const command = new Command('audit')
  .description('What was done in this installation, by whom, and whether nobody has changed that.')
  .addHelpText(
    'after',
    '\nExamples:\n  npm run audit -- verify\n  npm run audit -- verify --at-least 1200\n  npm run audit -- list --organization 7 --limit 50',
  )

command
  .command('verify')
  .description('look for entries that were altered, removed or exchanged; exit code 1 when there is one')
  .option(
    '--at-least <number>',
    'how many entries there were at the last look, so that older copies are noticed',
    Number,
  )
  .action(({ atLeast = 0 }: { atLeast?: number }) =>
    withAudit(async (audit) => {
      const { entries, problem } = await audit.verify()
      const shorter =
        entries < atLeast
          ? `There ${atLeast === 1 ? 'was' : 'were'} ${countOf(atLeast, 'entry', 'entries')} already.`
          : undefined
      const wrong = problem?.message ?? shorter
      if (wrong === undefined) {
        process.stdout.write(
          `The audit is whole: ${countOf(entries, 'entry', 'entries')}. Ask for --at-least ${entries} the next time.\n`,
        )
        return
      }
      process.exitCode = 1
      process.stderr.write(`The audit is not whole after ${countOf(entries, 'entry', 'entries')}. ${wrong}\n`)
    }),
  )

command
  .command('list')
  .description('the newest entries first')
  .option('--organization <id>', 'of one organization', Number)
  .option('--limit <number>', 'how many', Number, 100)
  .action(({ organization, limit }: { organization?: number; limit: number }) =>
    withAudit(async (audit) => {
      for (const entry of await audit.list({ limit, organizationId: organization })) {
        process.stdout.write(`${lineOf(entry)}\n`)
      }
    }),
  )

function lineOf({ seq, occurredAt, organization, userId, pluginKey, action, outcome, details }: ChainedEntry): string {
  const who = userId === null ? 'platform' : `user ${userId}`
  const where = organization === null ? 'installation' : `organization ${organization}`
  const what = [action, pluginKey, outcome].filter((part) => part !== null).join(' ')
  return `${seq}  ${occurredAt.toISOString()}  ${where}  ${who}  ${what}  ${JSON.stringify(details)}`
}

runCommand(command)
