import { permissionIds, tablePrivileges, valueAt, type CatalogEntry, type TablePrivilege } from '@tenon/contract'
import type { NetworkPolicy } from '../runtime/index.js'
import type { Usage } from '../records/index.js'
import type { TenantScope } from '../migrations/index.js'
import { asksFor } from './grants.js'
import type { KnownSecrets } from './known-secrets.js'
import { matchesHost, parsePattern, targetOf, type Target } from './network-policy.js'

/** Whose use of a permission it is. */
export interface MeterSubject {
  tenant: TenantScope
  pluginKey: string
  installationId: number
  manifest: CatalogEntry
  /** With all that it asks for. Default: the same. */
  asked?: CatalogEntry
}

/** Counts what plugins use of what they may, and what they are refused. */
export interface PermissionMeter {
  used(subject: MeterSubject, permission: string): void
  refused(subject: MeterSubject, permission: string): void
  /** The same policy, which counts; with the configuration that it was made of. */
  network(subject: MeterSubject, policy: NetworkPolicy, configuration: Record<string, unknown>): NetworkPolicy
  /** To be told what a statement reads and writes, before it runs. */
  tables(subject: MeterSubject): (touches: readonly string[]) => void
}

interface PermissionMeterOptions {
  usage: Pick<Usage, 'countUse' | 'countRefusal'>
  /** A plugin chooses the name of what it is refused. */
  secrets: KnownSecrets
  /** Hears of each refusal. */
  onRefusal?: (owner: { organizationId: number; pluginKey: string }, permission: string) => void
}

export function createPermissionMeter({ usage, secrets, onRefusal }: PermissionMeterOptions): PermissionMeter {
  const sourceOf = ({ tenant, pluginKey, installationId }: MeterSubject) => ({
    organizationId: tenant.organizationId,
    pluginKey,
    installationId,
  })
  const used: PermissionMeter['used'] = (subject, permission) =>
    usage.countUse(sourceOf(subject), permission, { isAsked: isAsked(subject, permission) })
  const refused: PermissionMeter['refused'] = (subject, permission) => {
    const { tenant, pluginKey } = subject
    const shown = secrets.of({ tenantId: tenant.schema, pluginKey }).text(permission)
    usage.countRefusal(sourceOf(subject), shown, { isAsked: isAsked(subject, permission) })
    onRefusal?.(sourceOf(subject), shown)
  }

  return {
    used,
    refused,
    network: (subject, policy, configuration) => ({
      ...policy,
      allows(host, port) {
        const allowed = policy.allows(host, port)
        if (allowed) used(subject, networkPermission(subject.manifest, configuration, { host, port }))
        else refused(subject, `network:${host}:${port}`)
        return allowed
      },
      allowsAddress(address, host, port) {
        const allowed = policy.allowsAddress(address, host, port)
        if (!allowed) refused(subject, `network:${host}:${port} at ${address}`)
        return allowed
      },
    }),
    tables: (subject) => (touches) => {
      for (const touch of touches) {
        const permission = tablePermission(subject.manifest, subject.tenant.schema, touch)
        if (permission !== undefined) used(subject, permission)
      }
    },
  }
}

const isAsked = ({ asked, manifest }: MeterSubject, permission: string) => asksFor(asked ?? manifest, permission)

/** Which of the permissions of an entry a connection uses; that of a configured host when no pattern covers it. */
function networkPermission(
  { permissions }: CatalogEntry,
  configuration: Record<string, unknown>,
  { host, port }: Target,
): string {
  const pattern = (permissions?.network.hosts ?? []).find((candidate) => {
    const parsed = parsePattern(candidate)
    return parsed.port === port && matchesHost(parsed.host, host)
  })
  const field = permissions?.network.fromConfiguration.find((candidate) => {
    const target = targetOf(valueAt(configuration, `/${candidate}`))
    return target?.host === host && target.port === port
  })
  if (pattern !== undefined) return permissionIds.host(pattern)
  return field === undefined ? `network:${host}:${port}` : permissionIds.configuredHost(field)
}

/**
 * Which of the granted permissions a statement uses. A table that is not the application's is the plugin's own; undefined
 * for what lies in another schema, such as the catalogs.
 */
function tablePermission({ permissions }: CatalogEntry, schema: string, touch: string): string | undefined {
  const at = touch.lastIndexOf(':')
  const table = touch.slice(0, at).replace(`${schema}.`, '')
  const privilege = touch.slice(at + 1) as TablePrivilege
  const tables = permissions?.database.tables ?? {}
  const name = [table, `public.${table}`].find((one) => Object.hasOwn(tables, one) && tables[one]?.includes(privilege))
  if (name !== undefined) return permissionIds.table(name, privilege)
  const isOwn = permissions?.database.tenantSchema === true && !table.includes('.') && !table.startsWith('pg_')
  return isOwn ? permissionIds.ownTables : undefined
}

/**
 * The permission that Postgres missed when it refused a statement: it names the table, the statement names what it
 * wanted. Undefined for what no permission could allow.
 *
 * @param asked the entry with all that the plugin asks for
 */
export function missingTablePermission(
  asked: CatalogEntry,
  granted: CatalogEntry,
  { message, sql }: { message: string; sql: string },
): string | undefined {
  const table = /^permission denied for table "?([^"]+)"?$/.exec(message)?.[1]
  if (table === undefined) return undefined
  const names = [table, `public.${table}`]
  const missing = names.flatMap((name) =>
    privilegesOf(asked, name)
      .filter((privilege) => !privilegesOf(granted, name).includes(privilege))
      .map((privilege) => ({ name, privilege })),
  )
  const wanted = tablePrivileges.filter((privilege) => new RegExp(`\\b${privilege}\\b`, 'i').test(sql))
  const found = missing.find(({ privilege }) => wanted.includes(privilege)) ?? missing[0]
  return found && permissionIds.table(found.name, found.privilege)
}

function privilegesOf({ permissions }: CatalogEntry, table: string): readonly TablePrivilege[] {
  const tables = permissions?.database.tables ?? {}
  return Object.hasOwn(tables, table) ? (tables[table] ?? []) : []
}
