import * as z from 'zod'

/** What long work is: its kind, how it goes, how it ended. */
export const runKinds = ['install', 'sync', 'import', 'action'] as const
export type RunKind = (typeof runKinds)[number]

export const runStates = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const
export type RunState = (typeof runStates)[number]

/** Whom an error is for: the admin, time, the author of the plugin, or the operator. */
export const runErrorKinds = ['configuration', 'transient', 'plugin', 'platform'] as const
export type RunErrorKind = (typeof runErrorKinds)[number]

export const runErrorSchema = z
  .object({
    code: z.string().describe('Stable; see the table of errors'),
    kind: z.enum(runErrorKinds),
    message: z.string().describe('What happened, for a person'),
    nextStep: z.string().describe('What to do about it, for a person'),
  })
  .meta({ id: 'RunError' })
export type RunError = z.infer<typeof runErrorSchema>

const timestamp = z.iso.datetime({ offset: true }).nullable()

/** One piece of long work of a plugin, kept for 30 days after its end. */
export const runSchema = z
  .object({
    id: z.uuid(),
    installationId: z.int().nullable(),
    pluginKey: z.string(),
    kind: z.enum(runKinds),
    action: z.string().describe('Id of the declared action or importer; `install` for an installation'),
    title: z.string(),
    state: z.enum(runStates),
    trigger: z.enum(['manual', 'schedule']),
    cancelling: z.boolean().describe('It was asked to stop and has not yet'),
    step: z.string().nullable().describe('Of an installation: verify, start, prepare, install'),
    progress: z
      .object({ done: z.number(), total: z.number().nullable(), message: z.string().nullable() })
      .nullable()
      .describe('What the plugin says of how far it is'),
    counts: z.record(z.string(), z.number()).describe('The numbers in what it answered'),
    result: z.unknown().describe('What it answered; null in lists where that was large'),
    largeResult: z
      .object({ bytes: z.int(), isKept: z.boolean().describe('For a day, unless others need the room') })
      .nullable()
      .describe('Where the result is large: it is with the one run that is asked for, as long as it is kept'),
    error: runErrorSchema.nullable().describe('Also of an attempt that failed and will be repeated'),
    attempts: z.int(),
    restartable: z.boolean().describe('It has ended, and what was sent for it is still there'),
    requestedBy: z.int().nullable().describe('Absent for what a schedule started'),
    createdAt: timestamp,
    startedAt: timestamp,
    finishedAt: timestamp,
    nextAttemptAt: timestamp.describe('When a queued run is due'),
  })
  .meta({ id: 'Run' })
export type RunJson = z.infer<typeof runSchema>

/** What a request gets whose work goes on without it. */
export const acceptedRunSchema = z.object({ runId: z.uuid() }).meta({ id: 'AcceptedRun' })
