import { timesOf, weekdays } from '../runs/scheduleTimes.js'

/** The common times of a schedule in words; others as they are written. */
export function describeSchedule(cron: string, timeZone = 'UTC'): string {
  const { every, time, weekday } = timesOf(cron)
  if (every === 'hour') return 'every hour'
  if (every === 'day') return `every day at ${time} ${timeZone}`
  return every === 'week' ? `every ${weekdays[weekday]} at ${time} ${timeZone}` : `at the times ${cron}`
}
