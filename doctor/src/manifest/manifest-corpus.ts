import type { PluginHostOptions } from '@tenon/host'
import type { AttackResult, Corpus } from '../corpus.js'
import type { Ground, GroundPlugin } from '../ground.js'

/** One field of a manifest that asks for something. */
interface ManifestAttack {
  name: string
  entry: Record<string, unknown>
  /**
   * Code of a route, for fields that are kept and ignored: what it answers is what the plugin got of it. Without it, that
   * the plugin could be installed is the hole.
   */
  got?: string
}

/** The least that an operator can allow, so that every field has something to be refused by. */
export function strictOptions(
  deployment: Partial<PluginHostOptions>,
): Pick<PluginHostOptions, 'grantable' | 'publicUrl'> {
  const connection = {
    clientId: 'a client',
    clientSecret: 'a secret of the operator',
    authorizeUrl: 'https://service.example/authorize',
    tokenUrl: 'https://service.example/token',
    audience: ['service.example'],
    scopes: ['read'],
  }
  return {
    publicUrl: 'http://localhost',
    grantable: {
      tables: deployment.grantable?.tables ?? {},
      environment: { 'manifest-environment-of-another': ['TENON_DOCTOR_VARIABLE'] },
      connections: { 'manifest-scopes': connection },
      network: { hosts: ['service.example', '*.wild.example'], fromConfiguration: false },
      events: ['risk.imported'],
      schedule: false,
      ui: { images: false },
      tenantSchema: false,
      allowUndeclared: false,
    },
  }
}

const nothing = { database: { tenantSchema: false } }
const asks = (more: Record<string, unknown>) => ({ permissions: { ...nothing, ...more } })
const tables = (name: string, privileges: string[]) => ({
  permissions: { database: { tenantSchema: false, tables: Object.fromEntries([[name, privileges]]) } },
})
const importer = { id: 'i', slot: 's', title: 'I', import: 'POST /import' }
const importing = (settings: object) => ({ ...asks({}), contributes: { importers: [{ ...importer, settings }] } })
const action = { id: 'act', title: 'Act', route: 'POST /act' }
const connection = { id: 'workspace', kind: 'oauth2', provider: 'service', title: 'Workspace' }
const sha256 = 'ab'.repeat(32)
const ui = { entry: 'ui.ts', pages: [{ id: 'main', title: 'Main' }], routes: ['GET /got'] }
const withUi = (more: Record<string, unknown>) => ({ ...asks({}), contributes: { ui: { ...ui, ...more } } })
const packed = { artifact: { path: 'nothing.tgz', sha256, size: 1 } }

