import * as z from 'zod'

/** How a request for a plugin stands: open, or how it ended. */
export const pluginRequestStates = ['open', 'fulfilled', 'declined', 'withdrawn'] as const
export type PluginRequestState = (typeof pluginRequestStates)[number]

/** Characters of what somebody writes to an admin, or an admin answers. */
export const maxRequestTextLength = 500

const instant = z.iso.datetime({ offset: true })

/** Somebody who may not install plugins asks for one. */
export const pluginRequestSchema = z
  .object({
    id: z.int(),
    pluginKey: z.string(),
    plugin: z.string().describe('How the plugin is called, as far as the marketplace says'),
    requestedBy: z.int(),
    requestedAt: instant,
    note: z.string().nullable().describe('Plain text, for the admins'),
    state: z.enum(pluginRequestStates),
    reason: z.string().nullable().describe('Plain text, of an admin who declined'),
    endedBy: z.int().nullable().describe('Null while it is open, and where the installation ended it'),
    endedAt: instant.nullable(),
  })
  .meta({ id: 'PluginRequest' })
export type PluginRequestJson = z.infer<typeof pluginRequestSchema>
