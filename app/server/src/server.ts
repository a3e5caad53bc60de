import { createPluginHost, type PluginHost, type PluginHostOptions } from '@tenon/host'
import type { Logger } from 'pino'
import { createAccounts } from './accounts/accounts.js'
import { createAuthenticate } from './accounts/authenticate.js'
import { createEndedSessions } from './accounts/ended-sessions.js'
import { isHttps } from './accounts/session-cookie.js'
import { createSessions } from './accounts/sessions.js'
import { createApp } from './create-app.js'
import type { Settings } from './env.js'
import { resolveSecrets } from './kept-secrets.js'
import { builtClient } from './start/built-client.js'
import { bundledMarketplace } from './start/bundled-marketplace.js'
import { hostOptions } from './start/host-options.js'
import { listen } from './start/listen.js'
import { openDatabase } from './start/open-database.js'
import type { SampleService } from './start/sample-services.js'
import { createTeardown } from './start/teardown.js'
import { warnOfUnclaimedOperators } from './start/unclaimed-operators.js'

export interface StartOptions {
  log: Logger
  createHost?: (options: PluginHostOptions) => Promise<PluginHost>
  /** Services on this machine that the client offers for trying plugins. */
  samples?: readonly SampleService[]
}

export interface RunningServer {
  /** Where it listens. */
  url: string
  /** Stops taking requests, lets those at work finish for up to 10 s, then stops plugins and the database. */
  stop(): Promise<void>
  /** Resolves with a sentence when the server cannot go on. */
  lost: Promise<string>
}

const graceMs = 10_000

/**
 * Starts the whole reference application: database, migrations, plugin host, HTTP.
 *
 * @throws StartError, EmbeddedPostgresError and what a migration throws; whatever was started by then is stopped again.
 */
export async function startServer(
  settings: Settings,
  { log, createHost = createPluginHost, samples = [] }: StartOptions,
): Promise<RunningServer> {
  const teardown = createTeardown()
  try {
    const listener = await listen(settings)
    teardown.add(() => listener.close(graceMs))
    const secrets = await resolveSecrets(settings, log)
    const database = await openDatabase(settings, log)
    teardown.add(() => database.close())
    const { pool } = database

    const publicUrl = settings.publicUrl ?? listener.url
    const sessions = createSessions({ secret: secrets.jwtSecret })
    const endedSessions = createEndedSessions({ pool })
    const { operatorEmails } = settings
    const https = isHttps(publicUrl)
    const authenticate = createAuthenticate({ pool, sessions, endedSessions, operatorEmails, https })
    const marketplaceLocation = settings.marketplaceLocation ?? (await bundledMarketplace(settings.dataDir, log))
    const host = await createHost(
      await hostOptions({ database, settings, secrets, marketplaceLocation, publicUrl, authenticate, log }),
    )
    teardown.add(() => host.stop())

    const accounts = createAccounts({ pool, host, sessions, endedSessions, settings: { ...settings, publicUrl }, log })
    const app = createApp({
      pool,
      host,
      accounts,
      settings: { ...settings, publicUrl },
      log,
      authenticate,
      clientDirectory: builtClient(),
      samples,
    })
    await accounts.finishInterrupted()
    await warnOfUnclaimedOperators(pool, settings.operatorEmails, log)
    await host.start()
    listener.serve(app)

    let stopped: Promise<void> | undefined
    return {
      url: listener.url,
      lost: database.lost,
      async stop() {
        stopped ??= listener.close(graceMs).then(() => teardown.run())
        await stopped
      },
    }
  } catch (error) {
    await teardown.run().catch((failure: unknown) => log.error({ err: failure }, 'cleaning up failed'))
    throw error
  }
}
