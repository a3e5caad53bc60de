export { createAudit, type Audit, type AuditEntry, type AuditReport } from './audit.js'
export type { ChainedEntry } from './chain.js'
export { createDenials, type Denials } from './denials.js'
export { auditMigration } from './migration.js'
