import { readFile } from 'node:fs/promises'
import type { Principal } from '@tenon/contract'
import type { PluginHostOptions } from '@tenon/host'
import type { Request } from 'express'
import type { Logger } from 'pino'
import type { Settings } from '../env.js'
import { grantable } from '../grantable.js'
import type { Secrets } from '../kept-secrets.js'
import { appMigrations } from '../migrations/index.js'
import { hostDirectory } from './host-directory.js'
import type { OpenDatabase } from './open-database.js'
import { StartError } from './start-error.js'

interface HostOptionsInput {
  database: Pick<OpenDatabase, 'pool' | 'connection'>
  settings: Settings
  secrets: Pick<Secrets, 'secretKeys'>
  marketplaceLocation: string
  publicUrl: string
  authenticate: (req: Request) => Promise<Principal>
  log: Logger
}

/**
 * What this application tells the plugin host.
 *
 * @throws StartError when TENON_EXTRA_CA cannot be read.
 */
export async function hostOptions(input: HostOptionsInput): Promise<PluginHostOptions> {
  const { database, settings, secrets, marketplaceLocation, publicUrl, authenticate, log } = input
  const { allowPrivate, hostMap, extraCaFile } = settings.egress
  return {
    database,
    marketplace: { location: marketplaceLocation },
    secretKeys: secrets.secretKeys,
    publicUrl,
    authenticate,
    grantable: grantable(settings),
    egress: {
      allowPrivate,
      hostMap,
      extraCa: extraCaFile === undefined ? [] : [await readCertificates(extraCaFile)],
      undeclaredMayReachAnyHost: settings.compatNetwork === 'public',
    },
    migrations: appMigrations,
    installLimitPerHour: settings.installLimitPerHour,
    minTier: settings.sandboxMinTier,
    maxTier: settings.sandboxMaxTier,
    dataDir: await hostDirectory(settings.dataDir),
    log: log.child({ part: 'plugins' }),
  }
}

async function readCertificates(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new StartError(`TENON_EXTRA_CA: ${file} cannot be read (${(cause as Error).message}).`, { cause })
  })
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new StartError(`TENON_EXTRA_CA: ${file} is not a PEM file.`)
  return text
}
