import type { ClientBase, Pool, PoolClient } from 'pg'
import { MigrationError, Umzug } from 'umzug'
import { isPostgresError } from './sql-text.js'
import { checksumOf, createLedger, ledgerStorage, lockScope, PLATFORM_SCOPE, tryLockScope } from './ledger.js'
import type { Migration, PlatformMigration, TenantMigration, TenantScope } from './migration.js'
import { runPastSquatters } from './squatters.js'
import { onConnection } from './transaction.js'

// A migration that waits longer than this for a lock would hold up the traffic queued behind it.
const DEFAULT_LOCK_TIMEOUT_MS = 5_000

export interface MigrationStatus {
  platform: { applied: string[]; pending: string[] }
  /** Only tenants that lack something. */
  tenants: { organizationId: number; schema: string; state: string; pending: string[] }[]
  /** Steps whose code differs from what ran. Information, not an error. */
  changed: { scope: string; name: string }[]
}

export interface MigrationReport {
  platform: string[]
  tenants: { organizationId: number; schema: string; applied: string[] }[]
  degraded: { organizationId: number; schema: string; error: string }[]
}

/** Where `down` goes: back past everything after `to` (kept), or a number of steps. */
export type DownTarget = { scope: 'platform' | TenantScope } & ({ to: string | 0 } | { steps: number })

export interface Migrator {
  /** What is applied and what is missing, in two queries however many tenants there are. */
  status(): Promise<MigrationStatus>
  /**
   * Platform first, then every tenant that lacks something. Each scope is one transaction under one lock, so it can be
   * stopped and started again, and replicas share the work. A tenant that fails is marked `degraded`; the rest go on.
   * @throws what a platform migration throws.
   */
  up(): Promise<MigrationReport>
  /** Brings one tenant up to date, whatever its state, and answers the names that ran. */
  migrateTenant(scope: TenantScope): Promise<string[]>
  /** Undoes steps of one scope and answers their names. */
  down(target: DownTarget): Promise<string[]>
}

interface MigratorOptions {
  /** Connections of the host's own role. */
  pool: Pool
  /** The host's own steps first, then those of the embedding application. */
  platform: PlatformMigration[]
  tenant: TenantMigration[]
  /** How long a step waits for a lock, milliseconds. Default 5,000. */
  lockTimeoutMs?: number
  log?: (event: string, fields: Record<string, unknown>) => void
}

export function createMigrator({
  pool,
  platform,
  tenant,
  lockTimeoutMs = DEFAULT_LOCK_TIMEOUT_MS,
  log = () => {},
}: MigratorOptions): Migrator {
  assertUnique(platform)
  assertUnique(tenant)
  const ofPlatform = { name: PLATFORM_SCOPE, migrations: platform, scope: undefined, lockTimeoutMs }
  const ofTenant = (scope: TenantScope) => ({ name: scope.schema, migrations: tenant, scope, lockTimeoutMs })

  async function up(): Promise<MigrationReport> {
    const report: MigrationReport = { platform: [], tenants: [], degraded: [] }
    const missing = await findMissing(pool, platform, tenant)
    if (missing.platform) {
      report.platform = await onConnection(pool, (client) => upScope(client, ofPlatform, 'wait'))
      missing.tenants = (await findMissing(pool, platform, tenant)).tenants
    }
    const busy: TenantScope[] = []
    for (const scope of missing.tenants) if (!(await upTenant(scope, report, 'skip'))) busy.push(scope)
    // What another replica was working on: normally done by now, done here if that replica died.
    for (const scope of busy) await upTenant(scope, report, 'wait')
    return report
  }

  /** False when another replica is at this tenant. */
  async function upTenant(scope: TenantScope, report: MigrationReport, whenLocked: 'wait' | 'skip'): Promise<boolean> {
    try {
      const applied = await onConnection(pool, (client) => upScope(client, ofTenant(scope), whenLocked))
      await recordState(pool, scope, null)
      if (applied.length > 0) report.tenants.push({ ...scope, applied })
    } catch (error) {
      if (error === LOCKED) return false
      const reason = messageOf(error)
      await recordState(pool, scope, reason)
      log('tenant-degraded', { ...scope, reason })
      report.degraded.push({ ...scope, error: reason })
    }
    return true
  }

  return {
    up,
    migrateTenant: (scope) => onConnection(pool, (client) => upScope(client, ofTenant(scope), 'wait')),
    down: (target) =>
      onConnection(pool, (client) =>
        target.scope === 'platform'
          ? downScope(client, ofPlatform, target)
          : downScope(client, ofTenant(target.scope), target),
      ),
    status: () => readStatus(pool, platform, tenant),
  }
}

