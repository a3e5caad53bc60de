import { PluginInstallationStatus as Status } from '@tenon/contract'
import type { ConnectionStore } from '../connections/connection-store.js'
import type { TenantScope } from '../migrations/index.js'
import type { Records } from '../records/index.js'
import type { Runtime } from '../runtime/index.js'
import type { UploadStore } from '../uploads/index.js'
import type { ConfigurationVault } from '../secrets/configuration-vault.js'
import type { History } from './history.js'
import type { Claim, ClaimedInstallation, Installation, InstallationStore } from './installation-store.js'
import { assertHeld, underLease } from './lease.js'
import type { PluginCaller } from './plugin-caller.js'
import { acceptResult } from './results.js'
import type { PluginRoles } from './plugin-roles.js'
import { removed } from './stop-reasons.js'
import { configurationOwnerOf, subjectOf } from './subject.js'

interface UninstallOptions {
  runtime: Runtime
  roles: PluginRoles
  store: InstallationStore
  connections: ConnectionStore
  vault: ConfigurationVault
  records: Records
  uploads: Pick<UploadStore, 'forget'>
  caller: PluginCaller
  history: History
}

/** `erase` removes the plugin's tables; `keep` leaves them, out of reach, for a later installation. */
export type DataChoice = 'erase' | 'keep'

export interface Uninstall {
  uninstall(request: { tenant: TenantScope; id: number; userId: number; data: DataChoice }): Promise<void>
  /** Goes on with an uninstallation whose server died. The claim is already the caller's. */
  resume(claimed: ClaimedInstallation): Promise<void>
}

const uninstallable = [Status.INSTALLED, Status.FAILED, Status.DISABLED] as const

/**
 * Removes a plugin from a tenant. Never needs the plugin's cooperation: its own `uninstall()` is called at best effort,
 * and what it leaves behind goes with its role. Every step can be repeated, so a crash is resumed by starting over.
 */
export function createUninstall(engines: UninstallOptions): Uninstall {
  return {
    async uninstall({ tenant, id, userId, data }) {
      const note = { uninstall: { data, userId } satisfies UninstallNote }
      const { claim, installation } = await engines.store.claim(tenant, id, uninstallable, Status.UNINSTALLING, note)
      await underLease(engines.store, claim, (signal) => remove(engines, { claim, installation, userId, data, signal }))
    },
    resume: ({ claim, installation }) =>
      underLease(engines.store, claim, (signal) =>
        remove(engines, { claim, installation, ...noteOf(installation), signal }),
      ),
  }
}

/** What was asked for, kept in the row: who goes on after a crash must not erase what was to be kept. */
interface UninstallNote {
  data: DataChoice
  userId: number
}

function noteOf({ metadata }: Installation): UninstallNote {
  return (metadata?.['uninstall'] as UninstallNote | undefined) ?? { data: 'erase', userId: 0 }
}

interface Removal {
  claim: Claim
  installation: Installation
  userId: number
  data: DataChoice
  signal: AbortSignal
}

async function remove(engines: UninstallOptions, removal: Removal): Promise<void> {
  const { runtime, roles, connections, records, uploads, store, history } = engines
  const { claim, installation, userId, data, signal } = removal
  const { tenant } = claim
  const { pluginKey } = installation
  const held = () => assertHeld(store, claim, signal)
  const message = data === 'erase' ? await callUninstall(engines, removal) : undefined
  await held()
  await runtime.stopPlugin(tenant.schema, pluginKey, removed)
  const { manifest, source } = installation
  if (manifest && source !== null) {
    const subject = { tenant, manifest, source }
    await held()
    await (data === 'keep' ? roles.keep(subject) : roles.erase(subject))
  }
  await held()
  await connections.removeAll({ organizationId: tenant.organizationId, tenantId: tenant.schema, pluginKey })
  const owner = { organizationId: tenant.organizationId, pluginKey }
  await store.remove(claim, (client) => records.forget(client, owner, data))
  await uploads.forget(owner).catch(() => undefined)
  await history.record(tenant, {
    pluginKey,
    installationId: installation.id,
    action: 'uninstall',
    outcome: 'done',
    before: { version: installation.version, digest: installation.digest },
    after: { data },
    userId,
    ...(message === undefined ? {} : { message }),
  })
}

/**
 * The plugin's own cleaning up, and what it says of it. What goes wrong never keeps the plugin installed (D-20); whether
 * the claim was lost meanwhile is for the next step to ask.
 */
async function callUninstall({ caller, vault }: UninstallOptions, removal: Removal): Promise<string | undefined> {
  const { installation, userId, signal } = removal
  const { tenant } = removal.claim
  const subject = subjectOf(tenant, installation)
  if (!subject) return undefined
  try {
    const configuration = vault.open(installation.configuration, configurationOwnerOf(tenant, installation))
    const request = { subject, invocation: { kind: 'uninstall' as const }, userId, configuration, signal }
    const { message } = await caller.callInTransaction(request, {
      accept: (answer) => acceptResult(answer, subject.manifest.displayName, 'uninstalling'),
    })
    return message
  } catch (error) {
    return `uninstall() failed: ${error instanceof Error ? error.message : String(error)}`
  }
}
