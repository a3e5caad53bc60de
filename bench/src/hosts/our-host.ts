import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Principal } from '@tenon/contract'
import type { PostgresConnection } from '@tenon/embedded-postgres'
import { createPluginHost, getTenantHash, hostConnectionOptions, parseAllowPrivate } from '@tenon/host'
import express from 'express'
import pg from 'pg'
import pino from 'pino'
import { applicationMigrations, applicationTables } from './application.js'
import { type EventLoopReport, watchEventLoop } from './event-loop.js'
import { answerQuestions } from './host-process.js'
import { samples, type SampleName } from './samples.js'
import { agreeAt, connectionsAt, egressTo, type SlackAccess } from './slack-access.js'
import { timeCalls } from './time-calls.js'

export interface OurHostInput {
  connection: PostgresConnection
  marketplaceUrl: string
  dataDir: string
  /** The organizations of this host, made before anything is measured. The API speaks for the first. */
  organizationIds: number[]
  slack?: SlackAccess
  /** Of the processes of plugins; default: as ever. */
  niceness?: number
}

export interface CallTimes {
  /** Milliseconds of each call. */
  times: number[]
  /** Of these, what the host waited for its own look-ups in the database. */
  lookups: number[]
}

export type OurHostCommands = Awaited<ReturnType<typeof startOurHost>>['commands']