const LOCKED = Symbol('another replica migrates this scope')

interface ScopeOfWork<Scope> {
  /** Its name in the ledger. */
  name: string
  migrations: Migration<Scope>[]
  scope: Scope
  lockTimeoutMs: number
}

async function upScope<Scope extends TenantScope | undefined>(
  client: PoolClient,
  work: ScopeOfWork<Scope>,
  whenLocked: 'wait' | 'skip',
): Promise<string[]> {
  if (work.name === PLATFORM_SCOPE) await createLedger(client)
  return inLockedTransaction(client, work, whenLocked, async () => {
    const applied = await umzugFor(client, work).up()
    return applied.map((step) => step.name)
  })
}

function downScope<Scope extends TenantScope | undefined>(
  client: PoolClient,
  work: ScopeOfWork<Scope>,
  target: { to: string | 0 } | { steps: number },
): Promise<string[]> {
  return inLockedTransaction(client, work, 'wait', async () => {
    const undone = await umzugFor(client, work).down(
      'steps' in target ? { step: target.steps } : { to: target.to === 0 ? 0 : followerOf(work.migrations, target.to) },
    )
    return undone.map((step) => step.name)
  })
}

/** umzug's `to` is undone as well; ours stays. */
function followerOf(migrations: { name: string }[], name: string): string {
  const follower = migrations[migrations.findIndex((migration) => migration.name === name) + 1]
  if (!follower) throw new Error(`Nothing comes after migration "${name}": it is the last one, or unknown.`)
  return follower.name
}

async function inLockedTransaction<Result>(
  client: PoolClient,
  { name, lockTimeoutMs }: { name: string; lockTimeoutMs: number },
  whenLocked: 'wait' | 'skip',
  work: () => Promise<Result>,
): Promise<Result> {
  await client.query('BEGIN')
  try {
    if (whenLocked === 'wait') await lockScope(client, name)
    else if (!(await tryLockScope(client, name))) throw LOCKED
    await client.query(`SET LOCAL lock_timeout = ${lockTimeoutMs}`)
    const result = await work()
    await client.query('COMMIT')
    return result
  } catch (error) {
    // What went wrong first is what there is to say, also of a connection that broke.
    await client.query('ROLLBACK').catch(() => {})
    // umzug wraps what a step throws; the cause is the error that says what is wrong
    throw error instanceof MigrationError ? namedCause(error) : error
  }
}

function namedCause({ migration, cause }: MigrationError): Error {
  return new Error(`${migration.name}: ${messageOf(cause)}`, { cause })
}

function umzugFor<Scope extends TenantScope | undefined>(
  client: ClientBase,
  { name, migrations, scope }: ScopeOfWork<Scope>,
) {
  const checksums = new Map(migrations.map((migration) => [migration.name, checksumOf(migration)]))
  return new Umzug({
    migrations: migrations.map((migration) => ({
      name: migration.name,
      up: () => {
        const run = () => migration.up(client, scope)
        return scope ? runPastSquatters(client, scope, migration.name, run) : run()
      },
      down: () => migration.down(client, scope),
    })),
    storage: ledgerStorage(client, name, checksums),
    logger: undefined,
  })
}

