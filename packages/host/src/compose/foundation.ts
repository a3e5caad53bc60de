import type { OperatorCeiling } from '@tenon/contract'
import type { ClientConfig } from 'pg'
import type { Logger } from 'pino'
import type { HostDatabase } from '../host-database.js'
import { createHostMigrator } from '../host-migrations.js'
import { defaultClaimMs } from '../installations/lease.js'
import { createTenantLookup } from '../installations/plugin-service.js'
import type { TenantScope } from '../migrations/index.js'
import { createNotifications } from '../notifications/index.js'
import type { PluginHostOptions } from '../plugin-host.js'
import { createConfigurationVault } from '../secrets/configuration-vault.js'
import { dataKey } from '../secrets/data-keys.js'
import { createSchemaThreads } from '../secrets/schema-threads.js'
import { createSealer } from '../secrets/sealer.js'
import { createTenancy, isDatabaseHardened } from '../tenancy/index.js'

/** What the host was asked for, with what was opened for it. */
export interface WireOptions extends PluginHostOptions {
  database: HostDatabase
  dataDir: string
  log: Logger
}

export type Foundation = Awaited<ReturnType<typeof wireFoundation>>

/** What everything stands on: a database that is up to date, what is kept secret, and who the tenants are. */
export async function wireFoundation(options: WireOptions) {
  const { log, grantable = {} } = options
  const { pool, connection } = options.database
  const logEvent = (event: string, fields: Record<string, unknown>) => log[levelOf(event)](fields, event)

  const migrator = createHostMigrator({ pool, ...(options.migrations ? { application: options.migrations } : {}) })
  await migrator.up()

  const sealer = createSealer(options.secretKeys)
  // What plugins seal lies in their own tables, where no rotation of keys could reach it: it has a key of its own.
  const pluginKey = await dataKey({ pool, sealer }, 'plugins')
  const schemas = createSchemaThreads()
  const databaseHardened = await isDatabaseHardened(pool)
  const tenancy = await createTenancy({
    pool,
    connection: withoutUser(connection),
    migrator,
    roleKey: await dataKey({ pool, sealer }, 'roles'),
    grantable: grantable.tables ?? {},
    keptTables: [],
    ...(options.limits?.tenancy ? { limits: options.limits.tenancy } : {}),
  })
  return {
    options,
    log,
    logEvent,
    pool,
    migrator,
    notifications: createNotifications({ pool, log: logEvent }),
    ceiling: ceilingOf(grantable),
    claimMs: options.limits?.claimMs ?? defaultClaimMs,
    sealer,
    pluginSealer: createSealer([pluginKey.toString('base64'), ...options.secretKeys]),
    schemas,
    vault: createConfigurationVault({ sealer, schemas }),
    databaseHardened,
    tenancy,
    /** Of an organization that is being removed nothing may be started any more; its tables may be gone already. */
    async findTenant(organizationId: number): Promise<TenantScope | undefined> {
      const tenant = await tenancy.findTenant(organizationId)
      return tenant?.state === 'removing' ? undefined : tenant
    },
    tenants: createTenantLookup(async (schema) =>
      (await tenancy.listTenants()).find((tenant) => tenant.schema === schema),
    ),
  }
}

/** The admission check knows tables by name and privilege; columns and policies are the tenancy's concern. */
function ceilingOf({ tables = {}, ...rest }: NonNullable<PluginHostOptions['grantable']>): OperatorCeiling {
  const privileges = ['select', 'insert', 'update', 'delete'] as const
  return {
    ...rest,
    tables: Object.fromEntries(
      Object.entries(tables).map(([name, table]) => [
        name,
        privileges.filter((privilege) => table.privileges[privilege] !== undefined),
      ]),
    ),
  }
}

function withoutUser({
  user: _user,
  password: _password,
  ...connection
}: ClientConfig): Omit<ClientConfig, 'user' | 'password'> {
  return connection
}

/** What plugins print is kept for their tenants; an operator who wants it here, too, asks for it. */
function levelOf(event: string): 'debug' | 'info' | 'warn' {
  if (event === 'plugin-log') return 'debug'
  return /failed|refused|degraded/.test(event) ? 'warn' : 'info'
}
