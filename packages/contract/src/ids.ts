import * as z from 'zod'

/** S17: `plugin_key` is VARCHAR(100). */
export const maxPluginKeyLength = 100

/**
 * First segments below `/api/plugins` that the host answers itself, now or later. A plugin with one of these keys could
 * never be reached at `/api/plugins/<key>/…`, so no plugin may have one (C1).
 */
export const reservedPluginKeys: readonly string[] = [
  'activity',
  'admin',
  'alerts',
  'api',
  'assets',
  'audit',
  'blocks',
  'catalog',
  'categories',
  'connections',
  'docs',
  'events',
  'frames',
  'health',
  'host',
  'install',
  'installations',
  'jobs',
  'logs',
  'manage',
  'marketplace',
  'metrics',
  'notifications',
  'oauth',
  'openapi',
  'openapi.json',
  'operator',
  'ready',
  'requests',
  'runs',
  'search',
  'settings',
  'status',
  'tenon',
  'updates',
  'uploads',
  'webhooks',
]

const keyPattern = /^[a-z0-9]+(-[a-z0-9]+)*$/

/** The key of a plugin: lower-case words joined by hyphens. It becomes part of paths, roles and URLs, hence so strict. */
export const pluginKeySchema = z
  .string()
  .max(maxPluginKeyLength)
  .regex(keyPattern, 'must be lower-case letters and digits, in words joined by single hyphens')
  .refine((key) => !reservedPluginKeys.includes(key), 'is a reserved word')

/** True for a string that may be the key of a plugin. */
export function isPluginKey(value: unknown): value is string {
  return pluginKeySchema.safeParse(value).success
}
