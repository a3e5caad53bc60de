import type { Run } from '../run.repository.js'

/** A run for tests. */
export function aRun(change: Partial<Run>): Run {
  return {
    id: '0195d3a0-0000-7000-8000-000000000001',
    installationId: 7,
    pluginKey: 'any',
    kind: 'sync',
    action: 'sync',
    title: 'Sync models',
    state: 'queued',
    trigger: 'manual',
    cancelling: false,
    step: null,
    progress: null,
    counts: {},
    result: undefined,
    largeResult: null,
    error: null,
    attempts: 1,
    restartable: false,
    requestedBy: 1,
    createdAt: '2026-05-03T10:00:00.000Z',
    startedAt: null,
    finishedAt: null,
    nextAttemptAt: null,
    ...change,
  }
}
