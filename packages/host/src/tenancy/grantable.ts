import { TenonError } from '@tenon/contract'

export type Privilege = 'select' | 'insert' | 'update' | 'delete' | 'references'

/**
 * What the operator lets plugins ask for on one table. `true` is every column; of `insert`, every column but those that
 * number themselves. Let tables count with GENERATED … AS IDENTITY: a `serial` column needs a right on its sequence, which
 * a plugin could use up.
 */
export interface GrantableTable {
  scope: 'tenant' | 'public'
  privileges: {
    select?: true | string[]
    insert?: true | string[]
    update?: true | string[]
    delete?: true
    /** Foreign keys from a plugin's own tables. Only on tenant tables: on public ones it would lock other tenants. */
    references?: true | string[]
  }
  /** Of a public table: the column that says whose row it is. Without it the table is reference data, only readable. */
  organizationColumn?: string
  /** Of a public table: the column (DEFAULT session_user) that says which role's row it is. */
  ownerColumn?: string
}

/** The ceiling of what a manifest may ask for, by the name that manifests use: `risks`, `public.users`. */
export type GrantableTables = Record<string, GrantableTable>

/** What a plugin declared, and was consented to. */
export interface DeclaredPermissions {
  kind: 'declared'
  /** May create tables of its own in the tenant's schema. */
  tenantSchema: boolean
  tables: Record<string, string[]>
  /** Event names that it may publish. */
  publish?: string[]
}

/** A plugin without permissions in its manifest: the compatibility list, as far as this application grants it. */
export interface CompatibilityPermissions {
  kind: 'compatibility'
}

export type RolePermissions = DeclaredPermissions | CompatibilityPermissions

/** What undeclared plugins get, where the application has the table and grants that much. */
export const compatibilityTables: Record<string, Privilege[]> = {
  risks: ['select', 'insert'],
  projects: ['select', 'insert', 'update'],
  model_inventories: ['select'],
  files: ['select'],
  file_entity_links: ['select', 'insert', 'delete'],
  'public.users': ['select'],
  'public.slack_webhooks': ['select', 'insert', 'update', 'delete'],
}

/** One privilege on one table; no columns means the whole table. */
export interface TableGrant {
  scope: 'tenant' | 'public'
  table: string
  privilege: Privilege
  columns?: string[]
}

/**
 * The grants of a role.
 * @throws TenonError PERMISSION_NOT_GRANTABLE when a plugin declared more than the ceiling allows.
 */
export function grantsFor(permissions: RolePermissions, grantable: GrantableTables): TableGrant[] {
  return permissions.kind === 'declared'
    ? declaredGrants(permissions.tables, grantable)
    : compatibilityGrants(grantable)
}

function declaredGrants(tables: Record<string, string[]>, grantable: GrantableTables): TableGrant[] {
  return Object.entries(tables).flatMap(([name, privileges]) =>
    privileges.map((privilege) => {
      const grant = grantBelow(grantable, name, privilege)
      if (!grant) {
        throw new TenonError('PERMISSION_NOT_GRANTABLE', { privilege, table: name })
      }
      return grant
    }),
  )
}

function compatibilityGrants(grantable: GrantableTables): TableGrant[] {
  return Object.entries(compatibilityTables).flatMap(([name, privileges]) =>
    privileges.flatMap((privilege) => grantBelow(grantable, name, privilege) ?? []),
  )
}

function grantBelow(grantable: GrantableTables, name: string, privilege: string): TableGrant | undefined {
  const table = Object.hasOwn(grantable, name) ? grantable[name] : undefined
  if (!table || !Object.hasOwn(table.privileges, privilege)) return undefined
  const allowed = table.privileges[privilege as Privilege]
  if (!allowed) return undefined
  const grant: TableGrant = {
    scope: table.scope,
    table: name.replace(/^public\./, ''),
    privilege: privilege as Privilege,
  }
  return allowed === true ? grant : { ...grant, columns: allowed }
}

/** @throws Error at start when the ceiling itself would let tenants reach each other. */
export function assertGrantable(grantable: GrantableTables): void {
  for (const [name, table] of Object.entries(grantable)) {
    const isPublic = name.startsWith('public.')
    if (isPublic !== (table.scope === 'public')) {
      throw new Error(`Grantable table "${name}": the names of public tables, and only those, start with "public.".`)
    }
    if (isPublic) assertPublicTable(name, table)
  }
}

function assertPublicTable(name: string, { privileges, organizationColumn }: GrantableTable): void {
  const { insert, update, delete: remove, references } = privileges
  if (!organizationColumn && (insert || update || remove)) {
    throw new Error(`Grantable table "${name}": without an organizationColumn it can be granted for reading only.`)
  }
  if (references) {
    throw new Error(`Grantable table "${name}": a foreign key to a public table would lock rows of other tenants.`)
  }
  if (organizationColumn && (update === true || (Array.isArray(update) && update.includes(organizationColumn)))) {
    // Harmless under the policy's WITH CHECK, but a sign that the ceiling was not thought about.
    throw new Error(`Grantable table "${name}": list the columns of update, without "${organizationColumn}".`)
  }
}
