import { limit, type LimitsOf, minute } from '../limit-table.js'

/** What long work may take. */
export const jobLimitTable = {
  workers: limit(4, 'runs', 'at work on one server; each has a process of 20 to 250 MB'),
  runningPerOrganization: limit(2, 'runs', 'at work on all servers, so that none takes all the workers'),
  queuedPerOrganization: limit(500, 'runs', "waiting; more is a loop of somebody's"),
  maxRestarts: limit(3, 'restarts', 'because its server died; more, and it is what kills the server'),
  maxAttempts: limit(5, 'attempts', 'of what nobody waits for, when it fails for a reason that passes'),
  retryMs: limit(10_000, 'ms', 'before the second attempt; four times as long before each further one'),
  maxRetryMs: limit(640_000, 'ms', 'before any attempt'),
  waitMs: limit(minute, 'ms', 'a request waits so long for its run; most proxies wait no longer'),
  pollMs: limit(2_000, 'ms', 'between two looks at what was missed'),
  progressMs: limit(500, 'ms', 'progress is written this often at most'),
  stopMs: limit(5_000, 'ms', "for what is at work when the server stops; then it is another server's"),
  keptDays: limit(30, 'days', 'after the end of a run'),
  leastScheduleMs: limit(5 * minute, 'ms', 'between two runs of one schedule; a manifest may propose what it likes'),
  putOffMs: limit(5 * minute, 'ms', 'before a schedule is looked at again that could not be begun; others go on'),
  failuresToTell: limit(3, 'failures', 'of an action in a row, after which an admin is told'),
} as const

export type JobLimits = LimitsOf<typeof jobLimitTable>
