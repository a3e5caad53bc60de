import { chmod, cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { type PostgresConnection, startEmbeddedPostgres } from '@tenon/embedded-postgres'
import { hardenDatabase } from '@tenon/host'
import { packMarketplace } from '@tenon/host/packing'
import { build } from 'esbuild'
import pg from 'pg'
import type { OurHostCommands, OurHostInput } from './hosts/our-host.js'
import type { SlackAccess } from './hosts/slack-access.js'
import { type HostCommands, type HostProcess, type HostScript, startHostProcess } from './hosts/host-process.js'
import type { SeedHostCommands, SeedHostInput } from './hosts/seed-host.js'
import { type Registry, startRegistry } from './registry.js'

export type OurHost = HostProcess<OurHostCommands>

interface OurHostOptions {
  /** Of the processes of plugins; default: as ever. */
  niceness?: number
  slack?: SlackAccess
  /** Takes over from a host that is gone: its organizations, and what it knew. */
  after?: { organizationIds: number[] }
}
export type SeedHost = HostProcess<SeedHostCommands>

/** Which marketplace a host looks at: risk-import packed, or as source that the host builds. */
export type MarketplaceKind = 'packed' | 'source'

/** A database, a registry, and hosts of both kinds that start with cold caches. */
export interface Surroundings {
  registry: Registry
  /** As the hosts log in. */
  connection: PostgresConnection
  /** A host with nothing cached, and so many organizations. */
  startOurHost(
    kind: MarketplaceKind,
    organizations: number,
    options?: OurHostOptions,
  ): Promise<OurHost & { organizationIds: number[] }>
  /** A host with nothing cached, npm's cache included, and one organization. */
  startSeedHost(): Promise<SeedHost>
  /** Something that a host is measured with or against, in a process of its own. */
  startProcess<Commands extends HostCommands>(script: HostScript, input: unknown): Promise<HostProcess<Commands>>
  close(): Promise<void>
}

const projectDir = fileURLToPath(new URL('../..', import.meta.url))
const bulkDir = path.join(projectDir, 'bench', 'fixtures', 'plugins', 'bulk')
const greetingDir = path.join(projectDir, 'bench', 'fixtures', 'plugins', 'greeting')
const seedSamplesDir = path.join(projectDir, 'packages', 'host', 'fixtures', 'seed')
const hostRole = 'tenon_host'

export async function startSurroundings(): Promise<Surroundings> {
  const directory = await mkdtemp(path.join(tmpdir(), 'tenon-bench-'))
  // Started by root, Postgres runs under another account, which has to get through to its own folder.
  await chmod(directory, 0o711)
  const served = path.join(directory, 'registry')
  await publishMarketplaces(served)
  const registry = await startRegistry(served)
  const postgres = await startEmbeddedPostgres({
    dataDir: path.join(directory, 'postgres'),
    hostRole,
    prepare: (superuser) => hardenDatabase(superuser, { hostRole }),
  })
  const started: HostProcess<never>[] = []
  let lastOrganization = 0
  let lastHost = 0

  const newDirectory = async (name: string): Promise<string> => {
    const created = path.join(directory, `${name}-${++lastHost}`)
    await mkdir(created)
    return created
  }

  return {
    registry,
    connection: postgres.connection,
    async startOurHost(kind, organizations, { after, ...options } = {}) {
      if (!after) await forgetArtifacts(postgres.connection)
      const dataDir = await newDirectory('our-host')
      const organizationIds = after?.organizationIds ?? Array.from({ length: organizations }, () => ++lastOrganization)
      const marketplaceUrl = `${registry.url}/${kind}/plugins.json`
      const input: OurHostInput = {
        connection: postgres.connection,
        marketplaceUrl,
        dataDir,
        organizationIds,
        ...options,
      }
      const host = await startHostProcess<OurHostCommands>({ script: 'our-host', input, cwd: dataDir })
      started.push(host as unknown as HostProcess<never>)
      return { ...host, organizationIds }
    },
    async startSeedHost() {
      const cwd = await newDirectory('seed-host')
      await writeFile(path.join(cwd, 'tsconfig.json'), JSON.stringify(seedTsconfig()))
      const input: SeedHostInput = {
        connection: postgres.connection,
        marketplaceUrl: `${registry.url}/seed/plugins.json`,
        directory: cwd,
        tenantId: `seed_${lastHost}`,
      }
      const env = { npm_config_cache: path.join(cwd, 'npm-cache'), npm_config_update_notifier: 'false' }
      const host = await startHostProcess<SeedHostCommands>({ script: 'seed-host', input, cwd, env })
      started.push(host as unknown as HostProcess<never>)
      return host
    },
    async startProcess<Commands extends HostCommands>(script: HostScript, input: unknown) {
      const process_ = await startHostProcess<Commands>({ script, input, cwd: directory })
      started.push(process_ as unknown as HostProcess<never>)
      return process_
    },
    async close() {
      await Promise.all(started.map((host) => host.stop()))
      await postgres.stop()
      await registry.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}

async function publishMarketplaces(served: string): Promise<void> {
  const marketplaceDir = path.join(projectDir, 'marketplace')
  const packed = path.join(served, 'packed')
  await mkdir(served)
  await packMarketplace({ marketplaceDir, outDir: path.join(served, 'source'), only: [] })
  await packMarketplace({ marketplaceDir, outDir: packed, only: ['risk-import', 'mlflow', 'slack'] })
  const templates = path.join(served, 'templates')
  await packMarketplace({ marketplaceDir: seedSamplesDir, outDir: templates, only: ['template-3'] })
  await cp(path.join(templates, 'artifacts'), path.join(packed, 'artifacts'), { recursive: true })
  await cp(greetingDir, path.join(packed, 'plugins', 'greeting'), { recursive: true })
  await cp(bulkDir, path.join(packed, 'plugins', 'bulk'), { recursive: true })
  const template = (await readEntries(templates)).find(({ key }) => key === 'template-3')
  await writeEntries(packed, [...(await readEntries(packed)), template, greetingEntry, bulkEntry])
  await publishForSeed(path.join(served, 'seed'))
}

async function readEntries(directory: string): Promise<{ key: string }[]> {
  const text = await readFile(path.join(directory, 'plugins.json'), 'utf8')
  return (JSON.parse(text) as { plugins: { key: string }[] }).plugins
}

async function writeEntries(directory: string, plugins: unknown[]): Promise<void> {
  await writeFile(path.join(directory, 'plugins.json'), JSON.stringify({ version: '1.0.0', plugins, categories: [] }))
}

const greetingEntry = {
  key: 'greeting',
  name: 'greeting',
  displayName: 'Greeting',
  description: 'The smallest plugin that does something',
  version: '1.0.0',
  category: 'data_management',
  isOfficial: false,
  isPublished: true,
  requiresConfiguration: false,
  installationType: 'tenant_scoped',
  features: [],
  tags: [],
  pluginPath: 'plugins/greeting',
  entryPoint: 'index.ts',
  dependencies: {},
  permissions: { database: { tenantSchema: false, tables: {} } },
}

const bulkEntry = {
  ...greetingEntry,
  key: 'bulk',
  name: 'bulk',
  displayName: 'Bulk',
  description: 'Adds many rows',
  pluginPath: 'plugins/bulk',
  permissions: { database: { tenantSchema: false, tables: { bulk_rows: ['insert'] } } },
}

/** The seed's way downloads one file of a plugin, so its risk-import is the template that the seed prints. */
async function publishForSeed(outDir: string): Promise<void> {
  const template = path.join(seedSamplesDir, 'template-3')
  const riskImportDir = path.join(outDir, 'plugins', 'risk-import')
  await cp(greetingDir, path.join(outDir, 'plugins', 'greeting'), { recursive: true })
  await cp(template, riskImportDir, { recursive: true })
  const code = await readFile(path.join(template, 'index.ts'), 'utf8')
  await writeFile(path.join(riskImportDir, 'index.ts'), code + seedTypes)
  const riskImportEntry = { key: 'risk-import', pluginPath: 'plugins/risk-import', entryPoint: 'index.ts' }
  const mlflowEntry = { key: 'mlflow', pluginPath: 'plugins/mlflow', entryPoint: 'index.ts' }
  await publishAsOneFile('mlflow', path.join(outDir, 'plugins', 'mlflow'))
  await writeEntries(outDir, [riskImportEntry, mlflowEntry, greetingEntry])
}

/** Types that the template uses and the seed prints elsewhere: ts-node compiles nothing without them. */
const seedTypes = `
interface PluginMetadata { name: string; version: string; author: string; description: string }
interface InstallResult { success: boolean; message: string; installedAt: string }
interface UninstallResult { success: boolean; message: string; uninstalledAt: string }
`

/** One of our plugins as the seed's way takes it. Its types are not checked on each load: that is kind to the seed's way. */
async function publishAsOneFile(key: string, outDir: string): Promise<void> {
  const pluginDir = path.join(projectDir, 'marketplace', 'plugins', key)
  await build({
    entryPoints: [path.join(pluginDir, 'index.ts')],
    outfile: path.join(outDir, 'index.ts'),
    bundle: true,
    packages: 'external',
    format: 'esm',
    target: 'es2022',
    banner: { js: '// @ts-nocheck' },
  })
  await cp(path.join(pluginDir, 'package.json'), path.join(outDir, 'package.json'))
}

/**
 * The compiler options that the seed prints, without those that refuse its own template (an unused function), and with
 * what a newer compiler in another folder needs.
 */
function seedTsconfig() {
  const nodeTypes = path.dirname(createRequire(import.meta.url).resolve('@types/node/package.json'))
  return {
    compilerOptions: {
      target: 'ES2020',
      module: 'commonjs',
      lib: ['ES2020', 'DOM'],
      types: ['node'],
      strict: true,
      esModuleInterop: true,
      skipLibCheck: true,
      forceConsistentCasingInFileNames: true,
      resolveJsonModule: true,
      moduleResolution: 'node',
      allowSyntheticDefaultImports: true,
      noImplicitReturns: true,
      noFallthroughCasesInSwitch: true,
      typeRoots: [path.dirname(nodeTypes)],
      ignoreDeprecations: '6.0',
    },
  }
}

/** So that the next host downloads and builds again. */
async function forgetArtifacts(connection: PostgresConnection): Promise<void> {
  const client = new pg.Client(connection)
  await client.connect()
  try {
    const { rows } = await client.query<{ exists: boolean }>(
      `SELECT to_regclass('tenon.artifacts') IS NOT NULL AS exists`,
    )
    if (rows[0]?.exists) await client.query('TRUNCATE tenon.artifacts, tenon.artifact_resolutions CASCADE')
  } finally {
    await client.end()
  }
}
