export type { Audit, AuditReport, ChainedEntry } from './audit/index.js'
export { createPluginHost } from './compose.js'
export type { PluginHost, PluginHostHealth, PluginHostOptions } from './plugin-host.js'
export {
  createEgressFetch,
  parseAllowPrivate,
  parseHostMap,
  type AddressExemption,
  type Dial,
  type EgressFetch,
  type HostMap,
  type Lookup,
} from './egress/index.js'
export { openHostDatabase, type HostDatabase, type HostDatabaseOptions } from './host-database.js'
export { createHostMigrator, type ApplicationMigrations } from './host-migrations.js'
export { createEndpoints } from './http/endpoints.js'
export type { Endpoint } from './http/endpoint.js'
export type { Identity } from './identity.js'
export type { PluginService } from './installations/plugin-service.js'
export * from './migrations/index.js'
export { ownDirectory } from './own-directory.js'
export { openAudit } from './operator/open-audit.js'
export { rotateKeys, type KeyRotation, type RotateKeysOptions } from './operator/rotate-keys.js'
export { createRuntime, type PluginTarget, type Runtime, type RuntimeOptions, type Tier } from './runtime/index.js'
export { testSandbox, type SelfTest } from './runtime/index.js'
export { createSealer, type Sealer } from './secrets/sealer.js'
export {
  getTenantHash,
  hardenDatabase,
  isDatabaseHardened,
  hostConnectionOptions,
  sameOrganizationTrigger,
  type GrantableTable,
  type GrantableTables,
} from './tenancy/index.js'
