import { randomUUID } from 'node:crypto'
import {
  PluginInstallationStatus as Status,
  TenonError,
  askedPermissions,
  grantedEntry,
  type AskedPermission,
  type CatalogEntry,
} from '@tenon/contract'
import type { TenantScope } from '../migrations/index.js'
import type { Usage } from '../records/index.js'
import { grantsChanged, type Runtime } from '../runtime/index.js'
import { compatibilityTables } from '../tenancy/index.js'
import type { History } from './history.js'
import type { ClaimedInstallation, Installation, InstallationStore } from './installation-store.js'
import { underLease } from './lease.js'
import { isShared, type PluginRoles } from './plugin-roles.js'

/** One permission of an installation, as the API shows it. */
export interface PermissionJson extends AskedPermission {
  granted: boolean
  uses: number
  lastUsedAt: string | null
  refusals: number
  lastRefusedAt: string | null
}

export interface PermissionsJson {
  /** False for a plugin that declares nothing: what it gets is not to be chosen from. */
  declared: boolean
  permissions: PermissionJson[]
  /** What it tried without asking for it. */
  refused: { permission: string; refusals: number; lastRefusedAt: string | null }[]
}

export interface GrantPermissions {
  list(tenant: TenantScope, installation: Installation): Promise<PermissionsJson>
  /**
   * From now on the plugin has exactly these of the permissions that it asks for. Its processes start anew.
   * @throws TenonError INSTALLATION_NOT_FOUND, INSTALLATION_BUSY, VALIDATION_FAILED for one that it does not ask for
   */
  grant(request: { tenant: TenantScope; id: number; userId: number; granted: readonly string[] }): Promise<Installation>
  /** Finishes a change whose server died. False when there was none. */
  resume(claimed: ClaimedInstallation): Promise<boolean>
}

interface GrantPermissionsOptions {
  store: InstallationStore
  roles: Pick<PluginRoles, 'ensure'>
  runtime: Pick<Runtime, 'stopPlugin'>
  usage: Pick<Usage, 'permissionsOf'>
  history: History
}

export function createGrantPermissions(options: GrantPermissionsOptions): GrantPermissions {
  const { store, roles, runtime, usage, history } = options

  /** The roles first, then the row, then the processes: until the end the row says that this is under way. */
  async function apply(
    { claim, installation }: ClaimedInstallation,
    granted: readonly string[],
    userId: number | undefined,
  ): Promise<Installation> {
    const { tenant } = claim
    const { pluginKey, status, asked, grants, source } = installation
    const { granting: _granting, ...metadata } = installation.metadata ?? {}
    try {
      if (asked && source !== null)
        await roles.ensure({ tenant, manifest: grantedEntry(asked, granted), source }, randomUUID())
    } catch (error) {
      await store.settle(claim, { status, metadata })
      throw error
    }
    const settled = await store.settle(claim, { status, metadata, grants: granted })
    await runtime.stopPlugin(tenant.schema, pluginKey, grantsChanged)
    await history.record(tenant, {
      pluginKey,
      installationId: installation.id,
      ...(userId === undefined ? {} : { userId }),
      action: 'grant',
      outcome: 'done',
      before: { granted: grants ?? allOf(asked) },
      after: { granted },
    })
    return settled
  }

  return {
    async list({ organizationId }, { pluginKey, asked, grants }) {
      const used = new Map(
        (await usage.permissionsOf({ organizationId, pluginKey })).map((use) => [use.permission, use]),
      )
      const all = asked ? allPermissions(asked) : []
      const permissions = all.map((permission) => {
        const { uses = 0, lastUsedAt = null, refusals = 0, lastRefusedAt = null } = used.get(permission.id) ?? {}
        const granted = (asked && isShared(asked)) || (grants?.includes(permission.id) ?? true)
        return { ...permission, granted, uses, lastUsedAt, refusals, lastRefusedAt }
      })
      const refused = [...used.values()]
        .filter(({ permission, refusals }) => refusals > 0 && !all.some(({ id }) => id === permission))
        .map(({ permission, refusals, lastRefusedAt }) => ({ permission, refusals, lastRefusedAt }))
      return { declared: asked?.permissions !== undefined, permissions, refused }
    },

    async grant({ tenant, id, userId, granted }) {
      const existing = await store.find(tenant, id)
      if (!existing) throw new TenonError('INSTALLATION_NOT_FOUND')
      if (existing.asked) assertAsked(existing.asked, granted)
      const note = { granting: [...granted] }
      const claimed = await store.claim(tenant, id, [Status.INSTALLED, Status.DISABLED], undefined, note)
      return underLease(store, claimed.claim, () => apply(claimed, granted, userId))
    },

    async resume(claimed) {
      const granting = claimed.installation.metadata?.['granting']
      if (!Array.isArray(granting)) return false
      const granted = granting.filter((id) => typeof id === 'string')
      await underLease(store, claimed.claim, () => apply(claimed, granted, undefined))
      return true
    },
  }
}

/** @throws TenonError VALIDATION_FAILED when something is granted that is not asked for */
export function assertAsked(entry: CatalogEntry, granted: readonly string[]): void {
  if (isShared(entry)) {
    const message = `${entry.displayName} does not declare what it needs, so there is nothing to choose from.`
    throw new TenonError('VALIDATION_FAILED', { message, field: 'permissions' })
  }
  const asked = allOf(entry)
  const unknown = granted.find((id) => !asked.includes(id))
  if (unknown === undefined) return
  const message = `${entry.displayName} does not ask for "${unknown}".`
  throw new TenonError('VALIDATION_FAILED', { message, field: 'permissions' })
}

const allOf = (entry: CatalogEntry | null): string[] => (entry ? askedPermissions(entry).map(({ id }) => id) : [])

/** All that a plugin may be given; of one that declares nothing what such plugins get. */
export function allPermissions(entry: CatalogEntry): AskedPermission[] {
  if (!isShared(entry)) return askedPermissions(entry)
  const tables = Object.keys(compatibilityTables).join(', ')
  return [
    {
      id: 'compatibility:database',
      group: 'change',
      sentence: `Work with what plugins get that declare nothing, as far as this application has it: ${tables}, and tables of its own`,
    },
    { id: 'compatibility:network', group: 'outside', sentence: 'Talk to the addresses in its configuration' },
  ]
}
