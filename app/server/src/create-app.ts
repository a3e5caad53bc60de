import type { Principal } from '@tenon/contract'
import express, { type Express, type Request } from 'express'
import type { Pool } from 'pg'
import type { Logger } from 'pino'
import { type Accounts } from './accounts/accounts.js'
import { tokenOf } from './accounts/authenticate.js'
import { isHttps } from './accounts/session-cookie.js'
import type { Settings } from './env.js'
import { healthRoutes } from './health-routes.js'
import { clientRoutes } from './http/client-routes.js'
import { serveDocumentation } from './http/documentation.js'
import { answerErrors, routeNotFound } from './http/error-answer.js'
import { mountRoutes } from './http/mount-routes.js'
import { openApiDocument } from './http/openapi.js'
import { logRequests } from './http/request-log.js'
import { securityHeaders } from './http/security-headers.js'
import { serveClient } from './http/serve-client.js'
import type { PluginHostPort } from './plugin-host-port.js'
import { modelRoutes } from './registers/model-routes.js'
import { projectRoutes } from './registers/project-routes.js'
import { riskRoutes } from './registers/risk-routes.js'
import type { SampleService } from './start/sample-services.js'
import { version } from './version.js'

export interface AppOptions {
  pool: Pool
  host: PluginHostPort
  accounts: Accounts
  settings: Pick<Settings, 'trustProxy' | 'publicUrl' | 'registration'>
  log: Logger
  authenticate: (req: Request) => Promise<Principal>
  isReady?: () => boolean
  /** Folder of the built web client; without it there is the API alone. */
  clientDirectory?: string | undefined
  samples?: readonly SampleService[]
}

/** The Express application: everything between a request and its answer, in the order in which a request meets it. */
export function createApp({
  pool,
  host,
  accounts,
  settings,
  log,
  authenticate,
  isReady = () => true,
  clientDirectory,
  samples = [],
}: AppOptions): Express {
  const routes = [
    ...accounts.routes,
    ...riskRoutes({ pool }),
    ...modelRoutes({ pool }),
    ...projectRoutes({ pool }),
    ...healthRoutes({ pool, host, version, isReady }),
    ...clientRoutes({ settings, version, samples }),
  ]
  const https = isHttps(settings.publicUrl)
  const app = express()
  app.disable('x-powered-by')
  app.set('trust proxy', settings.trustProxy)
  app.use(logRequests(log))
  app.use(securityHeaders({ https }))
  mountRoutes(app, routes, { authenticate, tokenOf: (req) => tokenOf(req, { https }) })
  app.use('/api/plugins', host.router)
  serveDocumentation(app, openApiDocument({ routes, host, version, publicUrl: settings.publicUrl }))
  app.use('/api', routeNotFound)
  if (clientDirectory !== undefined) serveClient(app, clientDirectory)
  app.use(answerErrors(log))
  return app
}
