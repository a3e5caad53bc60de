import type { RoleName } from '@tenon/contract'
import type { RouteFile } from '@tenon/contract/wire'
import type { RouteAnswer } from '../runtime/index.js'
import type { TenantScope } from '../migrations/index.js'

export interface RouteRequest {
  tenant: TenantScope
  pluginKey: string
  userId: number
  /** Absent for calls of the host itself, which may do everything. */
  role?: RoleName
  method: string
  /** Below the plugin's own root, with its leading slash. */
  path: string
  query?: Record<string, unknown>
  body?: unknown
  file?: RouteFile
  signal?: AbortSignal
}

/** Calls a route of an installed plugin. */
export type CallRoute = (request: RouteRequest) => Promise<RouteAnswer>
