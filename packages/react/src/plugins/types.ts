import type { Plugin as ContractPlugin, PluginInstallationJson } from '@tenon/contract'

export type { PluginCategoryInfo, PluginFeature } from '@tenon/contract'

/** S95: a plugin of the marketplace, with what is known of its installation. */
export type Plugin = ContractPlugin & {
  /** The newer version that the marketplace has, where one is installed. */
  updateAvailable?: string
  /** Nothing has been entered yet of what it cannot work without. */
  needsConfiguration?: boolean
  /** It declares accounts at other services, and none is connected yet. */
  needsConnection?: boolean
}

/** S96: what an organization has installed. */
export type PluginInstallation = Omit<PluginInstallationJson, 'plugin'> & { plugin?: Plugin }

/** S93, with what Tenon adds. */
export type InstallationStatus = PluginInstallation['status'] | `${PluginInstallation['status']}`

/** An account at another service. Which details it has is said by the plugin's manifest. */
export interface Workspace extends Record<string, unknown> {
  id: number
  is_active: boolean
  created_at: string
  connected_by: number
  /** Which of the connections that the plugin declares it is. */
  contribution_id?: string
  /** How the service calls the account. */
  account_name?: string
  /** The service no longer accepts the sign-in. */
  needs_reauth?: boolean
  /** What the plugin says is wrong with it. */
  problem?: string
}

export interface ConnectionTest {
  success: boolean
  message: string
  testedAt?: string
  steps?: { name: string; ok: boolean; message?: string }[]
}
