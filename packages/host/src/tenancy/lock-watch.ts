import { TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import type { RolePools } from './role-pools.js'

interface LockWatchOptions {
  pool: Pool
  pools: Pick<RolePools, 'heldFor' | 'terminate' | 'processesAtWork'>
  /** Ends a session of a plugin role that another replica has opened. */
  terminateBackend: (role: string, processId: number) => Promise<void>
  patienceMs: number
  /** Of one connection. All sessions of a server share one table of locks. */
  maxLocks: number
}

/** How often it looks, as a part of the patience: what others wait altogether is little more than the patience. */
const looksPerPatience = 4

/**
 * Sees to it that nobody waits for a plugin: a transaction that keeps a lock on rows or tables of the host, or of another
 * plugin, is ended when somebody else has waited for it for `patienceMs`. Reading a table is enough to hold up a
 * migration of it, so a limit of time for transactions alone would let one plugin hold up everybody for that long. The
 * server is asked only while a connection of a plugin has been in use for a while. What has taken more than `maxLocks` is
 * ended, too, though nobody waits for it: where a server has no room for locks left, everybody else gets errors at once.
 */
export function createLockWatch({ pool, pools, terminateBackend, patienceMs, maxLocks }: LockWatchOptions): {
  stop(): void
} {
  const reason = new TenonError('TRANSACTION_IN_THE_WAY', { seconds: patienceMs / 1000 })
  const tooMany = new TenonError('TOO_MANY_LOCKS', { limit: maxLocks })
  let looking = false

  /** Asks for nothing that needs a lock of the table which may be full: no shared catalog. */
  async function lookForMany(): Promise<void> {
    const { rows } = await pool.query<{ pid: number }>(
      'SELECT pid FROM pg_locks WHERE pid = ANY ($1) GROUP BY pid HAVING count(*) > $2',
      [pools.processesAtWork(), maxLocks],
    )
    for (const { pid } of rows) pools.terminate(pid, tooMany)
  }

  async function look(): Promise<void> {
    const { rows } = await pool.query<{ role: string; pid: number }>(BLOCKERS, [patienceMs])
    for (const { role, pid } of rows) {
      if (!pools.terminate(pid, reason)) await terminateBackend(role, pid)
    }
  }

  const timer = setInterval(() => {
    if (looking || !pools.heldFor(patienceMs / 2)) return
    looking = true
    lookForMany()
      .then(look)
      // The next look is not far away.
      .catch(() => {})
      .finally(() => (looking = false))
  }, patienceMs / looksPerPatience)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

const BLOCKERS = `
  SELECT DISTINCT holder.usename AS role, holder.pid
  FROM pg_locks wanted
  JOIN pg_stat_activity waiter ON waiter.pid = wanted.pid
  CROSS JOIN LATERAL unnest(pg_blocking_pids(wanted.pid)) AS blocking (pid)
  JOIN pg_stat_activity holder ON holder.pid = blocking.pid
  JOIN tenon.plugin_roles r ON r.role = holder.usename
  WHERE NOT wanted.granted AND wanted.waitstart < clock_timestamp() - make_interval(secs => $1 / 1000.0)
    AND waiter.usename IS DISTINCT FROM holder.usename`
