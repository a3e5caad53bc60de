import { TenonError } from './errors.js'

/** S21, S93, C2: the states of an installation. `uninstalled` is the absence of the row; it appears in histories only. */
export enum PluginInstallationStatus {
  INSTALLING = 'installing',
  INSTALLED = 'installed',
  FAILED = 'failed',
  DISABLED = 'disabled',
  UPDATING = 'updating',
  UNINSTALLING = 'uninstalling',
  UNINSTALLED = 'uninstalled',
}

const { INSTALLING, INSTALLED, FAILED, DISABLED, UPDATING, UNINSTALLING, UNINSTALLED } = PluginInstallationStatus

/** The one state machine, for the database's CHECK, the server and the client. */
export const installationTransitions: Readonly<Record<PluginInstallationStatus, readonly PluginInstallationStatus[]>> =
  {
    [UNINSTALLED]: [INSTALLING],
    [INSTALLING]: [INSTALLED, FAILED],
    [INSTALLED]: [DISABLED, UPDATING, UNINSTALLING],
    [FAILED]: [INSTALLING, UNINSTALLING],
    [DISABLED]: [INSTALLED, UNINSTALLING],
    [UPDATING]: [INSTALLED],
    [UNINSTALLING]: [UNINSTALLED],
  }

/** States that a row can have. */
export const storedInstallationStatuses = Object.values(PluginInstallationStatus).filter((s) => s !== UNINSTALLED)

/** States in which nobody works on the installation. */
export const settledInstallationStatuses = [INSTALLED, FAILED, DISABLED] as const

/** @throws TenonError STATUS_CHANGE_REFUSED when `from` cannot become `to`. */
export function assertTransition(from: PluginInstallationStatus, to: PluginInstallationStatus): void {
  if (!installationTransitions[from].includes(to)) throw new TenonError('STATUS_CHANGE_REFUSED', { from, to })
}
