/** Every limit of long work. */
export interface JobLimits {
  /** Runs at work on one server. Each has a process of 20 to 250 MB. */
  workers: number
  /** Runs at work of one organization, on all servers, so that none takes all the workers. */
  runningPerOrganization: number
  /** Runs of one organization that wait; more is a loop of somebody's. */
  queuedPerOrganization: number
  /** How often a run begins anew because its server died; more, and it is what kills the server. */
  maxRestarts: number
  /** Attempts of what nobody waits for, when it fails for a reason that passes. */
  maxAttempts: number
  /** Before the second, third, … attempt, in milliseconds. */
  retryDelaysMs: readonly number[]
  /** A request waits so long for its run, in milliseconds; most proxies wait no longer. */
  waitMs: number
  /** Between two looks at what was missed, in milliseconds. */
  pollMs: number
  /** Progress is written this often at most, in milliseconds. */
  progressMs: number
  /** What is at work when the server stops gets this long, in milliseconds; then it is another server's. */
  stopMs: number
  /** Days for which a run is kept after its end. */
  keptDays: number
  /** Between two runs of one schedule, in milliseconds; a manifest may propose what it likes. */
  leastScheduleMs: number
  /** Failed runs of an action in a row, after which an admin is told. */
  failuresToTell: number
}

export const defaultJobLimits: JobLimits = {
  workers: 4,
  runningPerOrganization: 2,
  queuedPerOrganization: 500,
  maxRestarts: 3,
  maxAttempts: 5,
  retryDelaysMs: [10_000, 40_000, 160_000, 640_000],
  waitMs: 60_000,
  pollMs: 2_000,
  progressMs: 500,
  stopMs: 5_000,
  keptDays: 30,
  leastScheduleMs: 5 * 60_000,
  failuresToTell: 3,
}
