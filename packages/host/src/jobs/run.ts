import type { RunError, RunJson, RunKind, RunState } from '@tenon/contract'
import type { RouteFile } from '@tenon/contract/wire'

/** What a person, or a schedule, wants done. */
export interface NewRun {
  organizationId: number
  installationId: number
  pluginKey: string
  kind: RunKind
  /** Of one plugin of one organization, at most one run of an action works at a time. */
  action: string
  title: string
  trigger: 'manual' | 'schedule'
  /** What the work needs to know. */
  input?: RunInput
  requestedBy?: number | undefined
  /** How often it is tried when it fails for a reason that passes. */
  maxAttempts: number
  /** Whether it is begun again when its server died in the middle, and tried again for a reason that passes. */
  isRepeatable: boolean
  /** The run whose work this is once more, with what was sent for it. */
  startsAgain?: Pick<Run, 'id' | 'workId' | 'isRepeatable'>
}

/** A request to a route of the plugin. */
export interface RunInput {
  method: string
  path: string
  query?: Record<string, unknown>
  body?: unknown
  file?: RouteFile
  /** Where the query and the body are that are not kept here. */
  sentId?: string
}

/** Why a run failed: what people read, and what is needed to answer the request that waits for it. */
export interface RunFailure extends RunError {
  status: number
  details?: Record<string, unknown>
}

/** An answer that does not lie in the row of its run. */
export interface LargeResult {
  bytes: number
  /** Where it is kept, as long as it is. */
  uploadId: string | null
}

export interface RunProgress {
  done: number
  total?: number | undefined
  message?: string | undefined
}

export interface Run extends Omit<
  RunJson,
  'createdAt' | 'startedAt' | 'finishedAt' | 'nextAttemptAt' | 'error' | 'largeResult'
> {
  organizationId: number
  largeResult: LargeResult | null
  input: RunInput | null
  failure: RunFailure | null
  maxAttempts: number
  isRepeatable: boolean
  /** What the plugin knows the run by: the id of the first one of those that are the same work. */
  workId: string
  createdAt: Date
  startedAt: Date | null
  finishedAt: Date | null
  nextAttemptAt: Date
  updatedAt: Date
}

export const isOver = (state: RunState): boolean => state === 'succeeded' || state === 'failed' || state === 'cancelled'

export function toRunJson(run: Run): RunJson {
  const {
    organizationId: _o,
    input: _i,
    failure,
    maxAttempts: _m,
    isRepeatable: _r,
    workId: _w,
    updatedAt: _u,
    ...rest
  } = run
  return {
    ...rest,
    largeResult: run.largeResult && { bytes: run.largeResult.bytes, isKept: run.largeResult.uploadId !== null },
    error: failure && {
      code: failure.code,
      kind: failure.kind,
      message: failure.message,
      nextStep: failure.nextStep,
    },
    createdAt: run.createdAt.toISOString(),
    startedAt: run.startedAt?.toISOString() ?? null,
    finishedAt: run.finishedAt?.toISOString() ?? null,
    nextAttemptAt: run.state === 'queued' ? run.nextAttemptAt.toISOString() : null,
  }
}
