import { eventPatternCovers } from './admission.js'
import type { CatalogEntry, Permissions, TablePrivilege } from './catalog.js'
import { isJsonObject } from './json-pointer.js'

/** What a person reads about: their data, their data again, others, or the clock. */
export type PermissionGroup = 'read' | 'change' | 'outside' | 'events' | 'schedule'

/** One thing that a plugin asks for and that an admin may grant or not. */
export interface AskedPermission {
  /** Stable, and made of what it stands for: `table:risks:insert`, `network:slack.com`. */
  id: string
  group: PermissionGroup
  /** For a person: "Add rows to the table risks". */
  sentence: string
}

type Asking = Pick<CatalogEntry, 'permissions' | 'contributes'>

/**
 * Everything that an entry asks for, one by one. Of an entry that declares nothing there is nothing to choose: what it
 * gets is the compatibility profile.
 *
 * @since 0.1.0
 */
export function askedPermissions({ permissions, contributes }: Asking): AskedPermission[] {
  if (!permissions) return []
  const { database, network, environment, events, schedule } = permissions
  const reason = network.reason === undefined ? '' : ` (${network.reason})`
  return [
    ...Object.entries(database.tables).flatMap(([table, privileges]) =>
      privileges.map((privilege) => ({ id: permissionIds.table(table, privilege), ...tableWords(table, privilege) })),
    ),
    ...(database.tenantSchema
      ? [asked(permissionIds.ownTables, 'change', 'Keep tables of its own among the data of your organization')]
      : []),
    ...network.hosts.map((host) => asked(permissionIds.host(host), 'outside', `Talk to ${host}${reason}`)),
    ...network.fromConfiguration.map((field) =>
      asked(
        permissionIds.configuredHost(field),
        'outside',
        `Talk to the address that you enter as "${titleOf(contributes, field)}"${reason}`,
      ),
    ),
    ...(contributes?.connections ?? []).map(({ id, provider, title, scopes }) =>
      asked(
        permissionIds.connection(id),
        'outside',
        `Use each ${title ?? `account at ${provider}`} that you connect${scopes.length > 0 ? ` (${scopes.join(', ')})` : ''}`,
      ),
    ),
    ...environment.map((name) =>
      asked(permissionIds.environment(name), 'read', `Read the value ${name}, which the operator has set for it`),
    ),
    ...events.map((pattern) => asked(permissionIds.event(pattern), 'events', sentenceOfEvents(pattern))),
    ...(contributes?.publishes ?? []).map((name) =>
      asked(permissionIds.publish(name), 'events', `Announce the event ${name} to other plugins`),
    ),
    ...(contributes?.ui ? [asked(permissionIds.ui, 'read', uiSentence(contributes.ui.routes))] : []),
    ...(schedule ? [asked(permissionIds.schedule, 'schedule', 'Run on a schedule, without anybody asking')] : []),
  ]
}

/**
 * Ids of what both entries ask for, and `to` for more of: an account with other scopes, or a UI that now calls routes in
 * the name of whoever looks at it.
 */
export function widerPermissions(from: Asking, to: Asking): string[] {
  const before = from.contributes?.connections ?? []
  const accounts = (to.contributes?.connections ?? []).filter(({ id, scopes }) => {
    const known = before.find((one) => one.id === id)
    return known !== undefined && scopes.some((scope) => !known.scopes.includes(scope))
  })
  const calls = ({ contributes }: Asking): boolean => (contributes?.ui?.routes.length ?? 0) > 0
  const isUiWider = from.contributes?.ui !== undefined && !calls(from) && calls(to)
  return [...accounts.map(({ id }) => permissionIds.connection(id)), ...(isUiWider ? [permissionIds.ui] : [])]
}

/**
 * The entry with nothing in it that was not granted. What works with a plugin is given this one, so that what was not
 * granted is not there for anybody: not for the roles in the database, not for the network, not for events.
 *
 * @param granted ids of {@link askedPermissions}; null grants all that is asked
 * @since 0.1.0
 */
