/** One field of a manifest that asks for something. */
export interface ManifestAttack {
  /** As the schema names it; empty for what the schema does not know. */
  field: string
  name: string
  entry: Record<string, unknown>
  /**
   * Code of a route, for fields that are kept and ignored: what it answers is what the plugin got of it. Without it, that
   * the plugin could be installed is the hole.
   */
  got?: string
}

const nothing = { database: { tenantSchema: false } }
export const asks = (more: Record<string, unknown>) => ({ permissions: { ...nothing, ...more } })
const tables = (name: string, privileges: string[]) => ({
  permissions: { database: { tenantSchema: false, tables: Object.fromEntries([[name, privileges]]) } },
})
const importer = { id: 'i', slot: 's', title: 'I', import: 'POST /import' }
const importing = (settings: object) => ({ ...asks({}), contributes: { importers: [{ ...importer, settings }] } })
const action = { id: 'act', title: 'Act', route: 'POST /act' }
const connection = { id: 'workspace', kind: 'oauth2', provider: 'service', title: 'Workspace' }
const view = { id: 'v', slot: 's', title: 'V', route: 'GET /rows', columns: [{ key: 'a', title: 'A' }] }
const viewing = (more: object) => ({ ...asks({}), contributes: { views: [{ ...view, ...more }] } })
const chart = { title: 'C', route: 'GET /points', x: 'a', series: [{ key: 'a', title: 'A' }] }
const charting = (more: object) => viewing({ detail: { charts: [{ ...chart, ...more }] } })
/** With an account that the operator does allow, so that it is the rest that is refused. */
const connecting = (more: object) => ({
  ...asks({}),
  key: 'manifest-scopes',
  contributes: { connections: [{ ...connection, scopes: ['read'], ...more }] },
})
const sha256 = 'ab'.repeat(32)
const ui = { entry: 'ui.ts', pages: [{ id: 'main', title: 'Main' }], routes: ['GET /got'] }
const withUi = (more: Record<string, unknown>) => ({ ...asks({}), contributes: { ui: { ...ui, ...more } } })
const packed = { artifact: { path: 'nothing.tgz', sha256, size: 1 } }

