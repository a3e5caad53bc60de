import dayjs from 'dayjs'
import relativeTime from 'dayjs/plugin/relativeTime.js'

dayjs.extend(relativeTime)

/** "3 hours ago" */
export function ago(moment: string | Date): string {
  return dayjs(moment).fromNow()
}

/** "22 Nov 2026" */
export function date(moment: string | Date): string {
  return dayjs(moment).format('D MMM YYYY')
}
