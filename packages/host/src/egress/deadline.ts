/** A signal that fires when time is over, or when a larger deadline fires. Clear it when the work is done. */
export interface Deadline {
  signal: AbortSignal
  clear: () => void
}

/**
 * `AbortSignal.any([AbortSignal.timeout(…), …])` says the same in fewer words, but Node 20 may collect its timer as
 * garbage, and then it never fires.
 */
export function startDeadline(timeoutMs: number, larger?: AbortSignal): Deadline {
  const controller = new AbortController()
  const end = (): void => controller.abort(new DOMException('The time is over', 'TimeoutError'))
  const timer = setTimeout(end, timeoutMs).unref()
  larger?.addEventListener('abort', end)
  if (larger?.aborted === true) end()
  return {
    signal: controller.signal,
    clear() {
      clearTimeout(timer)
      larger?.removeEventListener('abort', end)
    },
  }
}
