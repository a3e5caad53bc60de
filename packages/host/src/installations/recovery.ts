import { setTimeout as sleep } from 'node:timers/promises'
import { PluginInstallationStatus as Status, TenonError } from '@tenon/contract'
import type { TenantScope } from '../migrations/index.js'
import type { History } from './history.js'
import type { Installation, InstallationStore } from './installation-store.js'
import type { PluginRoles } from './plugin-roles.js'
import type { Uninstall } from './uninstall.js'

interface RecoveryOptions {
  store: InstallationStore
  roles: PluginRoles
  uninstall: Uninstall
  history: History
  log: (event: string, fields: Record<string, unknown>) => void
}

export interface Recovery {
  /** Looks for operations whose server died, now and every few seconds. */
  start(): void
  /** Stops looking, and waits a moment for what is being recovered; the rest is another server's. */
  stop(): Promise<void>
}

/** Twice in the life of a claim. */
const looksPerClaim = 2
const stopMs = 5_000

/**
 * Brings every installation that a dead server left half-way to a settled state: an unfinished install is taken back,
 * an unfinished uninstall is finished, an unfinished change of configuration leaves the earlier one.
 */
export function createRecovery({ store, roles, uninstall, history, log }: RecoveryOptions): Recovery {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  function look(): void {
    running = running.then(recoverAll).catch((error: unknown) => log('recovery-failed', { reason: String(error) }))
  }

  /** Side by side: the claims that were taken run out, and one plugin that hangs must not cost the others theirs. */
  async function recoverAll(): Promise<void> {
    const expired = await store.takeExpired()
    await Promise.all(
      expired.map(({ tenant, installation }) =>
        recover(tenant, installation).catch((error: unknown) =>
          log('recovery-failed', {
            organizationId: tenant.organizationId,
            pluginKey: installation.pluginKey,
            reason: String(error),
          }),
        ),
      ),
    )
  }

  async function recover(tenant: TenantScope, installation: Installation): Promise<void> {
    const { status, id, pluginKey } = installation
    log('recovering', { organizationId: tenant.organizationId, pluginKey, status })
    if (status === Status.UNINSTALLING) return uninstall.resume(tenant, installation)
    if (status === Status.INSTALLING) return undoInstall(tenant, installation)
    await store.settle(tenant, id, { status: status === Status.UPDATING ? Status.INSTALLED : status })
  }

  async function undoInstall(
    tenant: TenantScope,
    { id, pluginKey, manifest, source, metadata }: Installation,
  ): Promise<void> {
    const attempt = metadata?.['attempt']
    if (manifest && source !== null && typeof attempt === 'string') {
      await roles.undo({ tenant, manifest, source }, attempt, namesIn(metadata?.['tables']))
    }
    const message = new TenonError('INTERRUPTED').message
    await store.settle(tenant, id, { status: Status.FAILED, errorMessage: message })
    await history.record(tenant, { pluginKey, installationId: id, action: 'install', outcome: 'undone', message })
  }

  return {
    start() {
      // Not awaited: a plugin whose uninstall() hangs must not keep the server from starting.
      timer = setInterval(look, store.claimMs / looksPerClaim)
      look()
    },
    async stop() {
      clearInterval(timer)
      await Promise.race([running, sleep(stopMs, undefined, { ref: false })])
    },
  }
}

function namesIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : []
}
