import { countOf } from '@tenon/contract/count-of'
import { Command } from 'commander'
import { restoreBackup } from '../backup/restore-backup.js'
import { runCommand } from './run-command.js'
import { withInstallation } from './with-installation.js'

const command = new Command('restore')
  .description('Bring a backup into an empty database: that of TENON_DATA_DIR, or of DATABASE_URL.')
  .argument('<folder>', 'what `npm run backup` wrote')
  .addHelpText('after', '\nTENON_SECRET_KEY must be that of the installation which the backup was made of.')
  .action((folder: string) =>
    withInstallation(process.env, async ({ database: { pool, connection }, sealer }) => {
      const { tenants, createdAt } = await restoreBackup({ pool, connection, sealer, directory: folder })
      process.stdout.write(`Restored ${countOf(tenants.length, 'organization')} as of ${createdAt}.\n`)
    }),
  )

runCommand(command)
