export type { OwnedTable } from './created-tables.js'
export { createTenancy } from './tenancy.js'
export type { Tenancy, TenancyOptions } from './tenancy.js'
export { compatibilityTables } from './grantable.js'
export type {
  CompatibilityPermissions,
  DeclaredPermissions,
  GrantableTable,
  GrantableTables,
  Privilege,
  RolePermissions,
} from './grantable.js'
export { hardenDatabase, isDatabaseHardened } from './harden-database.js'
export { hostConnectionOptions } from './host-connection.js'
export type { TenancyLimits } from './limits.js'
export type { RoleUse } from './role-pools.js'
export type { EnsuredRole, PluginRole } from './roles.js'
export { sameOrganizationTrigger } from './same-organization-trigger.js'
export type { DatabaseSession, SessionOptions } from './session.js'
export { getTenantHash } from './tenant-hash.js'
export type { Tenant } from './tenants.js'
