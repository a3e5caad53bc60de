import type { Run, RunState } from './run.repository.js'

/** From less than this nobody can tell how long the rest takes. */
const leastElapsedMs = 2_000

/** How long a run still takes at the pace it has had, in milliseconds; undefined when that cannot be told. */
export function timeLeft({ state, progress, startedAt }: Run, now: number): number | undefined {
  if (state !== 'running' || !progress?.total || startedAt === null) return undefined
  const { done, total } = progress
  const elapsed = now - Date.parse(startedAt)
  if (done <= 0 || done >= total || elapsed < leastElapsedMs) return undefined
  return (elapsed / done) * (total - done)
}

/** How much is done, of a hundred; undefined when the plugin does not say of how much. */
export function percentDone({ progress }: Run): number | undefined {
  if (!progress?.total || progress.total <= 0) return undefined
  return Math.min(100, Math.max(0, (progress.done / progress.total) * 100))
}

/** What a run does just now, in the words of its plugin, or in numbers. */
export function wordsOfProgress({ state, cancelling, progress, error, nextAttemptAt }: Run): string {
  if (cancelling) return 'Stopping…'
  if (state === 'queued') {
    return error && nextAttemptAt
      ? `Failed for now, tries again at ${new Date(nextAttemptAt).toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' })}`
      : 'Waiting for its turn'
  }
  const { done = 0, total = null, message = null } = progress ?? {}
  const count = total === null ? '' : `${done.toLocaleString('en')} of ${total.toLocaleString('en')}`
  return [message, count].filter(Boolean).join(' · ') || 'Working…'
}

/** How long a run took, or has taken until now, in milliseconds; undefined before it began. */
export function durationOf({ startedAt, finishedAt }: Run, now: number): number | undefined {
  if (startedAt === null) return undefined
  return Math.max(0, (finishedAt === null ? now : Date.parse(finishedAt)) - Date.parse(startedAt))
}

/** `4 s`, `3 min 20 s`, `2 h 5 min` */
export function wordsOfTime(ms: number): string {
  if (ms < 1_000) return 'less than a second'
  const seconds = Math.round(ms / 1_000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`
  const hours = Math.floor(minutes / 60)
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

/** `less than a minute left`: nobody believes seconds. */
export function wordsOfTimeLeft(ms: number): string {
  if (ms < 10_000) return 'a few seconds left'
  if (ms < 60_000) return 'less than a minute left'
  const minutes = Math.ceil(ms / 60_000)
  return minutes < 90 ? `about ${minutes} min left` : `about ${Math.round(minutes / 60)} h left`
}

const stateWords: Record<RunState, string> = {
  queued: 'Waiting',
  running: 'Running',
  succeeded: 'Done',
  failed: 'Failed',
  cancelled: 'Cancelled',
}

export function wordOfState({ state, cancelling }: Run): string {
  return cancelling && (state === 'running' || state === 'queued') ? 'Stopping' : stateWords[state]
}

/** The numbers of what a run did, in words; at most so many of them. */
export function wordsOfCounts({ counts }: Pick<Run, 'counts'>, most = 4): string[] {
  return Object.entries(counts)
    .filter(([, count]) => count !== 0)
    .slice(0, most)
    .map(([name, count]) => `${wordsOfName(name)}: ${count.toLocaleString('en')}`)
}

/** `modelCount` and `model_count` as people say it. */
function wordsOfName(name: string): string {
  const words = name
    .replaceAll(/([a-z])([A-Z])/g, '$1 $2')
    .replaceAll('_', ' ')
    .toLowerCase()
    .trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}

/** What came of a run, in one sentence. */
export function sentenceOfOutcome(run: Run): string {
  const { state, error, result, kind } = run
  if (state === 'cancelled') return 'It was stopped.'
  if (state === 'failed') return error?.message ?? 'It failed.'
  const message = typeof result === 'object' && result !== null ? (result as { message?: unknown }).message : undefined
  if (typeof message === 'string' && message !== '') return message
  return wordsOfCounts(run).join(', ') || (kind === 'install' ? 'It is installed.' : 'Done')
}
