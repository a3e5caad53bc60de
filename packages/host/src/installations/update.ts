import { randomUUID } from 'node:crypto'
import {
  PluginInstallationStatus as Status,
  TenonError,
  askedPermissions,
  grantedEntry,
  widerPermissions,
  type AskedPermission,
  type CatalogEntry,
  type OperatorCeiling,
  type Release,
  type VerifiedArtifact,
} from '@tenon/contract'
import { contextPlaceholder, type PluginReport } from '@tenon/contract/wire'
import type { Pool } from 'pg'
import semver from 'semver'
import type { Artifacts } from '../artifacts/index.js'
import type { Catalog } from '../catalog/index.js'
import type { TenantScope } from '../migrations/index.js'
import { assertNotBlocked, type Blocks } from '../operator/blocks.js'
import type { Runtime } from '../runtime/index.js'
import type { ConfigurationVault } from '../secrets/configuration-vault.js'
import { assertShown, type Shown } from './consent.js'
import type { History } from './history.js'
import { assertInstallable, metadataWarnings } from './install.js'
import type { Claim, ClaimedInstallation, Installation, InstallationStore } from './installation-store.js'
import { underLease } from './lease.js'
import { allPermissions, assertAsked } from './permissions.js'
import type { CallSubject, PluginCaller } from './plugin-caller.js'
import { isShared, type PluginRoles } from './plugin-roles.js'
import { releasesBetween } from './releases.js'
import { acceptResult } from './results.js'
import { runSteps, type Step } from './steps.js'
import { configurationOwnerOf } from './subject.js'

/** An update may bring its tables along; like an install, it is no question of a page. */
const updateDeadlineMs = 60_000

/** The version before the last update, in the metadata of an installation. */
export interface PreviousVersion {
  version: string
  digest: string
  grants: readonly string[] | null
}

/** What an update would change. */
export interface UpdatePlanJson {
  from: string | null
  to: string
  /** SHA-256 of the code of the version. */
  digest: string
  /** False for a version that does not declare what it needs: then there is nothing to choose from. */
  declared: boolean
  /** All that the version asks for. */
  asks: AskedPermission[]
  /** What it asks for and did not ask for before: an admin has to agree to it. */
  added: AskedPermission[]
  /** What it does not ask for any more. */
  removed: AskedPermission[]
  /** What is new in the versions on the way, the newest first. */
  releases: Release[]
}

interface UpdateRequest {
  tenant: TenantScope
  id: number
}

export interface Update {
  /** @throws TenonError INSTALLATION_NOT_FOUND, PLUGIN_NOT_FOUND, and those of fetching the code */
  plan(request: UpdateRequest & { version?: string | undefined }): Promise<UpdatePlanJson>
  /**
   * Brings an installation to another published version, the newest when none is named; an older one has to be named.
   * When anything goes wrong, the version that was there stays, with its data as it was.
   *
   * @param granted ids of the permissions that the new version gets; needed when it asks for more than before
   * @param shown what was agreed to; whatever there is now when absent
   * @throws TenonError CONSENT_OUTDATED, CONSENT_NEEDED, ALREADY_THIS_VERSION, PLUGIN_NOT_INSTALLABLE, and what fails on the way
   */
  update(
    request: UpdateRequest & {
      userId: number
      version?: string | undefined
      granted?: readonly string[] | undefined
      shown?: Shown | undefined
    },
  ): Promise<Installation>
  /**
   * Brings back the version before the last update, as it was consented to, without what was taken from it since. What
   * the newer one did to its tables stays.
   *
   * @throws TenonError NO_PREVIOUS_VERSION
   */
  rollBack(request: UpdateRequest & { userId: number }): Promise<Installation>
  /** Ends an update whose server died: with the new version when the plugin's changes were committed, else with the earlier one. */
  resume(claimed: ClaimedInstallation): Promise<void>
}

interface UpdateOptions {
  pool: Pool
  catalog: Catalog
  artifacts: Artifacts
  runtime: Pick<Runtime, 'stopPlugin' | 'reset'>
  roles: PluginRoles
  store: InstallationStore
  caller: PluginCaller
  vault: ConfigurationVault
  history: History
  ceiling: OperatorCeiling
  blocks: Pick<Blocks, 'find' | 'refresh'>
}

/** Where an installation goes to: exact code, with what it asks for and gets. */
interface Target {
  artifact: VerifiedArtifact
  entry: CatalogEntry
  grants: readonly string[] | null
}

