import { createHostMigrator, getTenantHash, type Migrator } from '@tenon/host'
import { Command } from 'commander'
import { appMigrations } from '../migrations/index.js'
import { runCommand } from './run-command.js'
import { withInstallation } from './with-installation.js'

const withMigrator = (work: (migrator: Migrator) => Promise<string[]>) =>
  withInstallation(process.env, async ({ database: { pool } }) => {
    const lines = await work(createHostMigrator({ pool, application: appMigrations }))
    process.stdout.write(`${lines.join('\n')}\n`)
  })

const command = new Command('migrate')
  .description('Bring the database to this release, or back. A server does the former itself when it starts.')
  .addHelpText(
    'after',
    '\nExamples:\n  npm run migrate -- status\n  npm run migrate -- up\n  npm run migrate -- down --to 1004-announcements\n  npm run migrate -- down --to 0 --organization 7',
  )

command
  .command('status')
  .description('what has run, and what is missing')
  .action(() =>
    withMigrator(async (migrator) => {
      const { platform, tenants, changed } = await migrator.status()
      return [
        `Platform: ${platform.applied.length} applied, ${platform.pending.length} missing`,
        ...platform.pending.map((name) => `  missing  ${name}`),
        `Organizations that lack something: ${tenants.length}`,
        ...tenants.map((tenant) => `  ${tenant.organizationId} (${tenant.state}): ${tenant.pending.join(', ')}`),
        ...changed.map(({ scope, name }) => `  ${scope}: ${name} has changed since it ran`),
      ]
    }),
  )

command
  .command('up')
  .description('run what is missing')
  .action(() =>
    withMigrator(async (migrator) => {
      const report = await migrator.up()
      if (report.degraded.length > 0) process.exitCode = 1
      return [
        ...report.platform.map((name) => `platform  ${name}`),
        ...report.tenants.map((tenant) => `organization ${tenant.organizationId}  ${tenant.applied.join(', ')}`),
        ...report.degraded.map((tenant) => `organization ${tenant.organizationId} FAILED  ${tenant.error}`),
        'Up to date.',
      ]
    }),
  )

command
  .command('down')
  .description('undo everything after a step; data in what is undone is lost')
  .requiredOption('--to <name>', 'the last step that stays, or 0 to undo all')
  .option('--organization <id>', 'steps of one organization instead of the platform', Number)
  .action(({ to, organization }: { to: string; organization?: number }) =>
    withMigrator(async (migrator) => {
      const scope =
        organization === undefined
          ? ('platform' as const)
          : { organizationId: organization, schema: getTenantHash(organization) }
      const undone = await migrator.down({ scope, to: to === '0' ? 0 : to })
      return undone.length > 0 ? undone.map((name) => `undone  ${name}`) : ['Nothing to undo.']
    }),
  )

runCommand(command)
