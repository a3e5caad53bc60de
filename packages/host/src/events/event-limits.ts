import { limit, type LimitsOf, minute } from '../limit-table.js'

/** What the delivery of events may take. */
export const eventLimitTable = {
  plugins: limit(12, 'plugins', 'of all organizations that events are delivered to at the same moment, on one server'),
  pluginsPerOrganization: limit(3, 'plugins', 'of one organization, so that its flood leaves room for others'),
  eventsPerPlugin: limit(4, 'events', 'under way at the same moment: half of its calls, the rest is for people'),
  maxAttempts: limit(6, 'attempts', 'for a reason that passes; then it has failed'),
  retryMs: limit(5_000, 'ms', 'before the second attempt; four times as long before each further one'),
  maxRetryMs: limit(20 * minute, 'ms', 'before any attempt'),
  maxPutOffMs: limit(
    24 * 60 * minute,
    'ms',
    'that a service may put an event off; then its failures count as any other',
  ),
  longestDeliveryMs: limit(
    150_000,
    'ms',
    'then it is cut off and tried again; longer than a place, a start, a load, a turn and the call take by default',
  ),
  cutOffMs: limit(3_500, 'ms', 'to notice that: for tidying up, and for finding out whether the plugin still answers'),
  claimMarginMs: limit(
    30_000,
    'ms',
    'that a claim outlives all that: one that ends earlier would let two servers deliver',
  ),
  stopMs: limit(8_000, 'ms', 'for what is under way when the server stops'),
  pollMs: limit(2_000, 'ms', 'between two looks at what was missed and what is due again'),
  keptDays: limit(7, 'days', 'of an event that is done with'),
  keptFailedDays: limit(30, 'days', 'of one that failed, or whose subscribers could never be told'),
} as const

export type EventLimits = LimitsOf<typeof eventLimitTable>
