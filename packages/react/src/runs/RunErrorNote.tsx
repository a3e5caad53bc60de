import type { RunErrorKind } from '@tenon/contract'
import { Badge, type Tone } from '../plugins/StatusBadge.js'
import type { RunError } from './run.repository.js'

/** Whose turn it is after a failure. */
const kindWords: Record<RunErrorKind, [tone: Tone | 'warn', word: string]> = {
  configuration: ['warn', 'Something to set right'],
  transient: ['note', 'Passes by itself'],
  plugin: ['bad', 'Mistake of the plugin'],
  platform: ['bad', 'Mistake of the platform'],
}

/**
 * Why a run failed, whose turn it is, and what to do.
 *
 * @example {run.error && <RunErrorNote error={run.error} />}
 * @since 0.1.0
 */
export function RunErrorNote({ error: { kind, message, nextStep } }: { error: RunError }) {
  const [tone, word] = kindWords[kind]
  return (
    <div className="tn-run-error">
      <p>{message}</p>
      <p className="tn-run-next">
        <Badge tone={tone}>{word}</Badge> {nextStep}
      </p>
    </div>
  )
}
