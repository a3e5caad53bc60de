import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { packMarketplace } from '@tenon/host/packing'
import { startMlflowStandin, startSlackStandin } from '@tenon/standins'
import { parseSettings, projectDir } from '../env.js'
import { startServer, type RunningServer } from '../server.js'
import { createLog } from '../start/log.js'
import { createDatabaseOfItsOwn } from './database-of-its-own.js'
import { startMarketplaceServer, type MarketplaceServer } from './marketplace-server.js'

export type Mlflow = Awaited<ReturnType<typeof startMlflowStandin>>
export type Slack = Awaited<ReturnType<typeof startSlackStandin>>

/** Everything around the server that is really outside of Tenon, and the server itself. */
export interface Surroundings {
  server: RunningServer
  mlflow: Mlflow
  slack: Slack
  marketplace: MarketplaceServer
  directory: string
  close(): Promise<void>
}

/** Credentials that the stand-ins ask for. */
export const mlflowPassword = 'demo-password'
const slackClient = { clientId: 'demo-client', clientSecret: 'demo-client-secret' }

/** Starts stand-ins for the outside services, a marketplace on HTTP, and Tenon with settings that point at them. */
export async function startSurroundings({ databaseUrl }: { databaseUrl?: string | undefined }): Promise<Surroundings> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenon-demo-'))
  // Started by root, Postgres runs under another account, which has to get through to its own folder.
  await chmod(directory, 0o711)
  const database = databaseUrl ? await createDatabaseOfItsOwn(databaseUrl) : undefined
  const mlflow = await startMlflowStandin({
    auth: { kind: 'basic', username: 'ada', password: mlflowPassword },
    models: { registeredModels: 40, versionsPerModel: 3, experiments: 3, runs: 120 },
  })
  const slack = await startSlackStandin({
    ...slackClient,
    appName: 'Tenon',
    tls: true,
    publicWebhookBase: 'https://hooks.slack.com',
  })
  const marketplaceDir = path.join(directory, 'published-marketplace')
  // Two plugins packed and one as source, so that both ways from a marketplace to running code are seen.
  await packMarketplace({
    marketplaceDir: path.join(projectDir, 'marketplace'),
    outDir: marketplaceDir,
    only: ['slack', 'risk-import'],
  })
  const marketplace = await startMarketplaceServer(marketplaceDir)
  const extraCa = path.join(directory, 'slack-ca.pem')
  await writeFile(extraCa, slack.caCertificate ?? '')

  const settings = parseSettings({
    PORT: '0',
    TENON_DATA_DIR: path.join(directory, 'data'),
    PLUGIN_MARKETPLACE_URL: `${marketplace.url}/plugins.json`,
    SLACK_CLIENT_ID: slackClient.clientId,
    SLACK_CLIENT_SECRET: slackClient.clientSecret,
    SLACK_AUTHORIZE_URL: `${slack.url}/oauth/v2/authorize`,
    EGRESS_ALLOW_PRIVATE: `127.0.0.1/32:${new URL(mlflow.url).port}`,
    EGRESS_HOST_MAP: ['slack.com', 'hooks.slack.com'].map((name) => `${name}:443=${new URL(slack.url).host}`).join(','),
    TENON_EXTRA_CA: extraCa,
    LOG_LEVEL: process.env['LOG_LEVEL'] ?? 'error',
    DATABASE_URL: database?.url,
  })
  const server = await startServer(settings, { log: createLog(settings) })
  return {
    server,
    mlflow,
    slack,
    marketplace,
    directory,
    async close() {
      await server.stop()
      await Promise.all([mlflow.close(), slack.close(), marketplace.close()])
      await database?.drop()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
