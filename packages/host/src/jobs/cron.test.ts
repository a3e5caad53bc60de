import { describe, expect, test } from 'vitest'
import { assertNotTooOften, nextTime } from './cron.js'

/** What a schedule comes to between two times, each next time asked for as the one before begins. */
function timesOf(cron: string, timeZone: string, from: string, to: string): string[] {
  const times: string[] = []
  for (let at = new Date(from); ; times.push(at.toISOString().slice(8, 16))) {
    const next = nextTime({ cron, timeZone }, at)
    expect(next.getTime()).toBeGreaterThan(at.getTime())
    if (next.getTime() >= new Date(to).getTime()) return times
    at = next
  }
}

const autumn = ['2026-10-24T22:30Z', '2026-10-25T03:30Z'] as const
const spring = ['2026-03-28T23:30Z', '2026-03-29T03:30Z'] as const

describe('when the clock is put back', () => {
  test('what runs every hour runs in both of the two that have the same name', () => {
    const everyHour = ['24T23:00', '25T00:00', '25T01:00', '25T02:00', '25T03:00']
    expect(timesOf('0 * * * *', 'Europe/Berlin', ...autumn)).toEqual(everyHour)
    expect(timesOf('0 */1 * * *', 'Europe/Berlin', ...autumn)).toEqual(everyHour)
    expect(timesOf('0 * * * *', 'UTC', ...autumn)).toEqual(everyHour)
    expect(timesOf('0 * * * *', 'America/Santiago', '2026-04-05T00:30Z', '2026-04-05T05:30Z')).toEqual(
      [1, 2, 3, 4, 5].map((hour) => `05T0${hour}:00`),
    )
  })

  test('what runs every quarter of an hour leaves none out', () => {
    const times = timesOf('*/15 * * * *', 'Europe/Berlin', ...autumn)
    expect(times).toHaveLength(19)
    expect(times.slice(6, 14)).toEqual(
      ['00:15', '00:30', '00:45', '01:00', '01:15', '01:30', '01:45', '02:00'].map((time) => `25T${time}`),
    )
  })

  test('by half an hour, no more is repeated than that', () => {
    expect(timesOf('*/30 * * * *', 'Australia/Lord_Howe', '2026-04-04T13:40Z', '2026-04-04T16:40Z')).toEqual(
      ['14:00', '14:30', '15:00', '15:30', '16:00', '16:30'].map((time) => `04T${time}`),
    )
  })

  test('what runs at an hour of the day runs once', () => {
    const days = ['2026-10-23T12:00Z', '2026-10-26T12:00Z'] as const
    expect(timesOf('30 2 * * *', 'Europe/Berlin', ...days)).toEqual(['24T00:30', '25T00:30', '26T01:30'])
    expect(timesOf('0,30 2 * * *', 'Europe/Berlin', ...days)).toHaveLength(6)
  })

  test('the next time of what ran before is never one that has passed', () => {
    for (const from of ['2026-10-25T01:00Z', '2026-10-25T01:10Z', '2026-10-25T01:59:59Z'])
      expect(nextTime({ cron: '30 2 * * *', timeZone: 'Europe/Berlin' }, new Date(from)).toISOString()).toBe(
        '2026-10-26T01:30:00.000Z',
      )
  })

  test('a schedule of every five minutes is not too often', () => {
    expect(() => assertNotTooOften({ cron: '*/5 * * * *', timeZone: 'Europe/Berlin' }, 300_000)).not.toThrow()
    expect(() => assertNotTooOften({ cron: '*/4 * * * *', timeZone: 'Europe/Berlin' }, 300_000)).toThrow(/5 minutes/)
  })
})

describe('when the clock is put forward', () => {
  test('what runs every hour runs every hour', () => {
    const everyHour = ['29T00:00', '29T01:00', '29T02:00', '29T03:00']
    expect(timesOf('0 * * * *', 'Europe/Berlin', ...spring)).toEqual(everyHour)
    expect(timesOf('*/15 * * * *', 'Europe/Berlin', ...spring)).toHaveLength(15)
  })

  test('what runs within the hour that does not come runs once', () => {
    const days = ['2026-03-27T12:00Z', '2026-03-30T12:00Z'] as const
    expect(timesOf('30 2 * * *', 'Europe/Berlin', ...days)).toEqual(['28T01:30', '29T01:30', '30T00:30'])
  })
})

test.each(['0 0 31 2 *', '0 0 30 2 *', '0 0 31 2,4,6,9,11 *', '0 0 30,31 2 *'])(
  'says of %s that it never comes',
  (cron) => {
    for (const timeZone of ['UTC', 'Europe/Berlin'])
      expect(() => nextTime({ cron, timeZone }, new Date('2026-01-01T00:00Z'))).toThrow('never comes')
  },
)
