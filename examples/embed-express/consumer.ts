// What a TypeScript application writes when it uses every option; checked against the packed types, and never run.
import { PluginInstallationStatus, TenonError, type Principal } from '@tenon/contract'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '@tenon/embedded-postgres'
import {
  createPluginHost,
  getTenantHash,
  hardenDatabase,
  hostConnectionOptions,
  parseAllowPrivate,
  type AddressExemption,
  type ApplicationMigrations,
  type GrantableTables,
  type Identity,
  type PluginHost,
  type PluginHostHealth,
  type PluginHostOptions,
  type PluginService,
} from '@tenon/host'
import express, { type Request } from 'express'
import pg from 'pg'

const tables: GrantableTables = {
  notes: { scope: 'tenant', privileges: { select: true, references: ['id'] } },
  'public.people': { scope: 'public', organizationColumn: 'organization_id', privileges: { select: ['id', 'name'] } },
}

const migrations: ApplicationMigrations = {
  platform: [
    {
      name: '0001-people',
      async up(client) {
        await client.query('CREATE TABLE public.people (id integer, organization_id integer, name text)')
      },
      async down(client) {
        await client.query('DROP TABLE public.people')
      },
    },
  ],
  tenant: [],
}

const allowPrivate: readonly AddressExemption[] = parseAllowPrivate('10.0.0.0/8')

async function identify(request: Request): Promise<Identity> {
  if (!request.headers.authorization) throw new TenonError('NOT_AUTHENTICATED')
  return { userId: 1, organizationId: 7, role: 'Editor' }
}

// Types that are lost on the way would take anything.
export const refused: Partial<PluginHostOptions>[] = [
  // @ts-expect-error it is a pool of pg
  { database: { connection: {}, pool: 'pool' } },
  // @ts-expect-error it is a request of Express
  { authenticate: (request) => void request.noSuchThing },
  // @ts-expect-error it is a logger of pino
  { log: 'log' },
]

export async function embed(stop: AbortSignal): Promise<PluginHostHealth> {
  const postgres: EmbeddedPostgres = await startEmbeddedPostgres({
    dataDir: 'data',
    prepare: (superuser) => hardenDatabase(superuser, { hostRole: 'tenon_host' }),
  })
  const options: PluginHostOptions = {
    database: {
      pool: new pg.Pool({ ...postgres.connection, options: hostConnectionOptions }),
      connection: postgres.connection,
    },
    marketplace: { location: 'https://plugins.example/plugins.json', refreshIntervalMs: 60_000 },
    secretKeys: ['the new key', 'the old key'],
    publicUrl: 'https://app.example',
    authenticate: identify,
    grantable: { tables, events: ['note.*'], allowUndeclared: false },
    egress: { allowPrivate },
    migrations,
    installLimitPerHour: 5,
    minTier: 1,
    dataDir: '/var/lib/application/plugins',
    limits: { runtime: { maxResidents: 10 }, tenancy: { maxConnections: 10 } },
  }
  const host: PluginHost = await createPluginHost(options)
  const principal: Principal = {
    userId: 1,
    organizationId: 7,
    role: 'Admin',
    tenantId: getTenantHash(7),
    sessionId: 'one sign-in',
    isOperator: false,
  }
  const service: PluginService = host.service
  const { status } = await service.installPlugin('guestbook', principal.userId, principal.tenantId)
  if (status !== PluginInstallationStatus.INSTALLED) throw new Error(status)
  express().use('/api/plugins', host.router)
  stop.addEventListener('abort', () => void host.stop().then(() => postgres.stop()))
  return host.health()
}