async function startOurHost(given: OurHostInput) {
  const { connection, marketplaceUrl, dataDir, organizationIds, slack, niceness } = given
  const pool = new pg.Pool({ ...connection, max: 20, options: hostConnectionOptions })
  const database = timeQueries(pool)
  const host = await createPluginHost({
    database: { pool, connection },
    marketplace: { location: marketplaceUrl, refreshIntervalMs: 3_600_000 },
    secretKeys: ['the secret key of a measurement'],
    publicUrl: 'http://127.0.0.1',
    authenticate: () => Promise.resolve(principalOf(organizationIds[0] ?? 1)),
    // The samples of the seed declare nothing.
    grantable: {
      tables: applicationTables,
      allowUndeclared: true,
      ...(slack ? { connections: connectionsAt(slack) } : {}),
    },
    // Where the servers of a measurement listen.
    egress: { allowPrivate: parseAllowPrivate('127.0.0.1/32'), ...(slack ? egressTo(slack) : {}) },
    migrations: applicationMigrations,
    dataDir,
    ...(niceness === undefined ? {} : { limits: { runtime: { niceness } } }),
    log: pino({ level: 'silent' }),
  })
  for (const organizationId of organizationIds) await host.createTenant(organizationId)
  await host.start()
  const server = await listen(express().use('/api/plugins', host.router))
  const { service } = host
  const api = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/plugins`

  return {
    commands: {
      async install(pluginKey: string, organizationId: number): Promise<{ ms: number; eventLoop: EventLoopReport }> {
        const finish = watchEventLoop()
        const startedAt = performance.now()
        await service.installPlugin(pluginKey, organizationId, getTenantHash(organizationId))
        const ms = performance.now() - startedAt
        return { ms, eventLoop: await finish() }
      },

      /** What the machine alone does to an event loop that has nothing to do. */
      async idle(ms: number): Promise<EventLoopReport> {
        const finish = watchEventLoop()
        await new Promise((resolve) => setTimeout(resolve, ms))
        return finish()
      },

      /** Through the engine, from the look at the installation to the answer of the plugin's own process. */
      async call(sample: SampleName, count: number): Promise<CallTimes> {
        const organizationId = organizationIds[0] ?? 1
        const tenantId = getTenantHash(organizationId)
        const request = { userId: organizationId, role: 'host' as const, ...samples[sample].request }
        const lookups: number[] = []
        const times = await timeCalls(count, async () => {
          const before = database.waitedMs()
          await service.callRoute(tenantId, request)
          lookups.push(database.waitedMs() - before)
        })
        return { times, lookups }
      },

      /** Loads everything that the plugin can load. */
      async buildTemplate(organizationId: number): Promise<void> {
        await service.getRiskImportTemplate(getTenantHash(organizationId), organizationId)
      },

      async list(times: number): Promise<void> {
        for (let done = 0; done < times; done += 1) {
          for (const path of ['/marketplace', '/installations']) {
            const response = await fetch(`${api}${path}`)
            const text = await response.text()
            if (!response.ok) throw new Error(`${path} answers ${response.status} ${text}`)
          }
        }
      },

      /** Has a plugin add so many rows; answers what it measured itself. */
      async addRows(organizationId: number, count: number): Promise<{ ms: number; grownBytes: number }> {
        const request = { pluginKey: 'bulk', method: 'POST', path: '/insert', body: { count } }
        const caller = { userId: organizationId, role: 'host' as const }
        const { data } = await service.callRoute(getTenantHash(organizationId), { ...caller, ...request })
        return data as { ms: number; grownBytes: number }
      },

      /** Signs in at Slack, and lets the plugin post to a channel there. */
      async connectSlack(channel: string): Promise<void> {
        if (!slack) throw new Error('Nobody plays Slack.')
        const { authorizeUrl } = await post<{ authorizeUrl: string }>(`${api}/slack/oauth/start`, {})
        const back = await agreeAt(slack, authorizeUrl, channel)
        const [code, state] = [back.searchParams.get('code'), back.searchParams.get('state')]
        await post(`${api}/slack/oauth/connect`, { code, state })
      },

      async configure(
        pluginKey: string,
        organizationId: number,
        configuration: Record<string, unknown>,
      ): Promise<void> {
        const tenantId = getTenantHash(organizationId)
        const installed = await service.getInstalledPlugins(tenantId)
        const id = installed.find((installation) => installation.pluginKey === pluginKey)?.id ?? 0
        await service.updateConfiguration(id, organizationId, tenantId, configuration, { force: true })
      },

      async uninstall(pluginKey: string, organizationId: number): Promise<void> {
        const tenantId = getTenantHash(organizationId)
        const installed = await service.getInstalledPlugins(tenantId)
        const id = installed.find((installation) => installation.pluginKey === pluginKey)?.id ?? 0
        await service.uninstallPlugin(id, organizationId, tenantId)
      },

      /** Runs a full synchronisation to its end; answers how long that took and what the plugin counted. */
      async sync(pluginKey: string, organizationId: number): Promise<{ ms: number; counts: unknown }> {
        const caller = { userId: organizationId, role: 'host' as const }
        const startedAt = performance.now()
        const { data } = await service.callRoute(getTenantHash(organizationId), {
          ...caller,
          pluginKey,
          method: 'POST',
          path: '/sync',
        })
        return { ms: performance.now() - startedAt, counts: data }
      },

      /** Bytes of this process. */
      memory: (): Promise<number> => Promise.resolve(process.memoryUsage.rss()),
    },
    async stop() {
      server.closeAllConnections()
      server.close()
      await host.stop()
      await pool.end()
    },
  }
}

async function post<Data>(url: string, body: object): Promise<Data> {
  const headers = { 'content-type': 'application/json' }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })
  const text = await response.text()
  if (!response.ok) throw new Error(`${url} answers ${response.status} ${text}`)
  return (JSON.parse(text) as { data: Data }).data
}

/** Adds up what the host waits for its queries; the plugin's own go over connections of their own. */
function timeQueries(pool: pg.Pool): { waitedMs(): number } {
  let waitedMs = 0
  const query = pool.query.bind(pool) as (...args: unknown[]) => Promise<unknown>
  const timed = async (...args: unknown[]): Promise<unknown> => {
    const startedAt = performance.now()
    try {
      return await query(...args)
    } finally {
      waitedMs += performance.now() - startedAt
    }
  }
  Object.assign(pool, { query: timed })
  return { waitedMs: () => waitedMs }
}

function principalOf(organizationId: number): Principal {
  return {
    userId: organizationId,
    organizationId,
    tenantId: getTenantHash(organizationId),
    role: 'Admin',
    sessionId: 'bench',
    isOperator: false,
  }
}

async function listen(app: express.Express): Promise<Server> {
  return new Promise((resolve) => {
    const server = app.listen(0, '127.0.0.1', () => resolve(server))
  })
}

answerQuestions(startOurHost)
