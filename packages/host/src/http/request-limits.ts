import { limit, type LimitsOf } from '../limit-table.js'

/** What a request may bring, and how long an answer that does not end goes without a look at who gets it. */
export const requestLimitTable = {
  maxBodyBytes: limit(10_000_000, 'bytes', 'of a JSON body, which is parsed while everybody else waits'),
  maxFormFields: limit(50, 'fields', 'beside the file of a form'),
  maxFormFieldBytes: limit(100_000, 'bytes', 'of each of them'),
  streamRecheckMs: limit(
    30_000,
    'ms',
    'how often an open stream of events asks again whether its reader may still read',
  ),
} as const

export type RequestLimits = LimitsOf<typeof requestLimitTable>
