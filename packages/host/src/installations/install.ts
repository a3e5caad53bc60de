import { randomUUID } from 'node:crypto'
import {
  PluginInstallationStatus as Status,
  TenonError,
  admit,
  grantedEntry,
  tenonVersion,
  type CatalogEntry,
  type OperatorCeiling,
  type VerifiedArtifact,
} from '@tenon/contract'
import type { PluginReport } from '@tenon/contract/wire'
import type { Artifacts } from '../artifacts/index.js'
import { engineRefusals, type Catalog } from '../catalog/index.js'
import { assertNotBlocked, type Blocks } from '../operator/blocks.js'
import type { ActiveRun } from '../jobs/active-run.js'
import type { Jobs } from '../jobs/jobs.js'
import type { NewRun } from '../jobs/run.js'
import type { TenantScope } from '../migrations/index.js'
import type { Runtime } from '../runtime/index.js'
import { assertShown, type Shown } from './consent.js'
import type { History } from './history.js'
import type { Claim, Installation, InstallationStore } from './installation-store.js'
import { underLease } from './lease.js'
import type { CallSubject, PluginCaller } from './plugin-caller.js'
import { assertAsked } from './permissions.js'
import { nothingConfigured } from '../secrets/configuration-vault.js'
import { acceptResult } from './results.js'
import { isShared, ownTables, type PluginRoles } from './plugin-roles.js'
import { runSteps, type Step, type StepReport } from './steps.js'

interface InstallOptions {
  catalog: Catalog
  artifacts: Artifacts
  runtime: Runtime
  roles: PluginRoles
  store: InstallationStore
  caller: PluginCaller
  history: History
  ceiling: OperatorCeiling
  blocks: Pick<Blocks, 'find' | 'refresh'>
  /** An installation is a run, for people to follow; its row is what holds it. */
  jobs: Pick<Jobs, 'perform'>
  /** The location of the marketplace, kept with each installation. */
  source: string
}

export type InstallPlugin = (request: {
  tenant: TenantScope
  pluginKey: string
  userId: number
  /** Ids of the permissions that are granted. Default: all that the plugin asks for. */
  granted?: readonly string[] | undefined
  /** What was agreed to. Default: whatever there is now. */
  shown?: Shown | undefined
  /** Told of the run as soon as there is one. */
  onRun?: ((runId: string) => void) | undefined
}) => Promise<Installation>

/** Installs a plugin for one tenant: row first, then steps that can each be taken back, then the row again. */
export function createInstall(engines: InstallOptions): InstallPlugin {
  return async ({ tenant, pluginKey, userId, granted = null, shown, onRun }) => {
    const entry = findInstallable(engines, pluginKey)
    await engines.blocks.refresh()
    assertNotBlocked(engines.blocks, { plugin: entry.displayName, pluginKey, digest: entry.artifact?.sha256 })
    if (shown) assertShown(entry, entry.artifact?.sha256, shown)
    if (granted) assertAsked(entry, granted)
    const attempt = randomUUID()
    const { version } = entry
    const { claim, installation: row } = await engines.store.claimNew(tenant, {
      pluginKey,
      version,
      manifest: entry,
      grants: granted,
      source: engines.source,
      attempt,
    })
    return asRun(engines, { claim, tenant, entry, row, userId, onRun }, (active) =>
      underLease(engines.store, claim, (held) => {
        const signal = AbortSignal.any([held, active.signal])
        const onStep = (name: string) => active.step(name)
        return installUnderLease(engines, { claim, tenant, entry, granted, row, attempt, userId, signal, onStep })
      }),
    )
  }
}

/** The work as a run that people see. Where there can be no run, nothing is begun. */
async function asRun(
  { jobs, store }: InstallOptions,
  { claim, tenant, entry, row, userId, onRun }: InstallationRun,
  work: (active: ActiveRun) => Promise<Installation>,
): Promise<Installation> {
  let installed: Installation | undefined
  const run: NewRun = {
    organizationId: tenant.organizationId,
    installationId: row.id,
    pluginKey: entry.key,
    kind: 'install',
    action: 'install',
    title: `Install ${entry.displayName}`,
    trigger: 'manual',
    requestedBy: userId,
    maxAttempts: 1,
    isRepeatable: false,
  }
  const begun = await jobs
    .perform(run, async (active) => {
      installed = await work(active)
      return { answer: undefined, counts: {}, result: undefined }
    })
    .catch(async (error: unknown) => {
      const message = error instanceof Error ? error.message : String(error)
      await store.settle(claim, { status: Status.FAILED, errorMessage: message })
      throw error
    })
  onRun?.(begun.run.id)
  await begun.ended
  if (!installed) throw new Error('an installation that ended well has a row')
  return installed
}

interface InstallationRun {
  claim: Claim
  tenant: TenantScope
  entry: CatalogEntry
  row: Installation
  userId: number
  onRun: ((runId: string) => void) | undefined
}

/** @throws TenonError PLUGIN_NOT_FOUND, PLUGIN_NOT_INSTALLABLE */
function findInstallable({ catalog, ceiling }: InstallOptions, pluginKey: string): CatalogEntry {
  const entry = catalog.get(pluginKey)
  if (!entry) throw new TenonError('PLUGIN_NOT_FOUND', { pluginKey })
  assertInstallable(entry, ceiling)
  return entry
}

