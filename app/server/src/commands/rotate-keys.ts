import { countOf } from '@tenon/contract/count-of'
import { rotateKeys } from '@tenon/host'
import { Command } from 'commander'
import { runCommand } from './run-command.js'
import { withInstallation } from './with-installation.js'

const command = new Command('rotate-keys')
  .description('Seal under the first key of TENON_SECRET_KEY what is sealed under another one.')
  .addHelpText(
    'after',
    '\nTENON_SECRET_KEY=new,old: the first seals, all of them open. Servers go on meanwhile, as long as they have both keys.\nMay be stopped and started again. With the embedded database, stop the server first.',
  )
  .action(() =>
    withInstallation(process.env, async ({ database: { pool }, sealer }) => {
      const { configurations, connections, webhooks, dataKeys, unreadable, left } = await rotateKeys({ pool, sealer })
      process.stdout.write(
        `Sealed anew: ${countOf(configurations, 'configuration')}, ${countOf(connections, 'connection')}, ${countOf(webhooks, 'webhook')}, ${countOf(dataKeys, 'data key')}.\n`,
      )
      if (unreadable.length + left.length === 0) {
        process.stdout.write('Nothing needs the other keys any more. Take them out of TENON_SECRET_KEY.\n')
        return
      }
      process.exitCode = 1
      const list = (title: string, all: readonly string[]) =>
        all.length === 0 ? '' : `${title}:\n${all.map((what) => `  ${what}\n`).join('')}`
      process.stderr.write(
        `${list('No key opens', unreadable)}${list('Changed again and again meanwhile, so run this once more', left)}Keep the other keys.\n`,
      )
    }),
  )

runCommand(command)
