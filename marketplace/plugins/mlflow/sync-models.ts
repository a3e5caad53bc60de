import type { SeedContext, Transaction } from '@tenon/sdk'
import { type Checkpoint, noCheckpoint, reachFrom, readCheckpoint } from './checkpoint'
import { isConfigured, readConfiguration, validateConfig } from './configuration'
import { MlflowError, type MlflowFailure } from './mlflow-error'
import { connectMlflow } from './mlflow-server'
import { modelRecords } from './model-records'
import type { Counts } from './sync'
import { syncChanges } from './sync-changes'
import { syncEverything } from './sync-everything'
import { recordSync, type SyncMode, type SyncOutcome } from './sync-state'

export interface SyncResult extends Counts {
  success: boolean
  mode: SyncMode
  status: 'success' | 'no_models' | 'not_configured' | 'cancelled' | 'failed'
  /** Why the server could not be read. */
  failure: MlflowFailure | null
  message: string
  /** ISO 8601. */
  syncedAt: string
}

/**
 * Copies the model registry into `mlflow_model_records`. Pages are written as they come; a page that cannot be read
 * fails the whole, says what had been written by then, and marks nothing as removed. A registry without a change writes
 * no record.
 *
 * `full` reads everything, and is the only mode that sees removals, tags and aliases. `quick` reads back to what the
 * last synchronisation that succeeded had seen, and is a full one when there was none for this server.
 */
export async function syncModels(
  tenantId: string,
  configuration: Record<string, unknown>,
  context: SeedContext,
  mode: SyncMode = 'full',
): Promise<SyncResult> {
  const counts: Counts = { modelCount: 0, versionCount: 0, inserted: 0, updated: 0, removed: 0, runsMissing: 0 }
  const refusal = refusalOf(configuration)
  if (refusal !== undefined) return resultOf(counts, mode, { status: 'not_configured', message: refusal })

  const read = readConfiguration(configuration)
  const server = connectMlflow(read, { signal: context.signal })
  const records = modelRecords(context, tenantId)
  await records.catchUpState()
  const since = mode === 'quick' ? await readCheckpoint(context.sequelize, tenantId, read) : undefined
  const actualMode = since ? 'quick' : 'full'
  const reach = reachFrom(since ?? noCheckpoint(read))
  try {
    const run = actualMode === 'quick' ? syncChanges : syncEverything
    await run({ server, records, reach, counts, modelsFrom: read.modelsFrom, progress: context.progress })
    await recordSuccess(context, tenantId, { mode: actualMode, counts, checkpoint: reach.checkpoint() })
    const status = actualMode === 'full' && counts.versionCount === 0 ? 'no_models' : 'success'
    return resultOf(counts, actualMode, { status, message: successMessage(counts, actualMode) })
  } catch (error) {
    if (!(error instanceof MlflowError)) throw error
    const message = failureMessage(error, counts)
    await recordSync(context.sequelize, tenantId, { mode: actualMode, connected: isReachable(error), error: message })
    context.log?.warn(message)
    const { failure } = error
    return resultOf(counts, actualMode, { status: failure === 'cancelled' ? failure : 'failed', failure, message })
  } finally {
    server.close()
  }
}

interface Success {
  mode: SyncMode
  counts: Counts
  checkpoint: Checkpoint
}

/** Notes it and tells of it at once, so that nobody hears of what was not noted. */
async function recordSuccess(context: SeedContext, tenantId: string, success: Success): Promise<void> {
  const { sequelize } = context
  const { mode, checkpoint } = success
  const outcome: SyncOutcome = { mode, connected: true, error: null, checkpoint }
  // Other hosts have nobody to tell.
  if (!context.publish || !hasChanged(success.counts)) return recordSync(sequelize, tenantId, outcome)
  let isTelling = false
  try {
    await sequelize.transaction(async (transaction) => {
      await recordSync(sequelize, tenantId, outcome, transaction)
      isTelling = true
      await announce(success, context, transaction)
      isTelling = false
    })
  } catch (error) {
    if (!isTelling) throw error
    // What has been read is there, whether or not this plugin may tell of it.
    context.log?.warn(`The event model.synced was not published: ${error instanceof Error ? error.message : 'unknown'}`)
    await recordSync(sequelize, tenantId, outcome)
  }
}

/** In the same transaction, which `context.publish` would not be. */
async function announce(
  { mode, counts: { inserted, updated, removed } }: Success,
  { sequelize }: SeedContext,
  transaction: Transaction,
): Promise<void> {
  await sequelize.query('SELECT tenon_api.publish(:name, CAST(:payload AS jsonb))', {
    replacements: { name: 'model.synced', payload: JSON.stringify({ mode, inserted, updated, removed }) },
    transaction,
  })
}

function hasChanged({ inserted, updated, removed }: Counts): boolean {
  return inserted + updated + removed > 0
}

function refusalOf(configuration: Record<string, unknown>): string | undefined {
  if (!isConfigured(configuration)) return 'Enter the address of the tracking server first.'
  const { valid, errors } = validateConfig(configuration)
  return valid ? undefined : `The configuration is not valid: ${errors.join('; ')}`
}

function isReachable({ failure }: MlflowError): boolean | null {
  if (failure === 'cancelled') return null
  return failure === 'answer' || failure === 'not-found'
}

function resultOf(
  counts: Counts,
  mode: SyncMode,
  { status, message, failure = null }: Pick<SyncResult, 'status' | 'message'> & Partial<Pick<SyncResult, 'failure'>>,
): SyncResult {
  const success = status === 'success' || status === 'no_models'
  return { success, ...counts, mode, status, failure, message, syncedAt: new Date().toISOString() }
}

function successMessage(counts: Counts, mode: SyncMode): string {
  const { modelCount, versionCount, inserted, updated, removed } = counts
  if (mode === 'quick' && !hasChanged(counts)) return 'Nothing has changed.'
  if (versionCount === 0) return withoutVersions(modelCount)
  const versions = plural(versionCount, mode === 'quick' ? 'changed version' : 'version')
  const models = plural(modelCount, 'model')
  return `Read ${versions} of ${models}: ${inserted} new, ${updated} changed, ${removed} removed.`
}

function withoutVersions(modelCount: number): string {
  if (modelCount === 0) return 'The server has no models.'
  return `The server has ${plural(modelCount, 'registered model')}, and no version of ${modelCount === 1 ? 'it' : 'them'}.`
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function failureMessage(error: MlflowError, { inserted, updated }: Counts): string {
  const written = inserted + updated
  const kept = written === 0 ? 'Nothing was changed.' : `${written} records were written before that and are kept.`
  return `${error.message} ${kept} Models that were synchronised earlier are still shown.`
}
