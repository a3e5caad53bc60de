import { TenonError } from '@tenon/contract'
import { Cron } from 'croner'

export interface CronTimes {
  /** Five fields: minute, hour, day of month, month, day of week. */
  cron: string
  /** A name such as `Europe/Berlin`. */
  timeZone: string
}

const looked = 20

/**
 * The first time after `from`.
 *
 * @throws TenonError VALIDATION_FAILED for an expression that cannot be read, or that never comes
 */
export function nextTime({ cron, timeZone }: CronTimes, from: Date): Date {
  const next = parse({ cron, timeZone }).nextRun(from)
  if (!next) throw new TenonError('VALIDATION_FAILED', { message: `cron: "${cron}" never comes`, field: 'cron' })
  return next
}

/** @throws TenonError VALIDATION_FAILED when two of the next times are closer than `leastMs`. */
export function assertNotTooOften(times: CronTimes, leastMs: number): void {
  const runs = parse(times).nextRuns(looked)
  const tooClose = runs.some((run, index) => index > 0 && run.getTime() - (runs[index - 1]?.getTime() ?? 0) < leastMs)
  if (!tooClose) return
  const message = `cron: must leave at least ${Math.round(leastMs / 60_000)} minutes between two runs`
  throw new TenonError('VALIDATION_FAILED', { message, field: 'cron' })
}

function parse({ cron, timeZone }: CronTimes): Cron {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch {
    throw new TenonError('VALIDATION_FAILED', {
      message: `timeZone: "${timeZone}" is not the name of a time zone such as Europe/Berlin`,
      field: 'timeZone',
    })
  }
  try {
    return new Cron(cron, { timezone: timeZone, mode: '5-part', paused: true })
  } catch (cause) {
    const message = `cron: "${cron}" is not five fields such as "30 3 * * *"`
    throw new TenonError('VALIDATION_FAILED', { message, field: 'cron' }, { cause })
  }
}