const attacks: ManifestAttack[] = [
  // permissions.database
  { name: 'permissions: is left out altogether', entry: { permissions: undefined } },
  { name: 'tenantSchema: asks for tables of its own', entry: { permissions: { database: { tenantSchema: true } } } },
  { name: 'tables: asks to read the tenants of the host', entry: tables('tenon.tenants', ['select']) },
  { name: 'tables: asks to read organizations', entry: tables('public.organizations', ['select']) },
  { name: 'tables: asks to read passwords of the server', entry: tables('pg_catalog.pg_authid', ['select']) },
  { name: 'tables: asks for a table of another tenant', entry: tables('"another".risks', ['select']) },
  { name: 'tables: asks for installations', entry: tables('plugin_installations', ['select']) },
  { name: 'tables: asks to delete what it may only read', entry: tables('risks', ['delete']) },
  { name: 'tables: asks to change what it may only read', entry: tables('public.users', ['select', 'update']) },
  { name: 'tables: asks for a right that there is not', entry: tables('risks', ['truncate']) },
  { name: 'tables: asks for all rights with a star', entry: tables('risks', ['*']) },
  { name: 'tables: asks for every table with a star', entry: tables('*', ['select']) },
  { name: 'tables: asks for the prototype of everything', entry: tables('constructor', ['select']) },
  { name: 'tables: smuggles SQL into the name of a table', entry: tables('risks; DROP TABLE risks', ['select']) },
  {
    name: 'tables: smuggles SQL into the name of a right',
    entry: tables('risks', ['select ON tenon.tenants TO PUBLIC; --']),
  },

  // permissions.network
  {
    name: 'hosts: asks for a host that the operator does not allow',
    entry: asks({ network: { hosts: ['other.example'] } }),
  },
  {
    name: 'hosts: asks for another port of an allowed host',
    entry: asks({ network: { hosts: ['service.example:22'] } }),
  },
  { name: 'hosts: asks for everything with a star', entry: asks({ network: { hosts: ['*'] } }) },
  { name: 'hosts: asks for a whole domain with a star', entry: asks({ network: { hosts: ['*.example'] } }) },
  { name: 'hosts: asks for a star within a name', entry: asks({ network: { hosts: ['serv*.example'] } }) },
  { name: 'hosts: asks for an address', entry: asks({ network: { hosts: ['127.0.0.1'] } }) },
  { name: 'hosts: asks for an address of IPv6', entry: asks({ network: { hosts: ['[::1]'] } }) },
  { name: 'hosts: asks for an address as a number', entry: asks({ network: { hosts: ['2130706433'] } }) },
  { name: 'hosts: asks for an address of the web', entry: asks({ network: { hosts: ['http://127.0.0.1/'] } }) },
  { name: 'hosts: asks for this machine', entry: asks({ network: { hosts: ['localhost'] } }) },
  {
    name: 'fromConfiguration: asks for the address in a setting',
    entry: {
      ...asks({ network: { fromConfiguration: ['url'] } }),
      contributes: { configuration: { type: 'object', properties: { url: { type: 'string' } } } },
    },
  },
  {
    name: 'fromConfiguration: asks for the address in something that is no setting',
    entry: asks({ network: { fromConfiguration: ['__proto__'] } }),
  },

  // permissions.environment, events, schedule
  { name: 'environment: asks for a variable', entry: asks({ environment: ['DATABASE_URL'] }) },
  {
    name: 'environment: asks for a variable that another plugin may have',
    entry: asks({ environment: ['TENON_DOCTOR_VARIABLE'] }),
  },
  { name: 'environment: asks for everything with a star', entry: asks({ environment: ['*'] }) },
  {
    name: 'environment: asks for the prototype of everything',
    entry: { ...asks({ environment: ['constructor'] }), key: 'constructor' },
  },
  { name: 'events: asks for events that the operator does not allow', entry: asks({ events: ['user.created'] }) },
  { name: 'events: asks for all events with a star', entry: asks({ events: ['*'] }) },
  { name: 'events: asks for a family of events of which one is allowed', entry: asks({ events: ['risk.*'] }) },
  { name: 'schedule: asks to run by itself', entry: asks({ schedule: true }) },

  // contributes
  {
    name: 'actions: runs by itself without having asked',
    entry: { ...asks({}), contributes: { actions: [{ ...action, schedule: '* * * * *' }] } },
  },
  {
    name: 'actions: names a route of another plugin',
    entry: { ...asks({}), contributes: { actions: [{ ...action, route: 'POST /../another/act' }] } },
  },
  {
    name: 'views: names an address instead of a route',
    entry: {
      ...asks({}),
      contributes: { views: [{ id: 'v', slot: 's', title: 'V', route: 'GET https://other.example/' }] },
    },
  },
  {
    name: 'importers: names a route of the host',
    entry: { ...asks({}), contributes: { importers: [{ ...importer, import: 'POST ../install' }] } },
  },
  {
    name: 'importers: a setting takes the place of the file',
    entry: importing({ type: 'object', allOf: [{ then: { properties: { file: { type: 'string' } } } }] }),
  },
  {
    name: 'importers: a setting is named like a header',
    entry: importing({ type: 'object', properties: { 'a"; x="': { type: 'string' } } }),
  },
  {
    name: 'importers: settings are described somewhere else',
    entry: importing({ $ref: 'https://other.example/schema.json' }),
  },
  {
    name: 'connections: connects accounts without the operator',
    entry: { ...asks({}), contributes: { connections: [connection] } },
  },
  {
    name: 'connections: asks for a scope that the operator does not allow',
    entry: {
      ...asks({}),
      key: 'manifest-scopes',
      contributes: { connections: [{ ...connection, scopes: ['admin'] }] },
    },
  },
  {
    name: 'connections: brings its own address for tokens',
    entry: {
      ...asks({}),
      contributes: {
        connections: [
          { ...connection, tokenUrl: 'https://other.example/token', clientIdEnv: 'PATH', audience: ['other.example'] },
        ],
      },
    },
  },
  {
    name: 'connections: calls something that is no export',
    entry: {
      ...asks({}),
      key: 'manifest-scopes',
      contributes: { connections: [{ ...connection, scopes: ['read'], onConnect: 'constructor.constructor' }] },
    },
  },
  {
    name: 'events: subscribes without having asked',
    entry: { ...asks({}), contributes: { events: [{ name: 'risk.imported', handler: 'install' }] } },
  },
  {
    name: 'publishes: speaks in the name of events that the operator does not allow',
    entry: { ...asks({}), contributes: { publishes: ['user.deleted'] } },
  },
  {
    name: 'configuration: refers to a file',
    entry: { ...asks({}), contributes: { configuration: { $ref: 'file:///etc/passwd' } } },
  },
  {
    name: 'configuration: refers to an address',
    entry: {
      ...asks({}),
      contributes: { configuration: { type: 'object', properties: { a: { $ref: 'http://127.0.0.1:9/' } } } },
    },
  },

  // contributes.ui
  { name: 'ui: has code for browsers built on the way', entry: withUi({}) },
  { name: 'ui: has a package that is not there', entry: { ...withUi({}), ...packed } },
  { name: 'ui.entry: leads out of the folder', entry: { ...withUi({ entry: '../../secret.ts' }), ...packed } },
  { name: 'ui.entry: is an address', entry: { ...withUi({ entry: 'https://other.example/ui.js' }), ...packed } },
  { name: 'ui.pages: has none', entry: { ...withUi({ pages: [] }), ...packed } },
  {
    name: 'ui.pages: names a page of the host',
    entry: { ...withUi({ pages: [{ id: '../settings', title: 'x' }] }), ...packed },
  },
  { name: 'ui.pages: uses an id twice', entry: { ...withUi({ pages: [ui.pages[0], ui.pages[0]] }), ...packed } },
  { name: 'ui.routes: names a route of the host', entry: { ...withUi({ routes: ['POST /../install'] }), ...packed } },
  {
    name: 'ui.routes: names an address',
    entry: { ...withUi({ routes: ['GET https://other.example/'] }), ...packed },
  },
  { name: 'ui.images: asks for pictures', entry: { ...withUi({ images: true }), ...packed } },
  { name: 'ui.height: covers everything', entry: { ...withUi({ height: 1e9 }), ...packed } },

  // Where the code comes from
  { name: 'key: leads out of the folder', entry: { ...asks({}), key: '../../escaped' } },
  { name: 'key: is a name of the host', entry: { ...asks({}), key: 'installations' } },
  { name: 'pluginPath: leads out of the marketplace', entry: { ...asks({}), pluginPath: '../..' } },
  { name: 'pluginPath: is absolute', entry: { ...asks({}), pluginPath: '/etc' } },
  { name: 'pluginPath: is an address', entry: { ...asks({}), pluginPath: 'http://127.0.0.1:9/' } },
  { name: 'pluginPath: hides dots in percent signs', entry: { ...asks({}), pluginPath: '%2e%2e/%2e%2e' } },
  { name: 'entryPoint: leads out of the marketplace', entry: { ...asks({}), entryPoint: '../../../../etc/passwd' } },
  { name: 'entryPoint: is not code', entry: { ...asks({}), entryPoint: 'package.json' } },
  {
    name: 'artifact: leads out of the marketplace',
    entry: { ...asks({}), artifact: { path: '../../x.tgz', sha256, size: 1 } },
  },
  {
    name: 'artifact: is an address',
    entry: { ...asks({}), artifact: { path: 'http://127.0.0.1:9/x.tgz', sha256, size: 1 } },
  },
  {
    name: 'artifact: is larger than anything',
    entry: { ...asks({}), artifact: { path: 'x.tgz', sha256, size: 1e15 } },
  },
  {
    name: 'versions: leads out of the marketplace',
    entry: { ...asks({}), versions: [{ version: '0.9.0', artifact: { path: '../x.tgz', sha256, size: 1 } }] },
  },
  { name: 'iconUrl: is a file', entry: { ...asks({}), iconUrl: 'file:///etc/passwd' } },
  { name: 'iconUrl: leads out of the marketplace', entry: { ...asks({}), iconUrl: '../../../etc/passwd' } },
  { name: 'documentationUrl: is a script', entry: { ...asks({}), documentationUrl: 'javascript:alert(1)' } },
  { name: 'engines: asks for another host', entry: { ...asks({}), engines: { tenon: '>=99' } } },

  // Kept and ignored
  {
    name: 'isOfficial: says that it is official',
    entry: { ...asks({}), isOfficial: true },
    got: 'return Object.keys(process.env)',
  },
  {
    name: 'unknown fields: asks for what there is not',
    entry: { ...asks({}), privileged: true, sandbox: false, tier: 0, trusted: true },
    got: 'return Object.keys(process.env)',
  },
  {
    name: 'permissions: has fields that there are not',
    entry: asks({ filesystem: ['/'], process: true, superuser: true }),
    got: `try { return (await import('node:fs')).readFileSync('/etc/passwd', 'utf8') } catch { return '' }`,
  },
  {
    name: 'dependencies: names a folder of this machine',
    entry: { ...asks({}), dependencies: { secrets: 'file:../..' } },
    got: `try { return (await import('secrets')).default } catch { return '' }`,
  },
]