export function createUpdate(engines: UpdateOptions): Update {
  const { pool, catalog, artifacts, roles, store, history } = engines

  async function findRow(tenant: TenantScope, id: number): Promise<Installation> {
    const row = await store.find(tenant, id)
    if (!row) throw new TenonError('INSTALLATION_NOT_FOUND', { id })
    return row
  }

  /** The code of a published version, with the entry as this version says it; back to an older one only by its name. */
  async function fetchVersion({ pluginKey, version: present }: Installation, version: string | undefined) {
    const entry = catalog.get(pluginKey)
    if (!entry) throw new TenonError('PLUGIN_NOT_FOUND', { pluginKey })
    if (version === undefined && present !== null && semver.lt(entry.version, present))
      throw new TenonError('OLDER_VERSION', { plugin: entry.displayName, offered: entry.version, present })
    const artifact = await artifacts.resolve(entry, version === undefined ? {} : { version })
    return { artifact, entry: entryOf(entry, artifact), offered: entry }
  }

  /** @param grantsFrom what it gets, by what it has when the row is claimed: fetching the code may have taken a while */
  async function change(
    row: Installation,
    { tenant, userId, action }: { tenant: TenantScope; userId: number; action: 'update' | 'rollback' },
    { artifact, entry, grantsFrom }: Omit<Target, 'grants'> & { grantsFrom: (now: Installation) => Target['grants'] },
  ): Promise<Installation> {
    await engines.blocks.refresh()
    const { digest } = artifact
    assertNotBlocked(engines.blocks, { plugin: entry.displayName, pluginKey: row.pluginKey, digest })
    assertInstallable(entry, engines.ceiling)
    const { claim, installation } = await store.claim(tenant, row.id, [Status.INSTALLED], Status.UPDATING)
    if (installation.digest !== row.digest) {
      // What was agreed to was a change from another version than the one that is there now.
      await store.settle(claim, { status: Status.INSTALLED })
      throw new TenonError('INSTALLATION_BUSY', { plugin: entry.displayName, status: 'another change was made' })
    }
    const target = { artifact, entry, grants: grantsFrom(installation) }
    return underLease(store, claim, (signal) =>
      changeUnderLease(engines, { claim, installation, target, userId, action, signal }),
    )
  }

  return {
    async plan({ tenant, id, version }) {
      const row = await findRow(tenant, id)
      const { artifact, entry, offered } = await fetchVersion(row, version)
      const releases = releasesBetween(offered, row.version, entry.version)
      return {
        from: row.version,
        to: entry.version,
        digest: artifact.digest,
        declared: entry.permissions !== undefined,
        asks: askedPermissions(entry),
        ...differences(row.asked, entry),
        releases,
      }
    },

    async update({ tenant, id, userId, version, granted, shown }) {
      const row = await findRow(tenant, id)
      const { artifact, entry } = await fetchVersion(row, version)
      if (artifact.digest === row.digest)
        throw new TenonError('ALREADY_THIS_VERSION', { plugin: entry.displayName, version: entry.version })
      if (shown) assertShown(entry, artifact.digest, shown)
      if (granted) assertAsked(entry, granted)
      const { added } = differences(row.asked, entry)
      // Of what declares nothing there is nothing to choose: who was shown that has agreed to all of it.
      const hasAgreed = isShared(entry) ? shown !== undefined : granted !== undefined
      if (added.length > 0 && !hasAgreed) {
        throw new TenonError('CONSENT_NEEDED', {
          plugin: entry.displayName,
          version: entry.version,
          sentences: added.map(({ sentence }) => sentence).join('; '),
          added,
        })
      }
      const grantsFrom = (now: Installation) => granted ?? keptGrants(now, entry)
      return change(row, { tenant, userId, action: 'update' }, { artifact, entry, grantsFrom })
    },

    async rollBack({ tenant, id, userId }) {
      const row = await findRow(tenant, id)
      const previous = previousOf(row)
      if (!previous || !row.asked) throw new TenonError('NO_PREVIOUS_VERSION')
      const artifact = await artifacts.load(previous.digest)
      const entry = entryOf(row.asked, artifact)
      const grantsFrom = (now: Installation) => grantsBefore(previous, now, entry)
      return change(row, { tenant, userId, action: 'rollback' }, { artifact, entry, grantsFrom })
    },

    async resume({ claim, installation }) {
      await underLease(store, claim, async (signal) => {
        const unfinished = installation.metadata?.['updating'] as UnfinishedUpdate | undefined
        if (unfinished && (await hasCommitted(pool, unfinished.transaction))) {
          const { digest, grants, userId, action } = unfinished
          const artifact = await artifacts.load(digest)
          const target = { artifact, entry: entryOf(installation.asked as CatalogEntry, artifact), grants }
          const work: Change = { claim, installation, target, userId, action, signal }
          await finish(engines, work, { report: await engines.caller.inspect(subjectFor(work)) })
          return
        }
        await ensureRole(roles, claim.tenant, installation)
        await store.settle(claim, { status: Status.INSTALLED, metadata: settledMetadata(installation) })
        await history.record(claim.tenant, {
          pluginKey: installation.pluginKey,
          installationId: installation.id,
          action: 'update',
          outcome: 'undone',
          message: new TenonError('INTERRUPTED').message,
        })
      })
    },
  }
}

