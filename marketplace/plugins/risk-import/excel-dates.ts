const DAYS_FROM_SERIAL_TO_1970 = 25_569
/** What a day of a workbook that counts from 1904 has more in one that counts from 1900. */
export const DAYS_FROM_1900_TO_1904 = 1_462
/** 9999-12-31 */
const LAST_SERIAL = 2_958_465
/** Excel believes that there was a 29 February 1900, so that days before it are off by one. */
const DAY_THAT_NEVER_WAS = 60
const DAY_MS = 86_400_000

/** The day that a number in a date column stands for, in UTC; undefined when it stands for none. */
export function dateOfSerial(serial: number, startsIn1904 = false): Date | undefined {
  const days = Math.floor(serial) + (startsIn1904 ? DAYS_FROM_1900_TO_1904 : 0)
  if (!(days >= 1 && days <= LAST_SERIAL) || days === DAY_THAT_NEVER_WAS) return undefined
  const missing = days < DAY_THAT_NEVER_WAS ? 1 : 0
  return new Date((days + missing - DAYS_FROM_SERIAL_TO_1970) * DAY_MS)
}

/** Numbers of Excel's own formats that show a day. */
const isBuiltInDate = (id: number): boolean =>
  (id >= 14 && id <= 17) || id === 22 || (id >= 27 && id <= 36) || (id >= 50 && id <= 58)

/** Excel takes 255. */
const MAX_FORMAT_CHARACTERS = 1_000

/** Whether a number with this format is shown as a day: not in quotes, brackets or behind a backslash, y and d or m. */
export function isDateFormat(id: number, code: string | undefined): boolean {
  if (code === undefined) return isBuiltInDate(id)
  const bare = code
    .slice(0, MAX_FORMAT_CHARACTERS)
    .replace(/"[^"]*"|\[[^\]]*\]|\\.|_.|\*./g, '')
    .toLowerCase()
  return /y|d/.test(bare) && !/general/.test(bare)
}