export const manifestAttacks: readonly ManifestAttack[] = [
  // permissions.database
  { field: 'permissions', name: 'permissions: is left out altogether', entry: { permissions: undefined } },
  {
    field: 'permissions.database.tenantSchema',
    name: 'tenantSchema: asks for tables of its own',
    entry: { permissions: { database: { tenantSchema: true } } },
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks to read the tenants of the host',
    entry: tables('tenon.tenants', ['select']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks to read organizations',
    entry: tables('public.organizations', ['select']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks to read passwords of the server',
    entry: tables('pg_catalog.pg_authid', ['select']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks for a table of another tenant',
    entry: tables('"another".risks', ['select']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks for installations',
    entry: tables('plugin_installations', ['select']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks to delete what it may only read',
    entry: tables('risks', ['delete']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks to change what it may only read',
    entry: tables('public.users', ['select', 'update']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks for a right that there is not',
    entry: tables('risks', ['truncate']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks for all rights with a star',
    entry: tables('risks', ['*']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks for every table with a star',
    entry: tables('*', ['select']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: asks for the prototype of everything',
    entry: tables('constructor', ['select']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: smuggles SQL into the name of a table',
    entry: tables('risks; DROP TABLE risks', ['select']),
  },
  {
    field: 'permissions.database.tables',
    name: 'tables: smuggles SQL into the name of a right',
    entry: tables('risks', ['select ON tenon.tenants TO PUBLIC; --']),
  },

  // permissions.network
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for a host that the operator does not allow',
    entry: asks({ network: { hosts: ['other.example'] } }),
  },
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for another port of an allowed host',
    entry: asks({ network: { hosts: ['service.example:22'] } }),
  },
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for everything with a star',
    entry: asks({ network: { hosts: ['*'] } }),
  },
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for a whole domain with a star',
    entry: asks({ network: { hosts: ['*.example'] } }),
  },
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for a star within a name',
    entry: asks({ network: { hosts: ['serv*.example'] } }),
  },
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for an address',
    entry: asks({ network: { hosts: ['127.0.0.1'] } }),
  },
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for an address of IPv6',
    entry: asks({ network: { hosts: ['[::1]'] } }),
  },
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for an address as a number',
    entry: asks({ network: { hosts: ['2130706433'] } }),
  },
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for an address of the web',
    entry: asks({ network: { hosts: ['http://127.0.0.1/'] } }),
  },
  {
    field: 'permissions.network.hosts',
    name: 'hosts: asks for this machine',
    entry: asks({ network: { hosts: ['localhost'] } }),
  },
  {
    field: 'permissions.network.fromConfiguration',
    name: 'fromConfiguration: asks for the address in a setting',
    entry: {
      ...asks({ network: { fromConfiguration: ['url'] } }),
      contributes: { configuration: { type: 'object', properties: { url: { type: 'string' } } } },
    },
  },
  {
    field: 'permissions.network.fromConfiguration',
    name: 'fromConfiguration: asks for the address in something that is no setting',
    entry: asks({ network: { fromConfiguration: ['__proto__'] } }),
  },

  // permissions.environment, events, schedule
  {
    field: 'permissions.environment',
    name: 'environment: asks for a variable',
    entry: asks({ environment: ['DATABASE_URL'] }),
  },
  {
    field: 'permissions.environment',
    name: 'environment: asks for a variable that another plugin may have',
    entry: asks({ environment: ['TENON_DOCTOR_VARIABLE'] }),
  },
  {
    field: 'permissions.environment',
    name: 'environment: asks for everything with a star',
    entry: asks({ environment: ['*'] }),
  },
  {
    field: 'permissions.environment',
    name: 'environment: asks for the prototype of everything',
    entry: { ...asks({ environment: ['constructor'] }), key: 'constructor' },
  },
  {
    field: 'permissions.events',
    name: 'events: asks for events that the operator does not allow',
    entry: asks({ events: ['user.created'] }),
  },
  { field: 'permissions.events', name: 'events: asks for all events with a star', entry: asks({ events: ['*'] }) },
  {
    field: 'permissions.events',
    name: 'events: asks for a family of events of which one is allowed',
    entry: asks({ events: ['risk.*'] }),
  },
  { field: 'permissions.schedule', name: 'schedule: asks to run by itself', entry: asks({ schedule: true }) },

  // contributes
  {
    field: 'contributes.actions[].schedule',
    name: 'actions: runs by itself without having asked',
    entry: { ...asks({}), contributes: { actions: [{ ...action, schedule: '* * * * *' }] } },
  },
  {
    field: 'contributes.actions[].route',
    name: 'actions: names a route of another plugin',
    entry: { ...asks({}), contributes: { actions: [{ ...action, route: 'POST /../another/act' }] } },
  },
  {
    field: 'contributes.views[].route',
    name: 'views: names an address instead of a route',
    entry: {
      ...asks({}),
      contributes: { views: [{ id: 'v', slot: 's', title: 'V', route: 'GET https://other.example/' }] },
    },
  },
  {
    field: 'contributes.importers[].import',
    name: 'importers: names a route of the host',
    entry: { ...asks({}), contributes: { importers: [{ ...importer, import: 'POST ../install' }] } },
  },
  {
    field: 'contributes.importers[].settings',
    name: 'importers: a setting takes the place of the file',
    entry: importing({ type: 'object', allOf: [{ then: { properties: { file: { type: 'string' } } } }] }),
  },
  {
    field: 'contributes.importers[].settings',
    name: 'importers: a setting is named like a header',
    entry: importing({ type: 'object', properties: { 'a"; x="': { type: 'string' } } }),
  },
  {
    field: 'contributes.importers[].settings',
    name: 'importers: settings are described somewhere else',
    entry: importing({ $ref: 'https://other.example/schema.json' }),
  },
  {
    field: 'contributes.connections[].provider',
    name: 'connections: connects accounts without the operator',
    entry: { ...asks({}), contributes: { connections: [connection] } },
  },
  {
    field: 'contributes.connections[].scopes',
    name: 'connections: asks for a scope that the operator does not allow',
    entry: {
      ...asks({}),
      key: 'manifest-scopes',
      contributes: { connections: [{ ...connection, scopes: ['admin'] }] },
    },
  },
  {
    field: 'contributes.connections',
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
    field: 'contributes.connections[].onConnect',
    name: 'connections: calls something that is no export',
    entry: {
      ...asks({}),
      key: 'manifest-scopes',
      contributes: { connections: [{ ...connection, scopes: ['read'], onConnect: 'constructor.constructor' }] },
    },
  },
  {
    field: 'contributes.events[].name',
    name: 'events: subscribes without having asked',
    entry: { ...asks({}), contributes: { events: [{ name: 'risk.imported', handler: 'install' }] } },
  },
  {
    field: 'contributes.publishes',
    name: 'publishes: speaks in the name of events that the operator does not allow',
    entry: { ...asks({}), contributes: { publishes: ['user.deleted'] } },
  },
  {
    field: 'contributes.configuration',
    name: 'configuration: refers to a file',
    entry: { ...asks({}), contributes: { configuration: { $ref: 'file:///etc/passwd' } } },
  },
  {
    field: 'contributes.configuration',
    name: 'configuration: refers to an address',
    entry: {
      ...asks({}),
      contributes: { configuration: { type: 'object', properties: { a: { $ref: 'http://127.0.0.1:9/' } } } },
    },
  },

  // Links, and bytes
  { field: 'changelog', name: 'changelog: is a script', entry: { ...asks({}), changelog: 'javascript:alert(1)' } },
  {
    field: 'changelog',
    name: 'changelog: leads out of the marketplace',
    entry: { ...asks({}), changelog: '../../etc/passwd' },
  },
  { field: 'supportUrl', name: 'supportUrl: is a script', entry: { ...asks({}), supportUrl: 'javascript:alert(1)' } },
  { field: 'repository', name: 'repository: is a file', entry: { ...asks({}), repository: 'file:///etc/passwd' } },
  {
    field: 'artifact.sha256',
    name: 'artifact.sha256: lets any bytes pass',
    entry: { ...asks({}), artifact: { path: 'x.tgz', sha256: '*', size: 1 } },
  },
  {
    field: 'versions[].artifact.sha256',
    name: 'versions.sha256: lets any bytes pass',
    entry: { ...asks({}), versions: [{ version: '0.9.0', artifact: { path: 'x.tgz', sha256: '', size: 1 } }] },
  },
  {
    field: 'versions[].artifact.size',
    name: 'versions.size: has no end',
    entry: { ...asks({}), versions: [{ version: '0.9.0', artifact: { path: 'x.tgz', sha256, size: -1 } }] },
  },

  // What contributions call
  {
    field: 'contributes.testOnSave',
    name: 'testOnSave: names a route',
    entry: { ...asks({}), contributes: { testOnSave: 'POST /act' } },
  },
  {
    field: 'contributes.actions[].role',
    name: 'actions.role: names a role that there is not',
    entry: { ...asks({}), contributes: { actions: [{ ...action, role: 'Operator' }] } },
  },
  ...(['template', 'check', 'corrections', 'history', 'undo'] as const).flatMap((part) => [
    {
      field: `contributes.importers[].${part}`,
      name: `importers.${part}: names a route of the host`,
      entry: { ...asks({}), contributes: { importers: [{ ...importer, [part]: 'POST /../install' }] } },
    },
    {
      field: `contributes.importers[].${part}`,
      name: `importers.${part}: names an address`,
      entry: { ...asks({}), contributes: { importers: [{ ...importer, [part]: 'GET https://other.example/' }] } },
    },
  ]),
  {
    field: 'contributes.views[].groups.route',
    name: 'groups.route: changes something by being looked at',
    entry: viewing({ groups: { route: 'POST /act', by: ['a'] } }),
  },
  {
    field: 'contributes.views[].groups.route',
    name: 'groups.route: names an address',
    entry: viewing({ groups: { route: 'GET https://other.example/', by: ['a'] } }),
  },
  {
    field: 'contributes.views[].groups.by',
    name: 'groups.by: names what is no column',
    entry: viewing({ groups: { route: 'GET /groups', by: ['password'] } }),
  },
  {
    field: 'contributes.views[].detail.charts[].route',
    name: 'charts.route: changes something by being looked at',
    entry: charting({ route: 'DELETE /act' }),
  },
  {
    field: 'contributes.views[].detail.charts[].route',
    name: 'charts.route: names an address',
    entry: charting({ route: 'GET //other.example/' }),
  },
  {
    field: 'contributes.connections[].kind',
    name: 'connections.kind: asks people for their password',
    entry: connecting({ kind: 'password' }),
  },
  {
    field: 'contributes.connections[].test',
    name: 'connections.test: names a route of the host',
    entry: connecting({ test: 'POST /../install' }),
  },
  {
    field: 'contributes.connections[].settings',
    name: 'connections.settings: are described somewhere else',
    entry: connecting({ settings: { $ref: 'https://other.example/schema.json' } }),
  },
  ...(['id', 'name'] as const).map((part) => ({
    field: `contributes.connections[].response.account.${part}`,
    name: `connections.response: takes the ${part} of an account from what is no place in the answer`,
    entry: connecting({ response: { account: { id: '/id', name: '/name', [part]: 'constructor' } } }),
  })),
  ...(['details', 'secrets'] as const).map((part) => ({
    field: `contributes.connections[].response.${part}`,
    name: `connections.response: takes ${part} from what is no place in the answer`,
    entry: connecting({ response: { [part]: { taken: 'process.env' } } }),
  })),
  {
    field: 'contributes.events[].handler',
    name: 'events.handler: is something that is no export',
    entry: {
      ...asks({ events: ['risk.imported'] }),
      contributes: { events: [{ name: 'risk.imported', handler: 'constructor.constructor' }] },
    },
  },

  // contributes.ui
  { field: 'contributes.ui', name: 'ui: has code for browsers built on the way', entry: withUi({}) },
  { field: 'contributes.ui', name: 'ui: has a package that is not there', entry: { ...withUi({}), ...packed } },
  {
    field: 'contributes.ui.entry',
    name: 'ui.entry: leads out of the folder',
    entry: { ...withUi({ entry: '../../secret.ts' }), ...packed },
  },
  {
    field: 'contributes.ui.entry',
    name: 'ui.entry: is an address',
    entry: { ...withUi({ entry: 'https://other.example/ui.js' }), ...packed },
  },
  { field: 'contributes.ui.pages', name: 'ui.pages: has none', entry: { ...withUi({ pages: [] }), ...packed } },
  {
    field: 'contributes.ui.pages[].id',
    name: 'ui.pages: names a page of the host',
    entry: { ...withUi({ pages: [{ id: '../settings', title: 'x' }] }), ...packed },
  },
  {
    field: 'contributes.ui.pages[].id',
    name: 'ui.pages: uses an id twice',
    entry: { ...withUi({ pages: [ui.pages[0], ui.pages[0]] }), ...packed },
  },
  {
    field: 'contributes.ui.routes',
    name: 'ui.routes: names a route of the host',
    entry: { ...withUi({ routes: ['POST /../install'] }), ...packed },
  },
  {
    field: 'contributes.ui.routes',
    name: 'ui.routes: names an address',
    entry: { ...withUi({ routes: ['GET https://other.example/'] }), ...packed },
  },
  {
    field: 'contributes.ui.images',
    name: 'ui.images: asks for pictures',
    entry: { ...withUi({ images: true }), ...packed },
  },
  {
    field: 'contributes.ui.height',
    name: 'ui.height: covers everything',
    entry: { ...withUi({ height: 1e9 }), ...packed },
  },

  // Where the code comes from
  { field: 'key', name: 'key: leads out of the folder', entry: { ...asks({}), key: '../../escaped' } },
  { field: 'key', name: 'key: is a name of the host', entry: { ...asks({}), key: 'installations' } },
  {
    field: 'pluginPath',
    name: 'pluginPath: leads out of the marketplace',
    entry: { ...asks({}), pluginPath: '../..' },
  },
  { field: 'pluginPath', name: 'pluginPath: is absolute', entry: { ...asks({}), pluginPath: '/etc' } },
  { field: 'pluginPath', name: 'pluginPath: is an address', entry: { ...asks({}), pluginPath: 'http://127.0.0.1:9/' } },
  {
    field: 'pluginPath',
    name: 'pluginPath: hides dots in percent signs',
    entry: { ...asks({}), pluginPath: '%2e%2e/%2e%2e' },
  },
  {
    field: 'entryPoint',
    name: 'entryPoint: leads out of the marketplace',
    entry: { ...asks({}), entryPoint: '../../../../etc/passwd' },
  },
  { field: 'entryPoint', name: 'entryPoint: is not code', entry: { ...asks({}), entryPoint: 'package.json' } },
  {
    field: 'artifact.path',
    name: 'artifact: leads out of the marketplace',
    entry: { ...asks({}), artifact: { path: '../../x.tgz', sha256, size: 1 } },
  },
  {
    field: 'artifact.path',
    name: 'artifact: is an address',
    entry: { ...asks({}), artifact: { path: 'http://127.0.0.1:9/x.tgz', sha256, size: 1 } },
  },
  {
    field: 'artifact.size',
    name: 'artifact: is larger than anything',
    entry: { ...asks({}), artifact: { path: 'x.tgz', sha256, size: 1e15 } },
  },
  {
    field: 'versions[].artifact.path',
    name: 'versions: leads out of the marketplace',
    entry: { ...asks({}), versions: [{ version: '0.9.0', artifact: { path: '../x.tgz', sha256, size: 1 } }] },
  },
  { field: 'iconUrl', name: 'iconUrl: is a file', entry: { ...asks({}), iconUrl: 'file:///etc/passwd' } },
  {
    field: 'iconUrl',
    name: 'iconUrl: leads out of the marketplace',
    entry: { ...asks({}), iconUrl: '../../../etc/passwd' },
  },
  {
    field: 'documentationUrl',
    name: 'documentationUrl: is a script',
    entry: { ...asks({}), documentationUrl: 'javascript:alert(1)' },
  },
  {
    field: 'engines.tenon',
    name: 'engines: asks for another host',
    entry: { ...asks({}), engines: { tenon: '>=99' } },
  },

  // What is too much to be looked at, beside plugins that are not
  {
    field: 'versions[].artifact.path',
    name: 'versions: has a path of a million folders',
    entry: {
      ...asks({}),
      versions: [{ version: '0.9.0', artifact: { path: `x${'/x'.repeat(1_000_000)}`, sha256, size: 1 } }],
    },
  },
  {
    field: 'iconUrl',
    name: 'iconUrl: has a million folders',
    entry: { ...asks({}), iconUrl: `x${'/x'.repeat(1_000_000)}` },
  },
  {
    field: '',
    name: 'unknown fields: hold a million things',
    entry: { ...asks({}), things: Array.from({ length: 1_000_000 }, () => 1) },
  },

  // Kept and ignored
  {
    field: 'isOfficial',
    name: 'isOfficial: says that it is official',
    entry: { ...asks({}), isOfficial: true },
    got: 'return Object.keys(process.env)',
  },
  {
    field: '',
    name: 'unknown fields: asks for what there is not',
    entry: { ...asks({}), privileged: true, sandbox: false, tier: 0, trusted: true },
    got: 'return Object.keys(process.env)',
  },
  {
    field: 'permissions',
    name: 'permissions: has fields that there are not',
    entry: asks({ filesystem: ['/'], process: true, superuser: true }),
    got: `try { return (await import('node:fs')).readFileSync('/etc/passwd', 'utf8') } catch { return '' }`,
  },
  {
    field: 'dependencies',
    name: 'dependencies: names a folder of this machine',
    entry: { ...asks({}), dependencies: { secrets: 'file:../..' } },
    got: `try { return (await import('secrets')).default } catch { return '' }`,
  },
]
