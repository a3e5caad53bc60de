import type { CatalogEntry, Permissions, TablePrivilege } from './catalog.js'

/**
 * What the operator sets up so that the plugin with one key can connect accounts at another service. None of it comes
 * from a manifest, which is the attacker's text.
 */
export interface ConnectionGrant {
  /** Empty while the operator has not registered the application with the service yet. */
  clientId: string
  clientSecret: string
  authorizeUrl: string
  tokenUrl: string
  revokeUrl?: string
  /** Whether the service takes proof keys (RFC 7636, S256). */
  pkce?: boolean
  /** Between the scopes that are asked for: a space (RFC 6749, 3.3) when absent. */
  scopeSeparator?: string
  /** Hosts that a token of the connection may be sent to. */
  audience: string[]
  /** Scopes that may be asked for; any when absent. */
  scopes?: string[]
}

/** The most that any plugin may ask for here. Tables, environment and connections are closed unless they are named. */
export interface OperatorCeiling {
  tables?: Readonly<Record<string, readonly TablePrivilege[]>>
  /** Names of environment variables by plugin key. */
  environment?: Readonly<Record<string, readonly string[]>>
  /** By plugin key. */
  connections?: Readonly<Record<string, ConnectionGrant>>
  /** Hosts that plugins may name; any public host when absent. `fromConfiguration: false` forbids configured hosts. */
  network?: { hosts?: readonly string[]; fromConfiguration?: boolean }
  /** Event patterns that plugins may subscribe to and publish; all when absent. */
  events?: readonly string[]
  /** False forbids schedules. */
  schedule?: boolean
  /** False forbids tables of a plugin's own. */
  tenantSchema?: boolean
  /** False forbids UIs of a plugin's own; `images: false` forbids pictures in them. */
  ui?: false | { images?: boolean }
  /** True admits entries without `permissions`, which run under the compatibility profile. */
  allowUndeclared?: boolean
}

export interface Admission {
  installable: boolean
  /** Why not, one plain sentence part each: "asks to delete rows of risks". */
  refusals: string[]
}

/**
 * Compares what an entry asks for with what the operator allows.
 *
 * @since 0.1.0
 */
export function admit(entry: CatalogEntry, grantable: OperatorCeiling): Admission {
  const { permissions } = entry
  const refusals = [
    ...(permissions === undefined ? refuseUndeclared(grantable) : refusePermissions(entry, permissions, grantable)),
    ...refuseConnections(entry, grantable),
    ...refuseUi(entry, grantable),
    ...refuseUndeclaredContributions(entry),
  ]
  return { installable: refusals.length === 0, refusals: [...new Set(refusals)] }
}

/** The sentence for a person: "not installable: asks for …". */
export function describeRefusals(refusals: readonly string[]): string {
  return `not installable: ${refusals.join('; ')}`
}

/** True when everything that `asked` matches is matched by `allowed` too. A `*.` stands for exactly one label. */
export function hostPatternCovers(allowed: string, asked: string): boolean {
  const [allowedName, allowedPort] = splitPort(allowed)
  const [askedName, askedPort] = splitPort(asked)
  if (allowedPort !== askedPort) return false
  if (allowedName === askedName) return true
  return allowedName.startsWith('*.') && withoutFirstLabel(askedName) === allowedName.slice('*.'.length)
}

/** True when every event that `asked` names is named by `allowed` too. */
export function eventPatternCovers(allowed: string, asked: string): boolean {
  return allowed === asked || (allowed.endsWith('.*') && asked.startsWith(allowed.slice(0, -1)))
}

function refuseUndeclared(grantable: OperatorCeiling): string[] {
  return grantable.allowUndeclared === true
    ? []
    : ['does not declare what it needs, and plugins that do not are not admitted here']
}

function refusePermissions(entry: CatalogEntry, permissions: Permissions, grantable: OperatorCeiling): string[] {
  return [
    ...refuseTables(permissions, grantable),
    ...refuseNetwork(entry, permissions, grantable),
    ...refuseEnvironment(entry.key, permissions, grantable),
    ...refuseEvents(permissions, entry, grantable),
    ...(permissions.schedule && grantable.schedule === false ? ['asks to run on a schedule'] : []),
  ]
}

function refuseTables({ database }: Permissions, grantable: OperatorCeiling): string[] {
  const ownTables =
    database.tenantSchema && grantable.tenantSchema === false ? ['asks to create tables of its own'] : []
  const hostTables = Object.entries(database.tables).flatMap(([table, privileges]) => {
    const allowed = ownValue(grantable.tables, table) ?? []
    return privileges
      .filter((privilege) => !allowed.includes(privilege))
      .map((privilege) => `asks to ${tableSentence[privilege]} ${table}`)
  })
  return [...ownTables, ...hostTables]
}

