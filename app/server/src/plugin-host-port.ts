import type { PluginHost } from '@tenon/host'

/** What this application needs of the plugin host while it answers requests. */
export type PluginHostPort = Pick<PluginHost, 'router' | 'openapi' | 'createTenant' | 'removeTenant' | 'health'>