export function grantedEntry<Entry extends Asking>(entry: Entry, granted: readonly string[] | null): Entry {
  const { permissions, contributes } = entry
  if (granted === null || !permissions) return entry
  const has = (id: string) => granted.includes(id)
  const kept = keepGranted(permissions, has)
  if (!contributes) return { ...entry, permissions: kept }
  const { ui, ...rest } = contributes
  return {
    ...entry,
    permissions: kept,
    contributes: {
      ...rest,
      ...(ui && has(permissionIds.ui) ? { ui } : {}),
      actions: rest.actions.map(({ schedule, ...action }) =>
        kept.schedule && schedule !== undefined ? { ...action, schedule } : action,
      ),
      connections: rest.connections.filter(({ id }) => has(permissionIds.connection(id))),
      events: rest.events.filter(({ name }) => kept.events.some((pattern) => eventPatternCovers(pattern, name))),
      publishes: rest.publishes.filter((name) => has(permissionIds.publish(name))),
    },
  }
}

function keepGranted(permissions: Permissions, has: (id: string) => boolean): Permissions {
  const { database, network, environment, events, schedule } = permissions
  const tables = Object.entries(database.tables)
    .map(([table, privileges]) => [table, privileges.filter((one) => has(permissionIds.table(table, one)))] as const)
    .filter(([, privileges]) => privileges.length > 0)
  return {
    ...permissions,
    database: {
      ...database,
      tenantSchema: database.tenantSchema && has(permissionIds.ownTables),
      tables: Object.fromEntries(tables),
    },
    network: {
      ...network,
      hosts: network.hosts.filter((host) => has(permissionIds.host(host))),
      fromConfiguration: network.fromConfiguration.filter((field) => has(permissionIds.configuredHost(field))),
    },
    environment: environment.filter((name) => has(permissionIds.environment(name))),
    events: events.filter((pattern) => has(permissionIds.event(pattern))),
    schedule: schedule && has(permissionIds.schedule),
  }
}

/** How permissions are named wherever one of them is spoken of. */
export const permissionIds = {
  ownTables: 'own-tables',
  schedule: 'schedule',
  ui: 'ui',
  table: (table: string, privilege: TablePrivilege) => `table:${table}:${privilege}`,
  host: (pattern: string) => `network:${pattern}`,
  configuredHost: (field: string) => `network-setting:${field}`,
  environment: (name: string) => `environment:${name}`,
  event: (pattern: string) => `event:${pattern}`,
  publish: (name: string) => `publish:${name}`,
  connection: (id: string) => `connection:${id}`,
} as const

const asked = (id: string, group: PermissionGroup, sentence: string): AskedPermission => ({ id, group, sentence })

function tableWords(table: string, privilege: TablePrivilege): Omit<AskedPermission, 'id'> {
  const words = {
    select: `Read the table ${table}`,
    insert: `Add rows to the table ${table}`,
    update: `Change rows of the table ${table}`,
    delete: `Delete rows of the table ${table}`,
  }
  return { group: privilege === 'select' ? 'read' : 'change', sentence: words[privilege] }
}

function uiSentence(routes: readonly string[]): string {
  const reach = routes.length === 0 ? '' : ', which ask it for things in the name of whoever looks at them'
  return `Show pages of its own${reach}`
}

function titleOf(contributes: Asking['contributes'], field: string): string {
  const properties = contributes?.configuration?.['properties']
  const property = isJsonObject(properties) && Object.hasOwn(properties, field) ? properties[field] : undefined
  const title = isJsonObject(property) ? property['title'] : undefined
  return typeof title === 'string' ? title.slice(0, 200) : field
}

/** `risk.*` are all events that have to do with risks, `risk.created` is one of them. */
function sentenceOfEvents(pattern: string): string {
  if (pattern === '*') return 'Be told of every event'
  const words = pattern.replace(/\.\*$/, '').replaceAll(/[._-]+/g, ' ')
  return pattern.endsWith('.*') ? `Be told of ${words} events` : `Be told of the event “${words}”`
}