const tableSentence: Record<TablePrivilege, string> = {
  select: 'read the table',
  insert: 'add rows to the table',
  update: 'change rows of the table',
  delete: 'delete rows of the table',
}

function refuseNetwork(entry: CatalogEntry, { network }: Permissions, grantable: OperatorCeiling): string[] {
  const allowed = grantable.network?.hosts
  const hosts = network.hosts
    .filter((host) => allowed !== undefined && !allowed.some((pattern) => hostPatternCovers(pattern, host)))
    .map((host) => `asks to reach ${host}`)
  const configured = network.fromConfiguration.flatMap((field) => {
    if (grantable.network?.fromConfiguration === false) return [`asks to reach the address in its setting ${field}`]
    return hasField(entry, field) ? [] : [`asks to reach the address in ${field}, which is not one of its settings`]
  })
  return [...hosts, ...configured]
}

function hasField(entry: CatalogEntry, field: string): boolean {
  const properties = entry.contributes?.configuration?.properties
  return typeof properties === 'object' && properties !== null && Object.hasOwn(properties, field)
}

function refuseEnvironment(key: string, { environment }: Permissions, grantable: OperatorCeiling): string[] {
  const allowed = ownValue(grantable.environment, key) ?? []
  return environment
    .filter((name) => !allowed.includes(name))
    .map((name) => `asks for the environment variable ${name}`)
}

function refuseEvents({ events }: Permissions, { contributes }: CatalogEntry, grantable: OperatorCeiling): string[] {
  const allowed = grantable.events
  if (allowed === undefined) return []
  const isBeyond = (event: string) => !allowed.some((pattern) => eventPatternCovers(pattern, event))
  return [
    ...events.filter(isBeyond).map((event) => `asks for the events ${event}`),
    ...(contributes?.publishes ?? []).filter(isBeyond).map((name) => `asks to publish the events ${name}`),
  ]
}

function refuseConnections(entry: CatalogEntry, grantable: OperatorCeiling): string[] {
  const grant = ownValue(grantable.connections, entry.key)
  return (entry.contributes?.connections ?? []).flatMap(({ provider, scopes }) => {
    if (grant === undefined) return [`asks to connect accounts at ${provider}, which the operator has not set up`]
    return scopes
      .filter((scope) => grant.scopes !== undefined && !grant.scopes.includes(scope))
      .map((scope) => `asks for the scope ${scope} at ${provider}`)
  })
}

function refuseUi({ artifact, permissions, contributes }: CatalogEntry, grantable: OperatorCeiling): string[] {
  const ui = contributes?.ui
  if (ui === undefined) return []
  const allowed = grantable.ui ?? {}
  return [
    ...(allowed === false ? ['asks to show pages of its own'] : []),
    ...(allowed !== false && allowed.images === false && ui.images
      ? ['asks to show pictures in pages of its own']
      : []),
    ...(permissions === undefined ? ['asks to show pages of its own without declaring what else it needs'] : []),
    // What runs in a browser of the organization is never built on the way: it is what was packed, byte by byte.
    ...(artifact === undefined ? ['brings pages of its own, and only packed plugins may'] : []),
  ]
}

/** What is contributed needs the matching permission: what a person consents to must be all of it. */
function refuseUndeclaredContributions({ permissions, contributes }: CatalogEntry): string[] {
  const scheduled = (contributes?.actions ?? []).some((action) => action.schedule !== undefined)
  const events = (contributes?.events ?? [])
    .filter(({ name }) => !(permissions?.events ?? []).some((pattern) => eventPatternCovers(pattern, name)))
    .map(({ name }) => `asks for the events ${name} without listing them in its permissions`)
  return [
    ...(scheduled && permissions?.schedule !== true
      ? ['asks to run on a schedule without listing it in its permissions']
      : []),
    ...events,
  ]
}

function splitPort(host: string): [name: string, port: string] {
  const [name = '', port = '443'] = host.split(':')
  return [name, port]
}

function withoutFirstLabel(name: string): string {
  return name.slice(name.indexOf('.') + 1)
}

/** Keys come from the manifest: `constructor` must not find anything. */
function ownValue<T>(record: Readonly<Record<string, T>> | undefined, key: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, key) ? record[key] : undefined
}
