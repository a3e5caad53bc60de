import { randomInt, randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { PluginInstallationJson } from '@tenon/contract'
import {
  createPluginHost,
  getTenantHash,
  hostConnectionOptions,
  type PluginHost,
  type PluginHostOptions,
} from '@tenon/host'
import pg from 'pg'
import { pino } from 'pino'

/** A plugin as a stranger would hand it in: fields of its entry that differ from a plain one, and its files. */
export interface GroundPlugin {
  key: string
  entry?: Record<string, unknown>
  files: Record<string, string>
}

/** A throw-away organization. */
export interface GroundTenant {
  name: string
  organizationId: number
  /** Also the `tenantId` that its plugins are told. */
  schema: string
  /** Its admin. */
  userId: number
  /** A random text that stands in rows of this organization alone; who has it from elsewhere has broken in. */
  canary: string
}

/** What a route of a plugin answered. */
export type GroundAnswer = Awaited<ReturnType<PluginHost['service']['callRoute']>>

/** What the ground needs to know of the application whose database it stands on. */
export interface GroundApplication {
  /** Makes an organization with an admin; both carry the canary. Answers the admin's id. */
  found(pool: pg.Pool, tenant: Omit<GroundTenant, 'userId'>): Promise<number>
  /** Puts rows of the organization into the tables of its schema, once they exist. */
  fill(pool: pg.Pool, tenant: GroundTenant): Promise<void>
  /** Removes what `found` made. May be repeated. */
  remove(pool: pg.Pool, tenant: Pick<GroundTenant, 'organizationId'>): Promise<void>
}

export interface GroundOptions {
  /** What the deployment tells its own plugin host; the marketplace, the folder and the sign-in are the ground's. */
  host: Omit<PluginHostOptions, 'marketplace' | 'authenticate' | 'dataDir' | 'log'>
  connection: pg.ClientConfig
  application: GroundApplication
}

/** What the host of the ground has logged, debug lines included: in a file, as elsewhere, for kept lines would slow the host down. */
export interface GroundLog {
  /** Bytes up to now. */
  size(): Promise<number>
  /** What was logged after so many bytes. */
  since(size: number): Promise<string>
}

/**
 * A plugin host of its own over a database, as another replica of the deployment would be, with throw-away
 * organizations between which plugins may do their worst.
 */
export interface Ground {
  host: PluginHost
  /** Connections of the host's own role, to plant and to look. */
  pool: pg.Pool
  connection: pg.ClientConfig
  /** For temporary files; removed in the end. */
  directory: string
  log: GroundLog
  /** The organization whose plugins attack. */
  attacker: GroundTenant
  /** The organization that has something to lose. */
  victim: GroundTenant
  /** One more organization. */
  addTenant(name: string): Promise<GroundTenant>
  /** Puts a plugin on the shelf without installing it, and answers what the host says of it. */
  publish(plugin: GroundPlugin): Promise<void>
  /** Publishes and installs. @throws TenonError, with what the wall said */
  install(
    tenant: GroundTenant,
    plugin: GroundPlugin,
    configuration?: Record<string, unknown>,
  ): Promise<PluginInstallationJson>
  uninstall(tenant: GroundTenant, key: string): Promise<void>
  /** Calls a route as the organization's admin. @throws TenonError when there is no answer of the plugin */
  call(
    tenant: GroundTenant,
    key: string,
    method: string,
    path: string,
    body?: unknown,
    signal?: AbortSignal,
  ): Promise<GroundAnswer>
  /** Removes organizations, roles, schemas and folder, and stops the host. May be repeated. */
  close(): Promise<void>
}

/** Far above what a sequence has given out, so that no real organization ever gets the number. */
const [lowestId, highestId] = [1_900_000_000, 2_147_000_000]

/** Prepares the ground. @throws what the database or the start of the host says; nothing is left then. */
export async function prepareGround({ host: hostOptions, connection, application }: GroundOptions): Promise<Ground> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenon-doctor-'))
  const marketplace = path.join(directory, 'marketplace')
  await mkdir(marketplace)
  const entries = new Map<string, Record<string, unknown>>()
  const writeManifest = () =>
    writeFile(
      path.join(marketplace, 'plugins.json'),
      JSON.stringify({ version: '1.0.0', plugins: [...entries.values()], categories: [] }),
    )
  await writeManifest()

  const pool = new pg.Pool({ ...connection, max: 6, application_name: 'tenon doctor', options: hostConnectionOptions })
  pool.on('error', () => {})
  const logFile = path.join(directory, 'host.log')
  const logDestination = pino.destination({ dest: logFile, minLength: 4_096, sync: true })
  const tenants: GroundTenant[] = []
  /** Of code that was installed here; nobody else has the same. */
  const digests: string[] = []
  let host: PluginHost | undefined
  let closed: Promise<void> | undefined

  async function addTenant(name: string): Promise<GroundTenant> {
    if (!host) throw new Error('the host of the ground is not there yet')
    const organizationId = randomInt(lowestId, highestId)
    const plan = { name, organizationId, schema: getTenantHash(organizationId), canary: `canary-${randomUUID()}` }
    // Known before it is made: what is cut off is removed too.
    const tenant: GroundTenant = { ...plan, userId: 0 }
    tenants.push(tenant)
    tenant.userId = await application.found(pool, plan)
    await host.createTenant(organizationId)
    await application.fill(pool, tenant)
    return tenant
  }

  async function close(): Promise<void> {
    const failures: unknown[] = []
    for (const tenant of tenants) {
      await (host?.removeTenant(tenant.organizationId) ?? Promise.resolve())
        .then(() => application.remove(pool, tenant))
        .catch((error: unknown) => failures.push(error))
    }
    await host?.stop().catch((error: unknown) => failures.push(error))
    await pool.query('DELETE FROM tenon.catalog_copies WHERE location = $1', [marketplace]).catch(() => {})
    await pool.query('DELETE FROM tenon.artifacts WHERE digest = ANY ($1)', [digests]).catch(() => {})
    await pool.end()
    logDestination.destroy()
    await rm(directory, { recursive: true, force: true })
    if (failures.length > 0)
      throw new AggregateError(failures, `Not everything could be removed: ${String(failures[0])}`)
  }

  async function publish({ key, entry, files }: GroundPlugin): Promise<void> {
    if (!host) throw new Error('the host of the ground is not there yet')
    entries.set(key, { ...plainEntry(key), ...entry })
    for (const [name, text] of Object.entries(files)) {
      const file = path.join(marketplace, key, name)
      await mkdir(path.dirname(file), { recursive: true })
      await writeFile(file, text)
    }
    await writeManifest()
    const { outcome, problems, error } = await host.refreshMarketplace()
    const wrong = problems.filter(({ severity }) => severity !== 'warning')
    if (outcome === 'failed') throw error ?? new Error('the marketplace of the ground cannot be read')
    if (wrong.length > 0) {
      entries.delete(key)
      throw new Error(`not accepted into the marketplace: ${JSON.stringify(wrong).slice(0, 500)}`)
    }
  }

  try {
    host = await createPluginHost({
      ...hostOptions,
      marketplace: { location: marketplace, refreshIntervalMs: 3_600_000 },
      authenticate: () => undefined,
      dataDir: path.join(directory, 'data'),
      log: pino({ level: 'debug' }, logDestination),
    })
    await host.start()
    const attacker = await addTenant('Attacker')
    const victim = await addTenant('Victim')
    const { service } = host
    return {
      host,
      pool,
      connection,
      directory,
      log: readLog(logFile, () => logDestination.flushSync()),
      attacker,
      victim,
      addTenant,
      publish,
      async install(tenant, plugin, configuration) {
        await publish(plugin)
        const installed = await service.installPlugin(plugin.key, tenant.userId, tenant.schema)
        if (installed.digest) digests.push(installed.digest)
        if (configuration === undefined) return installed
        return service.updateConfiguration(installed.id, tenant.userId, tenant.schema, configuration)
      },
      async uninstall(tenant, key) {
        const installed = await service.getInstalledPlugins(tenant.schema)
        const found = installed.find(({ pluginKey }) => pluginKey === key)
        if (found) await service.uninstallPlugin(found.id, tenant.userId, tenant.schema)
      },
      call: (tenant, pluginKey, method, routePath, body, signal) =>
        service.callRoute(tenant.schema, {
          pluginKey,
          userId: tenant.userId,
          role: 'Admin',
          method,
          path: routePath,
          ...(body === undefined ? {} : { body }),
          ...(signal ? { signal } : {}),
        }),
      close: () => (closed ??= close()),
    }
  } catch (error) {
    await close().catch(() => {})
    throw error
  }
}

function readLog(file: string, flush: () => void): GroundLog {
  return {
    async size() {
      flush()
      return (await stat(file)).size
    },
    async since(size) {
      flush()
      return (await readFile(file)).subarray(size).toString('utf8')
    },
  }
}

function plainEntry(key: string): Record<string, unknown> {
  return {
    key,
    name: key,
    displayName: key,
    description: `The plugin ${key}`,
    version: '1.0.0',
    category: 'data_management',
    isOfficial: false,
    isPublished: true,
    requiresConfiguration: false,
    installationType: 'tenant_scoped',
    features: [],
    tags: [],
    pluginPath: key,
    entryPoint: 'index.ts',
    dependencies: {},
    permissions: { database: { tenantSchema: true } },
  }
}
