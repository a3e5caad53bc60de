/** What can be measured alone, with `--only`; `loads` takes about twenty minutes, and is measured only so. */
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
  'loads',
] as const

export type MeasurementName = (typeof measurementNames)[number]
