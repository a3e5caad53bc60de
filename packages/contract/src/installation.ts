import * as z from 'zod'
import { PluginInstallationStatus } from './installation-states.js'

/** S22: a row of `plugin_installations`. */
export interface IPluginInstallation {
  id?: number
  plugin_key: string
  status: PluginInstallationStatus
  installed_at?: Date
  uninstalled_at?: Date
  error_message?: string
  configuration?: Record<string, unknown>
  metadata?: Record<string, unknown>
  created_at?: Date
  updated_at?: Date
}

const timestamp = z.iso.datetime({ offset: true }).nullable()

/** S25, S96: an installation as the API shows it. Secrets in `configuration` are masked, see {@link maskedSecretSchema}. */
export const pluginInstallationSchema = z
  .object({
    id: z.int().positive(),
    pluginKey: z.string(),
    status: z.enum(PluginInstallationStatus),
    installedAt: timestamp,
    uninstalledAt: timestamp.describe('Always null for an installation that exists; histories carry the date.'),
    errorMessage: z.string().nullable(),
    configuration: z.record(z.string(), z.unknown()).nullable(),
    configurationRevision: z
      .string()
      .optional()
      .describe('Another one after each change of the configuration; sent back, it keeps people from overwriting'),
    metadata: z.record(z.string(), z.unknown()).nullable(),
    createdAt: timestamp,
    updatedAt: timestamp,
    version: z.string().nullable(),
    digest: z.string().nullable().describe('SHA-256 of the artifact that this installation is pinned to'),
    plugin: z.record(z.string(), z.unknown()).optional().describe('What the marketplace says of the plugin'),
    previousVersion: z
      .string()
      .nullable()
      .optional()
      .describe('The version before the last update, which a rollback brings back'),
    updateAvailable: z.string().nullable().optional().describe('The newer version in the marketplace'),
    connected: z
      .boolean()
      .optional()
      .describe('In lists, of a plugin that declares connections: whether any account is connected'),
  })
  .meta({ id: 'PluginInstallation' })

export type PluginInstallationJson = z.infer<typeof pluginInstallationSchema>

/** What stands in an answer where a secret is. The same object in a PUT keeps the stored secret. */
export const maskedSecretSchema = z
  .object({ $secret: z.literal(true), setAt: z.string().optional(), setBy: z.int().optional() })
  .meta({ id: 'MaskedSecret' })

export type MaskedSecret = z.infer<typeof maskedSecretSchema>