/** @throws TenonError PLUGIN_NOT_INSTALLABLE */
export function assertInstallable(entry: CatalogEntry, ceiling: OperatorCeiling): void {
  const refusals = [...admit(entry, ceiling).refusals, ...engineRefusals(entry, tenonVersion)]
  if (refusals.length > 0) {
    throw new TenonError('PLUGIN_NOT_INSTALLABLE', { name: entry.displayName, reason: refusals.join('; '), refusals })
  }
}

interface Installing {
  claim: Claim
  tenant: TenantScope
  entry: CatalogEntry
  /** Null: everything. */
  granted: readonly string[] | null
  row: Installation
  /** Marks what this attempt made, so that a later start can tell it from what was there before. */
  attempt: string
  userId: number
  signal: AbortSignal
  onStep: (name: string) => void
}

async function installUnderLease(engines: InstallOptions, work: Installing): Promise<Installation> {
  const { store, history } = engines
  const { claim, tenant, entry, granted, row, userId } = work
  const ids = { pluginKey: entry.key, installationId: row.id, userId, action: 'install' }
  const outcome: InstallOutcome = {}
  try {
    const onUndo = (report: StepReport) => recordUndo(engines, work, report)
    await runSteps(stepsOf(engines, work, outcome), { onStep: work.onStep, onUndo })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    await store.settle(claim, { status: Status.FAILED, errorMessage: message })
    await history.record(tenant, { ...ids, outcome: 'failed', message })
    throw error
  }
  const { artifact, report, message } = outcome
  const warnings = metadataWarnings(report, entry)
  const settled = await store.settle(claim, {
    status: Status.INSTALLED,
    metadata: {
      report,
      ...(message === undefined ? {} : { installMessage: message }),
      ...(warnings.length > 0 ? { warnings } : {}),
    },
    ...(artifact ? { digest: artifact.digest, manifest: { ...entry, ...artifact.manifest } } : {}),
  })
  await history.record(tenant, {
    ...ids,
    outcome: 'done',
    after: { version: entry.version, digest: settled.digest, ...(granted ? { granted } : {}) },
  })
  return settled
}

/** C13: what the plugin says of itself is compared with its entry. A difference is a warning: the entry is what counts. */
export function metadataWarnings(
  report: PluginReport | undefined,
  { version, name, displayName }: CatalogEntry,
): string[] {
  const metadata = report?.metadata
  if (!metadata) return ['The plugin does not export metadata.']
  const says = (field: string) => String(metadata[field]).slice(0, 100)
  return [
    ...(metadata['version'] === version
      ? []
      : [`Its metadata says version ${says('version')}, the marketplace ${version}.`]),
    ...([name, displayName].includes(says('name'))
      ? []
      : [`Its metadata calls it "${says('name')}", the marketplace "${displayName}".`]),
  ]
}

interface InstallOutcome {
  artifact?: VerifiedArtifact
  report?: PluginReport
  message?: string | undefined
  /** Of a plugin that shares its role: the tables that this attempt made. */
  tables?: string[]
}

function stepsOf(engines: InstallOptions, work: Installing, outcome: InstallOutcome): Step[] {
  const { artifacts, runtime, roles, store, caller, source } = engines
  const { claim, tenant, entry, granted, attempt, userId, signal } = work
  const manifest = grantedEntry(entry, granted)
  const roleSubject = { tenant, manifest, source }
  let tablesBefore: string[] = []
  const subject = (): CallSubject => {
    if (!outcome.artifact) throw new Error('the artifact is verified before the plugin is called')
    return {
      tenant,
      pluginKey: entry.key,
      installationId: claim.id,
      digest: outcome.artifact.digest,
      manifest,
      asked: entry,
      source,
    }
  }
  return [
    {
      name: 'verify',
      // Content-addressed and shared by all tenants: there is nothing to take back.
      run: async () => void (outcome.artifact = await artifacts.resolve(entry)),
    },
    {
      name: 'start',
      run: async () => void (outcome.report = await caller.inspect(subject())),
      undo: () => runtime.stopPlugin(tenant.schema, entry.key),
    },
    {
      name: 'prepare',
      run: async () => void (await roles.ensure(roleSubject, attempt)),
      // A role that was there before owns data of an earlier installation, or of another plugin.
      undo: () => roles.undo(roleSubject, attempt, outcome.tables ?? []),
    },
    {
      name: 'install',
      // Its transaction is its undo; what it committed goes with the role.
      run: async () => {
        const request = {
          subject: subject(),
          invocation: { kind: 'install' as const, configuration: {} },
          userId,
          configuration: nothingConfigured,
          signal,
        }
        const accepted = await caller.callInTransaction(request, {
          before: async (session) =>
            void (tablesBefore = isShared(entry) ? await ownTables(session, tenant.schema) : []),
          accept: async (answer, session) => {
            const result = acceptResult(answer, entry.displayName, 'installing')
            if (isShared(entry))
              outcome.tables = (await ownTables(session, tenant.schema)).filter((name) => !tablesBefore.includes(name))
            // Before COMMIT, so that whoever takes over from a dead server knows what to take back.
            await store.note(claim, { tables: outcome.tables ?? [] })
            return result
          },
        })
        outcome.message = accepted.message
      },
    },
  ]
}

async function recordUndo(
  { history }: InstallOptions,
  { tenant, entry, row }: Installing,
  report: StepReport,
): Promise<void> {
  if (report.stuck.length === 0) return
  await history.record(tenant, {
    pluginKey: entry.key,
    installationId: row.id,
    action: 'install',
    outcome: 'undone',
    message: report.stuck.map(({ name, reason }) => `${name} could not be taken back: ${reason}`).join('; '),
  })
}
