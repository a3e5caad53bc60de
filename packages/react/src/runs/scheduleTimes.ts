/** What people choose of a schedule; the host knows it as five fields. */
export interface ScheduleTimes {
  every: 'hour' | 'day' | 'week' | 'own'
  /** `HH:MM`; of an hour only the minute counts. */
  time: string
  /** 0 is Sunday. */
  weekday: number
  /** For `own`: the five fields. */
  cron: string
}

export const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const

const two = (value: number | string): string => String(value).padStart(2, '0')

/** What somebody would have chosen to get these fields. */
export function timesOf(cron: string): ScheduleTimes {
  const [minute = '', hour = '', day, month, weekday = ''] = cron.trim().split(/\s+/)
  const base = { time: '03:00', weekday: 1, cron }
  const isSimple = /^\d{1,2}$/.test(minute) && day === '*' && month === '*'
  if (!isSimple || (hour !== '*' && !/^\d{1,2}$/.test(hour))) return { ...base, every: 'own' }
  const time = `${two(hour === '*' ? 0 : hour)}:${two(minute)}`
  if (hour === '*') return weekday === '*' ? { ...base, every: 'hour', time } : { ...base, every: 'own' }
  if (weekday === '*') return { ...base, every: 'day', time }
  return /^[0-7]$/.test(weekday)
    ? { ...base, every: 'week', time, weekday: Number(weekday) % 7 }
    : { ...base, every: 'own' }
}

/** The five fields of what was chosen. */
export function cronOf({ every, time, weekday, cron }: ScheduleTimes): string {
  if (every === 'own') return cron.trim()
  const [hour = 0, minute = 0] = time.split(':').map(Number)
  if (every === 'hour') return `${minute} * * * *`
  return every === 'day' ? `${minute} ${hour} * * *` : `${minute} ${hour} * * ${weekday}`
}
