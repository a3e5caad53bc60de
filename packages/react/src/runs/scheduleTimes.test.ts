import { describe, expect, it } from 'vitest'
import { describeSchedule } from '../plugins/schedule.js'
import { cronOf, timesOf } from './scheduleTimes.js'

describe('a schedule', () => {
  it.each([
    ['17 * * * *', 'hour', 'every hour'],
    ['30 3 * * *', 'day', 'every day at 03:30 UTC'],
    ['5 14 * * 1', 'week', 'every Monday at 14:05 UTC'],
    ['5 14 * * 7', 'week', 'every Sunday at 14:05 UTC'],
  ])('of %s is a choice of every %s, and reads "%s"', (cron, every, words) => {
    expect(timesOf(cron).every).toBe(every)
    expect(describeSchedule(cron)).toBe(words)
  })

  it.each(['*/10 * * * *', '0 3 1 * *', '0 3 * 6 *', '0 3 * * 1-5', '0 1,13 * * *', '5 * * * 1', 'nonsense'])(
    'of %s stays as it is written',
    (cron) => {
      expect(timesOf(cron).every).toBe('own')
      expect(cronOf(timesOf(cron))).toBe(cron)
    },
  )

  it.each([
    ['*/30 * * * *', 'every 30 minutes'],
    ['*/5 * * * *', 'every 5 minutes'],
    ['*/7 * * * *', 'at the times */7 * * * *'],
    ['*/1 * * * *', 'at the times */1 * * * *'],
    ['*/60 * * * *', 'at the times */60 * * * *'],
  ])('of %s reads "%s"', (cron, words) => {
    expect(describeSchedule(cron)).toBe(words)
  })

  it('becomes the fields that it was read from', () => {
    for (const cron of ['17 * * * *', '30 3 * * *', '0 0 * * *', '5 14 * * 1']) expect(cronOf(timesOf(cron))).toBe(cron)
  })

  it('says the time zone that its times are in', () => {
    expect(describeSchedule('30 3 * * *', 'Europe/Berlin')).toBe('every day at 03:30 Europe/Berlin')
  })
})
