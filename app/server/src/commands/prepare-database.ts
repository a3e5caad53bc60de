import { hardenDatabase, isDatabaseHardened } from '@tenon/host'
import { Command } from 'commander'
import pg from 'pg'
import { parseSettings } from '../env.js'
import { createLog } from '../start/log.js'
import { openExternal } from '../start/open-database.js'
import { runCommand } from './run-command.js'

const command = new Command('prepare-database')
  .description(
    'Let the database of DATABASE_URL itself refuse plugins what otherwise the statement guard alone refuses.',
  )
  .addHelpText(
    'after',
    `
SUPERUSER_DATABASE_URL names the same database as DATABASE_URL, with a superuser. It is used once, and kept nowhere.
It takes languages, functions and views from every role but superusers and the one of DATABASE_URL, in this database only.
May be repeated; do so after an upgrade of PostgreSQL. The embedded database is prepared already.`,
  )
  .action(async () => {
    const { databaseUrl } = parseSettings(process.env)
    const superuserUrl = process.env['SUPERUSER_DATABASE_URL']
    if (databaseUrl === undefined)
      throw new Error('DATABASE_URL is not set: the embedded database is prepared already.')
    if (!superuserUrl) throw new Error('Set SUPERUSER_DATABASE_URL to the database of DATABASE_URL, with a superuser.')
    const database = await openExternal(databaseUrl, createLog({ logLevel: 'warn' }))
    const superuser = new pg.Client({ connectionString: superuserUrl })
    try {
      await superuser.connect()
      const [own, other] = await Promise.all([whereOf(database.pool), whereOf(superuser)])
      if (own.place !== other.place) throw new Error('SUPERUSER_DATABASE_URL names another database than DATABASE_URL.')
      if (!other.isSuperuser) throw new Error(`The role "${other.role}" of SUPERUSER_DATABASE_URL is no superuser.`)
      const wasHardened = await isDatabaseHardened(superuser)
      await hardenDatabase(superuser, { hostRole: own.role })
      process.stdout.write(
        wasHardened ? 'Prepared again.\n' : 'Prepared. Servers that run say so after their next start.\n',
      )
    } finally {
      await superuser.end()
      await database.close()
    }
  })

/** A server is known by the moment it started, a database by its number. */
async function whereOf(client: Pick<pg.Client, 'query'>) {
  const { rows } = await client.query<{ place: string; role: string; isSuperuser: boolean }>(
    `SELECT concat_ws(' ', pg_postmaster_start_time(), d.oid) AS place, current_user AS role,
       r.rolsuper AS "isSuperuser"
     FROM pg_database d, pg_roles r WHERE d.datname = current_database() AND r.rolname = current_user`,
  )
  return rows[0] ?? { place: '', role: '', isSuperuser: false }
}

runCommand(command)
