import { createSealer, type Sealer } from '@tenon/host'
import { parseSettings, type Settings } from '../env.js'
import { resolveSecrets, type Secrets } from '../kept-secrets.js'
import { createLog } from '../start/log.js'
import { type OpenDatabase, openDatabase, openDatabaseBeside } from '../start/open-database.js'

export interface Installation {
  settings: Settings
  database: OpenDatabase
  sealer: Sealer
  secrets: Secrets
}

/**
 * Opens the database that the settings name for one command. The embedded one must not be in use by a server, unless the
 * command may work beside it.
 */
export async function withInstallation<T>(
  environment: Record<string, string | undefined>,
  work: (installation: Installation) => Promise<T>,
  { beside = false } = {},
): Promise<T> {
  const settings = parseSettings(environment)
  const log = createLog({ logLevel: 'warn' })
  const secrets = await resolveSecrets(settings, log)
  const database = await (beside ? openDatabaseBeside : openDatabase)(settings, log)
  try {
    return await work({ settings, database, sealer: createSealer(secrets.secretKeys), secrets })
  } finally {
    await database.close()
  }
}
