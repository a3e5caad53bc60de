/** The common times of a schedule in words; others as they are written. */
export function describeSchedule(cron: string): string {
  const [minute = '', hour = '', day, month, weekday] = cron.split(' ')
  const everyDay = day === '*' && month === '*' && weekday === '*'
  const two = (value: string): string => value.padStart(2, '0')
  if (everyDay && /^\d+$/.test(minute) && hour === '*') return 'every hour'
  if (everyDay && /^\d+$/.test(minute) && /^\d+$/.test(hour)) return `every day at ${two(hour)}:${two(minute)} UTC`
  return `at the times ${cron}`
}
