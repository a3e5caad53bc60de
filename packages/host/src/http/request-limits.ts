import { limit, type LimitsOf } from '../limit-table.js'

/** What a request may bring. */
export const requestLimitTable = {
  maxBodyBytes: limit(10_000_000, 'bytes', 'of a JSON body, which is parsed while everybody else waits'),
  maxFormFields: limit(50, 'fields', 'beside the file of a form'),
  maxFormFieldBytes: limit(100_000, 'bytes', 'of each of them'),
} as const

export type RequestLimits = LimitsOf<typeof requestLimitTable>
