/** What can be measured alone, with `--only`. */
export const measurementNames = [
  'loading',
  'rows',
  'file',
  'notifications',
  'memory',
  'sandbox',
  'client',
  'sync',
  'template',
] as const

export type MeasurementName = (typeof measurementNames)[number]
