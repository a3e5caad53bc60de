import { momentOf } from '../api/momentOf.js'
import type { ProcessEnd } from './records.js'

/** What stands before the cause, by the reason that the server gives in one word. */
const words: Record<string, string> = {
  crash: 'It crashed',
  memory: 'It was ended, because it took too much memory',
  violation: 'It was ended, because it broke the rules',
  unresponsive: 'It was ended, because it did not answer',
  start: 'It could not be started',
  recycled: 'It was started afresh',
  deadline: 'It was started afresh',
  changed: 'It was started anew',
  stopped: 'It was stopped',
  'host-stop': 'It was stopped with its server',
}
const shown = 10

/** When and why processes of a plugin ended, the newest first; those without work are only counted. */
export function Restarts({ ends }: { ends: readonly ProcessEnd[] }) {
  const idle = ends.filter(({ reason }) => reason === 'idle').length
  const others = ends.filter(({ reason }) => reason !== 'idle')
  if (ends.length === 0) return null
  return (
    <section aria-label="Restarts">
      <h3>Restarts</h3>
      {others.length > 0 && (
        <ol className="tn-list">
          {others.slice(0, shown).map((end, index) => (
            <li key={`${end.at} ${index}`} className="tn-activity" data-crashed={end.crashed || undefined}>
              <span>{sentenceOf(end)}</span>
              <time className="tn-quiet" dateTime={end.at}>
                {momentOf(end.at)}
              </time>
            </li>
          ))}
        </ol>
      )}
      {idle > 0 && (
        <p className="tn-quiet">
          It was stopped {idle === 1 ? 'once' : `${idle} times`} because it had nothing to do. That is how it saves
          memory.
        </p>
      )}
    </section>
  )
}

function sentenceOf({ reason, crashed, cause }: ProcessEnd): string {
  return `${words[reason ?? ''] ?? (crashed ? 'It crashed' : 'It ended')}: ${cause}`
}