/** One query when the ledger exists: the check at every start, however many tenants there are. */
async function findMissing(pool: Pool, platform: { name: string }[], tenant: { name: string }[]) {
  try {
    const { rows } = await pool.query<{ organization_id: number | null; schema: string }>(
      `SELECT NULL::int AS organization_id, $1 AS schema
       WHERE (SELECT count(*) FROM tenon.migrations WHERE scope = $1 AND name = ANY ($2)) < cardinality($2::text[])
       UNION ALL
       SELECT t.organization_id, t.schema
       FROM tenon.tenants t
       LEFT JOIN (
         SELECT scope, count(*) AS applied FROM tenon.migrations WHERE name = ANY ($3) GROUP BY scope
       ) done ON done.scope = t.schema
       WHERE t.state IN ('active', 'degraded') AND coalesce(done.applied, 0) < cardinality($3::text[])
       ORDER BY 1`,
      [PLATFORM_SCOPE, namesOf(platform), namesOf(tenant)],
    )
    const tenants = rows.flatMap((row) =>
      row.organization_id === null ? [] : [{ organizationId: row.organization_id, schema: row.schema }],
    )
    return { platform: tenants.length < rows.length, tenants }
  } catch (error) {
    if (isUnmigrated(error)) return { platform: true, tenants: [] }
    throw error
  }
}

async function readStatus(pool: Pool, platform: PlatformMigration[], tenant: TenantMigration[]) {
  const { rows: ledger } = await pool
    .query<{ scope: string; name: string; checksum: string }>('SELECT scope, name, checksum FROM tenon.migrations')
    .catch(emptyIfUnmigrated<{ scope: string; name: string; checksum: string }>)
  const { rows: tenants } = await pool
    .query<{ organization_id: number; schema: string; state: string }>(
      'SELECT organization_id, schema, state FROM tenon.tenants ORDER BY organization_id',
    )
    .catch(emptyIfUnmigrated<{ organization_id: number; schema: string; state: string }>)
  const applied = new Map<string, Set<string>>()
  for (const row of ledger) applied.set(row.scope, (applied.get(row.scope) ?? new Set()).add(row.name))
  const pendingOf = (scope: string, list: { name: string }[]) =>
    namesOf(list).filter((name) => !applied.get(scope)?.has(name))
  const checksums = new Map([...platform, ...tenant].map((step) => [step.name, checksumOf(step as Migration)]))
  return {
    platform: {
      applied: namesOf(platform).filter((name) => applied.get(PLATFORM_SCOPE)?.has(name)),
      pending: pendingOf(PLATFORM_SCOPE, platform),
    },
    tenants: tenants
      .map((row) => ({
        organizationId: row.organization_id,
        schema: row.schema,
        state: row.state,
        pending: pendingOf(row.schema, tenant),
      }))
      .filter((row) => row.pending.length > 0),
    changed: ledger
      .filter((row) => checksums.has(row.name) && checksums.get(row.name) !== row.checksum)
      .map(({ scope, name }) => ({ scope, name })),
  }
}

async function recordState(pool: Pool, scope: TenantScope, problem: string | null): Promise<void> {
  await pool.query(
    `UPDATE tenon.tenants SET state = $2, problem = $3
     WHERE organization_id = $1 AND state IN ('active', 'degraded') AND (state, problem) IS DISTINCT FROM ($2, $3)`,
    [scope.organizationId, problem === null ? 'active' : 'degraded', problem],
  )
}

function emptyIfUnmigrated<Row>(error: unknown): { rows: Row[] } {
  if (isUnmigrated(error)) return { rows: [] }
  throw error
}

// undefined_table, invalid_schema_name
const isUnmigrated = (error: unknown) => isPostgresError(error) && ['42P01', '3F000'].includes(error.code)
const namesOf = (migrations: { name: string }[]) => migrations.map((migration) => migration.name)
const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

function assertUnique(migrations: { name: string }[]): void {
  const names = new Set(namesOf(migrations))
  if (names.size < migrations.length) throw new Error('Two migrations of one list have the same name.')
}
