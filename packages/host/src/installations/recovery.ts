import { setTimeout as sleep } from 'node:timers/promises'
import { PluginInstallationStatus as Status, TenonError } from '@tenon/contract'
import type { History } from './history.js'
import type { ClaimedInstallation, InstallationStore } from './installation-store.js'
import { underLease } from './lease.js'
import type { GrantPermissions } from './permissions.js'
import type { PluginRoles } from './plugin-roles.js'
import type { Uninstall } from './uninstall.js'
import type { Update } from './update.js'

interface RecoveryOptions {
  store: InstallationStore
  roles: PluginRoles
  uninstall: Uninstall
  permissions: Pick<GrantPermissions, 'resume'>
  update: Pick<Update, 'resume'>
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
export function createRecovery({
  store,
  roles,
  uninstall,
  permissions,
  update,
  history,
  log,
}: RecoveryOptions): Recovery {
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> = Promise.resolve()

  function look(): void {
    running = running.then(recoverAll).catch((error: unknown) => log('recovery-failed', { reason: String(error) }))
  }

  /** Side by side: the claims that were taken run out, and one plugin that hangs must not cost the others theirs. */
  async function recoverAll(): Promise<void> {
    const expired = await store.takeExpired(({ organizationId }, problem) =>
      log('recovery-failed', { organizationId, reason: String(problem) }),
    )
    await Promise.all(
      expired.map((claimed) =>
        recover(claimed).catch((error: unknown) =>
          log('recovery-failed', {
            organizationId: claimed.claim.tenant.organizationId,
            pluginKey: claimed.installation.pluginKey,
            reason: String(error),
          }),
        ),
      ),
    )
  }

  async function recover(claimed: ClaimedInstallation): Promise<void> {
    const { claim, installation } = claimed
    const { status, pluginKey } = installation
    log('recovering', { organizationId: claim.tenant.organizationId, pluginKey, status })
    if (status === Status.UNINSTALLING) return uninstall.resume(claimed)
    if (status === Status.INSTALLING) return underLease(store, claim, () => undoInstall(claimed))
    if (status === Status.UPDATING) return update.resume(claimed)
    if (await permissions.resume(claimed)) return
    await store.settle(claim, { status })
  }

  async function undoInstall({ claim, installation }: ClaimedInstallation): Promise<void> {
    const { id, pluginKey, manifest, source, metadata } = installation
    const { tenant } = claim
    const attempt = metadata?.['attempt']
    if (manifest && source !== null && typeof attempt === 'string') {
      await roles.undo({ tenant, manifest, source }, attempt, namesIn(metadata?.['tables']))
    }
    const message = new TenonError('INTERRUPTED').message
    await store.settle(claim, { status: Status.FAILED, errorMessage: message })
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
