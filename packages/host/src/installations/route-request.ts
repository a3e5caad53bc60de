import type { RoleName } from '@tenon/contract'
import type { RouteFile } from '@tenon/contract/wire'
import type { RouteAnswer } from '../runtime/index.js'
import type { TenantScope } from '../migrations/index.js'

export interface RouteRequest {
  tenant: TenantScope
  pluginKey: string
  userId: number
  /** Of the user; `host` for calls of the host itself, which may do everything. */
  role: RoleName | 'host'
  method: string
  /** Below the plugin's own root, with its leading slash. */
  path: string
  query?: Record<string, unknown>
  body?: unknown
  file?: RouteFile
  /** Reads a body that is not worth reading before it is known that the plugin runs and the caller may call it. */
  receive?: () => Promise<Pick<RouteRequest, 'body' | 'file'>>
  /** Long work is not waited for: the answer is the id of its run. */
  respondAsync?: boolean
  /** Called when a run keeps what was uploaded: it makes room for others when that has ended, not with the request. */
  isHeld?: () => void
  signal?: AbortSignal
}

/** Calls a route of an installed plugin. */
export type CallRoute = (request: RouteRequest) => Promise<RouteAnswer>
