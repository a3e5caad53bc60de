import type { UploadStore } from './upload-store.js'

/** Looks for files that are too old, now and then, on every server. */
export function createUploadSweeper({
  store,
  sweepMs,
  log,
}: {
  store: Pick<UploadStore, 'sweep'>
  sweepMs: number
  log: (event: string, fields: Record<string, unknown>) => void
}): { start(): void; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined
  let sweeping: Promise<void> | undefined
  const sweep = (): void => {
    sweeping ??= store
      .sweep()
      .catch((error: unknown) => log('upload-sweep-failed', { reason: String(error) }))
      .finally(() => (sweeping = undefined))
  }
  return {
    start() {
      sweep()
      timer = setInterval(sweep, sweepMs)
    },
    async stop() {
      clearInterval(timer)
      await sweeping
    },
  }
}