/** What a manifest may ask for, field by field, under the strictest ceiling that an operator can set. */
export function manifestCorpus(ground: Ground): Corpus {
  return {
    name: 'manifest',
    async *run(signal) {
      await assertPlainIsInstalled(ground)
      for (const [at, attack] of attacks.entries()) {
        if (signal?.aborted) return
        yield await attempt(ground, at, attack)
      }
    },
  }
}

/** Where not even a plugin that asks for nothing can be installed, refusals prove nothing. */
async function assertPlainIsInstalled(ground: Ground): Promise<void> {
  await ground.install(ground.attacker, pluginOf('manifest-plain', { name: '', entry: asks({}) }))
}

async function attempt(ground: Ground, at: number, attack: ManifestAttack): Promise<AttackResult> {
  const { name, got } = attack
  const plugin = pluginOf(`manifest-${at}`, attack)
  try {
    await ground.install(ground.attacker, plugin)
  } catch (error) {
    return { name, outcome: 'stopped', how: (error instanceof Error ? error.message : String(error)).slice(0, 200) }
  }
  if (got === undefined) return { name, outcome: 'succeeded', how: 'it was installed' }
  const { data } = await ground.call(ground.attacker, plugin.key, 'GET', '/got')
  const answer = data as string | unknown[]
  return answer.length === 0
    ? { name, outcome: 'stopped', how: 'it was installed, and got nothing by it' }
    : { name, outcome: 'succeeded', how: `it got ${JSON.stringify(answer).slice(0, 160)}` }
}

function pluginOf(key: string, { entry, got = `return ''` }: ManifestAttack): GroundPlugin {
  const named = typeof entry['key'] === 'string' ? entry['key'] : key
  return {
    key: named,
    entry: { pluginPath: named, ...entry },
    files: {
      'index.ts': `
        export async function install() { return { success: true } }
        export async function uninstall() { return { success: true } }
        export const metadata = {}
        export const router = { 'GET /got': async () => { const got = async (): Promise<any> => { ${got} }; return { data: await got() } } }`,
    },
  }
}
