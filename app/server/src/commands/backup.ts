import { countOf } from '@tenon/contract/count-of'
import { Command } from 'commander'
import { writeBackup } from '../backup/write-backup.js'
import { runCommand } from './run-command.js'
import { withInstallation } from './with-installation.js'

const command = new Command('backup')
  .description(
    'Write everything of this installation into a folder: organizations, plugins, their tables and sealed secrets.',
  )
  .argument('<folder>', 'a new or empty folder')
  .addHelpText(
    'after',
    '\nKeep TENON_SECRET_KEY (or secrets.json of the data directory) as well, elsewhere: without it the secrets in a backup\ncannot be opened. With the embedded database, stop the server first.',
  )
  .action((folder: string) =>
    withInstallation(process.env, async ({ database: { pool }, sealer }) => {
      const { tenants, data, roles, leftOut } = await writeBackup({ pool, sealer, directory: folder })
      process.stdout.write(
        `Wrote ${folder}: ${countOf(tenants.length, 'organization')}, ${countOf(data.length, 'table')}, ${countOf(roles.length, 'role')} of plugins.\n`,
      )
      if (leftOut.length === 0) return
      process.exitCode = 2
      process.stderr.write(`Left out, because a backup does not know such objects: ${leftOut.join(', ')}\n`)
    }),
  )

runCommand(command)
