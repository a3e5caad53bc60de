import { TenonError } from '@tenon/contract'
import { Cron } from 'croner'

export interface CronTimes {
  /** Five fields: minute, hour, day of month, month, day of week. */
  cron: string
  /** A name such as `Europe/Berlin`. */
  timeZone: string
}

const looked = 20
const minuteMs = 60_000
const nearMs = 3 * 60 * minuteMs

/**
 * The first time after `from`. While a clock is put back, a pattern of every hour, or of every so many, also comes in the time that
 * is repeated; what names its hour comes once.
 *
 * @throws TenonError VALIDATION_FAILED for an expression that cannot be read, or that never comes
 */
export function nextTime({ cron, timeZone }: CronTimes, from: Date): Date {
  const times = parse({ cron, timeZone })
  const repeated = repeatedTime(timeZone, from.getTime())
  const near = repeated && nextNear(cron, repeated, from.getTime())
  const next = near ?? nextRun(times, repeated ? new Date(Math.max(repeated.endsAt, from.getTime())) : from)
  if (!next) throw new TenonError('VALIDATION_FAILED', { message: `cron: "${cron}" never comes`, field: 'cron' })
  return next
}

/** Null when it never comes: of a day that none of several months has, the library does not see the end. */
function nextRun(times: Cron, from: Date): Date | null {
  try {
    return times.nextRun(from)
  } catch (error) {
    if (error instanceof RangeError) return null
    throw error
  }
}

/** @throws TenonError VALIDATION_FAILED when two of the next times are closer than `leastMs`. */
export function assertNotTooOften(times: CronTimes, leastMs: number): void {
  let last = nextTime(times, new Date())
  for (let seen = 1; seen < looked; seen += 1) {
    const next = nextTime(times, last)
    if (next.getTime() - last.getTime() < leastMs) throw tooOften(leastMs)
    last = next
  }
}

function tooOften(leastMs: number): TenonError {
  const message = `cron: must leave at least ${Math.round(leastMs / 60_000)} minutes between two runs`
  return new TenonError('VALIDATION_FAILED', { message, field: 'cron' })
}

/** Of a clock that is put back: the second time that it shows the same. */
interface RepeatedTime {
  /** Milliseconds since 1970. */
  beginsAt: number
  endsAt: number
  /** From UTC to what the clock shows, in milliseconds. */
  offsetBefore: number
  offsetAfter: number
}

/** The one that begins or goes on within three hours, which is more than any clock is put back. */
function repeatedTime(timeZone: string, from: number): RepeatedTime | undefined {
  const offsetAt = offsetsOf(timeZone)
  let earlier = Math.floor((from - nearMs) / minuteMs) * minuteMs
  let later = Math.ceil((from + nearMs) / minuteMs) * minuteMs
  const [offsetBefore, offsetAfter] = [offsetAt(earlier), offsetAt(later)]
  if (offsetBefore <= offsetAfter) return undefined
  while (later - earlier > minuteMs) {
    const middle = earlier + Math.floor((later - earlier) / 2 / minuteMs) * minuteMs
    if (offsetAt(middle) === offsetBefore) earlier = middle
    else later = middle
  }
  return { beginsAt: later, endsAt: later + offsetBefore - offsetAfter, offsetBefore, offsetAfter }
}

/** Minute by minute, up to the end of what is repeated: there a time of the clock does not say which one it is. */
function nextNear(cron: string, repeated: RepeatedTime, from: number): Date | undefined {
  const clock = new Cron(cron, { timezone: 'UTC', mode: '5-part', paused: true })
  const isEveryHour = cron.trim().split(/\s+/)[1]?.startsWith('*') ?? false
  for (let at = (Math.floor(from / minuteMs) + 1) * minuteMs; at <= repeated.endsAt; at += minuteMs) {
    const isRepeated = at >= repeated.beginsAt && at < repeated.endsAt
    const offset = at < repeated.beginsAt ? repeated.offsetBefore : repeated.offsetAfter
    if ((isEveryHour || !isRepeated) && clock.match(new Date(at + offset))) return new Date(at)
  }
  return undefined
}

/** From UTC to what a clock there shows, in milliseconds. */
function offsetsOf(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' })
  return (at) => {
    const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? ''
    const [, sign = '+', hours = 0, minutes = 0] = /([+-])(\d+):(\d+)/.exec(name) ?? []
    return Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * minuteMs
  }
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
