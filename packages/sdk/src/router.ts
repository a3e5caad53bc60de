import type { SeedContext } from './plugin-context.js'

/** A file that a person sent to a route, of up to 50 MB. @since 0.1.0 */
export interface UploadedFile {
  originalname: string
  mimetype: string
  /** In bytes. */
  size: number
  /** All of it, for files of up to 20 MB. @throws Error for larger ones, and in a route with `file: 'pieces'` */
  readonly buffer: Uint8Array
  /** For `context.uploads.read`, for a day. Absent on other hosts. */
  id?: string
}

/** What a route handler gets: the call's context, and the request. @since 0.1.0 */
export interface RouteRequest extends SeedContext {
  tenantId: string
  userId: number
  organizationId: number
  method: string
  /** Below `/api/plugins/<key>`, such as `/models/7`. */
  path: string
  params: Record<string, string>
  /** As in the address; a name that is given twice is a list. */
  query: Record<string, unknown>
  body: unknown
  file?: UploadedFile
  configuration: Record<string, unknown>
}

/** What a route handler answers. @since 0.1.0 */
export interface RouteResult {
  /** 200 to 599; 200 when absent. */
  status?: number
  data?: unknown
  /** A file instead of `data`. */
  buffer?: Uint8Array
  filename?: string
  contentType?: string
  headers?: Record<string, string>
}

export type RouteHandler = (request: RouteRequest) => RouteResult | Promise<RouteResult>

/** A handler with what it needs. */
export interface RouteDeclaration {
  /** The least role. Default: Reviewer for GET and Editor for the rest. */
  role?: 'Admin' | 'Editor' | 'Reviewer' | 'Auditor'
  /** Reads an uploaded file with `context.uploads.read(file.id)`, so that it is never in memory as a whole. */
  file?: 'pieces'
  handler: RouteHandler
}

/** From `METHOD /path/:name` to a handler. An exact path wins over a pattern; then the order of declaration. */
export type Router = Record<string, RouteHandler | RouteDeclaration>
