let ignoring = false

/**
 * SIGUSR1 opens Node's inspector, and any process of the same user may send it. A listener takes its place, so that a
 * child which got out of everything else cannot become the host.
 */
export function ignoreInspectorSignal(): void {
  if (ignoring || process.platform === 'win32') return
  ignoring = true
  process.on('SIGUSR1', () => undefined)
}