/** Noted before COMMIT, so that whoever takes over from a dead server knows what may have been committed. */
interface UnfinishedUpdate {
  /** Of Postgres: it tells whether the plugin's changes are there. */
  transaction: string
  digest: string
  grants: readonly string[] | null
  userId: number
  action: Change['action']
}

/** @throws Error while the transaction is still under way: its connection has not noticed yet that its server died. */
async function hasCommitted(pool: Pool, transaction: string): Promise<boolean> {
  const { rows } = await pool.query<{ status: string | null }>('SELECT pg_xact_status($1::text::xid8) AS status', [
    transaction,
  ])
  if (rows[0]?.status === 'in progress') throw new Error('the transaction of an update has not ended yet')
  return rows[0]?.status === 'committed'
}

function settledMetadata({ metadata }: Installation): Record<string, unknown> {
  const { updating: _unfinished, ...rest } = metadata ?? {}
  return rest
}

/** What is packed with the code is what counts; what people are shown comes from the marketplace. */
const entryOf = (entry: CatalogEntry, { manifest }: VerifiedArtifact): CatalogEntry => {
  const { permissions: _asked, contributes: _contributed, engines: _engines, ...shown } = entry
  return { ...shown, ...manifest }
}

function differences(from: CatalogEntry | null, to: CatalogEntry): Pick<UpdatePlanJson, 'added' | 'removed'> {
  const [before, after] = [from ? allPermissions(from) : [], allPermissions(to)]
  const missingIn = (others: AskedPermission[]) => (one: AskedPermission) => !others.some(({ id }) => id === one.id)
  const isNew = missingIn(before)
  const wider = from ? widerPermissions(from, to) : []
  return {
    added: after.filter((one) => isNew(one) || wider.includes(one.id)),
    removed: before.filter(missingIn(after)),
  }
}

/** Nobody was asked: everything that was granted and is still asked for. */
function keptGrants({ grants }: Installation, entry: CatalogEntry): readonly string[] | null {
  if (!grants) return null
  const asked = askedPermissions(entry).map(({ id }) => id)
  return grants.filter((id) => asked.includes(id))
}

/** What the earlier version was granted, but for what the present one asks for as well and has not: that was taken away. */
function grantsBefore(
  { grants }: PreviousVersion,
  { asked, grants: present }: Installation,
  entry: CatalogEntry,
): readonly string[] {
  const taken = asked && present ? askedPermissions(asked).filter(({ id }) => !present.includes(id)) : []
  return (grants ?? askedPermissions(entry).map(({ id }) => id)).filter((id) => !taken.some((one) => one.id === id))
}

export function previousOf({ metadata }: Pick<Installation, 'metadata'>): PreviousVersion | undefined {
  return metadata?.['previous'] as PreviousVersion | undefined
}

interface Change {
  claim: Claim
  /** As it was, with what it had then. */
  installation: Installation
  target: Target
  userId: number
  action: 'update' | 'rollback'
  signal: AbortSignal
}

async function changeUnderLease(engines: UpdateOptions, work: Change): Promise<Installation> {
  const { store, history } = engines
  const { claim, installation: row, target, userId, action } = work
  const outcome: Outcome = {}
  try {
    await runSteps(stepsOf(engines, work, outcome))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    await store.settle(claim, { status: Status.INSTALLED, metadata: settledMetadata(row) })
    await history.record(claim.tenant, {
      pluginKey: row.pluginKey,
      installationId: row.id,
      userId,
      action,
      outcome: 'failed',
      message,
      after: { version: target.entry.version },
    })
    throw error
  }
  return finish(engines, work, outcome)
}

interface Outcome {
  report?: PluginReport
  message?: string | undefined
}

