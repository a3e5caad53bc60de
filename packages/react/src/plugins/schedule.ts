import { timesOf, weekdays } from '../runs/scheduleTimes.js'

/** The common times of a schedule in words; others as they are written. */
export function describeSchedule(cron: string, timeZone = 'UTC'): string {
  const { every, time, weekday } = timesOf(cron)
  if (every === 'hour') return 'every hour'
  const minutes = Number(/^\*\/(\d+) \* \* \* \*$/.exec(cron)?.[1])
  // Others are not evenly apart: of 7, four minutes lie between the last one of an hour and the next.
  if (minutes > 1 && minutes < 60 && 60 % minutes === 0) return `every ${minutes} minutes`
  if (every === 'day') return `every day at ${time} ${timeZone}`
  return every === 'week' ? `every ${weekdays[weekday]} at ${time} ${timeZone}` : `at the times ${cron}`
}
