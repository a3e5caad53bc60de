import type { Router } from 'express'
import type { ZodOpenApiComponentsObject, ZodOpenApiPathsObject } from 'zod-openapi'

/** What this application needs of the plugin host. `createPluginHost` of `@tenon/host` gives it. */
export interface PluginHostPort {
  /** Mounted at `/api/plugins`. */
  router: Router
  /** The part of the OpenAPI document that describes the router; paths start with `/api/plugins`. */
  openapi(): { paths: ZodOpenApiPathsObject; components?: ZodOpenApiComponentsObject }
  /** Makes the schema of an organization, with everything in it. May be repeated. */
  createTenant(organizationId: number): Promise<void>
  /** Removes everything that belongs to an organization, plugins and their roles included. May be repeated. */
  removeTenant(organizationId: number): Promise<void>
  /** What `/api/health` shows of the host. */
  health(): Promise<Record<string, unknown>>
}