/** The row, then the processes: what runs is the earlier code; it may also have been paused for crashing. */
async function finish(engines: UpdateOptions, work: Change, outcome: Outcome): Promise<Installation> {
  const { store, history, runtime } = engines
  const { claim, installation: row, target, userId, action } = work
  const settled = await store.settle(claim, {
    status: Status.INSTALLED,
    version: target.entry.version,
    digest: target.artifact.digest,
    manifest: target.entry,
    grants: target.grants ?? askedPermissions(target.entry).map(({ id }) => id),
    metadata: metadataOf(work, outcome),
    ...(await configurationOf(engines, work)),
  })
  const why = { kind: 'changed', text: `version ${settled.version} took its place` } as const
  await runtime.stopPlugin(claim.tenant.schema, row.pluginKey, why)
  await runtime.reset(claim.tenant.schema, row.pluginKey)
  await history.record(claim.tenant, {
    pluginKey: row.pluginKey,
    installationId: row.id,
    userId,
    action,
    outcome: 'done',
    before: { version: row.version, digest: row.digest, granted: row.grants },
    after: { version: settled.version, digest: settled.digest, granted: settled.grants },
    ...(outcome.message === undefined ? {} : { message: outcome.message }),
  })
  return settled
}

function metadataOf(
  { installation: row, target, action }: Change,
  { report, message }: { report?: PluginReport; message?: string | undefined },
) {
  const warnings = metadataWarnings(report, target.entry)
  const previous: PreviousVersion | undefined =
    action === 'update' && row.version !== null && row.digest !== null
      ? { version: row.version, digest: row.digest, grants: row.grants }
      : undefined
  return {
    report,
    ...(message === undefined ? {} : { installMessage: message }),
    ...(warnings.length > 0 ? { warnings } : {}),
    ...(previous ? { previous } : {}),
  }
}

/** Which fields are secret is said by the schema, which may be another one now. */
async function configurationOf({ vault }: UpdateOptions, { claim, installation: row, target, userId }: Change) {
  if (row.configuration === null) return {}
  const { values } = vault.open(row.configuration, configurationOwnerOf(claim.tenant, row))
  const owner = configurationOwnerOf(claim.tenant, { pluginKey: row.pluginKey, manifest: target.entry })
  return { configuration: await vault.seal(values, owner, userId, row.configuration) }
}

function subjectFor({ claim, installation: row, target: { artifact, entry, grants } }: Change): CallSubject {
  return {
    tenant: claim.tenant,
    pluginKey: row.pluginKey,
    installationId: row.id,
    digest: artifact.digest,
    manifest: grantedEntry(entry, grants),
    asked: entry,
    source: row.source ?? '',
  }
}

function stepsOf(engines: UpdateOptions, work: Change, outcome: Outcome): Step[] {
  const { roles, store, caller, vault, runtime } = engines
  const { claim, installation: row, target, userId, action, signal } = work
  const { tenant } = claim
  const { artifact, entry, grants } = target
  const subject = subjectFor(work)
  const { manifest, source } = subject
  return [
    { name: 'start', run: async () => void (outcome.report = await caller.inspect(subject)) },
    {
      name: 'prepare',
      run: async () => void (await roles.ensure({ tenant, manifest, source }, randomUUID())),
      undo: () => ensureRole(roles, tenant, row),
    },
    {
      name: 'migrate',
      // Its transaction is its undo.
      run: async () => {
        if (action === 'rollback') return
        const next = await configurationOf(engines, work)
        const owner = configurationOwnerOf(tenant, { pluginKey: row.pluginKey, manifest: entry })
        const configuration = vault.open(next.configuration, owner)
        const invocation = outcome.report?.exports.includes('update')
          ? {
              kind: 'function' as const,
              name: 'update',
              args: [userId, tenant.schema, { from: row.version, to: entry.version }, contextPlaceholder],
            }
          : { kind: 'install' as const, configuration: configuration.values }
        const request = { subject, invocation, userId, configuration, signal, deadlineMs: updateDeadlineMs }
        const { message } = await caller.callInTransaction(request, {
          accept: async (answer, session) => {
            const result = acceptResult(answer, entry.displayName, 'updating')
            const transaction = await session.transactionId()
            const { digest } = artifact
            // Refused when the claim was lost: then nothing may be committed any more.
            await store.note(claim, {
              updating: { transaction, digest, grants, userId, action } satisfies UnfinishedUpdate,
            })
            return result
          },
        })
        outcome.message = message
      },
      undo: () => runtime.stopPlugin(tenant.schema, row.pluginKey),
    },
  ]
}

/** The role as the row has it. */
async function ensureRole(roles: PluginRoles, tenant: TenantScope, { manifest, source }: Installation): Promise<void> {
  if (manifest && source !== null) await roles.ensure({ tenant, manifest, source }, randomUUID())
}
