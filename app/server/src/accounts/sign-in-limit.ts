import { createHash } from 'node:crypto'
import { TenonError } from '@tenon/contract'
import type { Pool } from 'pg'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'

/** Attempts for one account from one address. */
const attemptsPerMinute = 10
const windowSeconds = 60

export interface SignInLimit {
  /** Counts one attempt. @throws TenonError LOGIN_LIMIT with the seconds to wait. */
  count(email: string, address: string): Promise<void>
}

/** Counted in the database, so that replicas share it. What is stored does not tell who tried to sign in. */
export function createSignInLimit({
  pool,
  attempts = attemptsPerMinute,
}: {
  pool: Pool
  attempts?: number
}): SignInLimit {
  const limiter = new RateLimiterPostgres({
    storeClient: pool,
    schemaName: 'public',
    tableName: 'request_limits',
    tableCreated: true,
    keyPrefix: 'sign-in',
    points: attempts,
    duration: windowSeconds,
    clearExpiredByTimeout: true,
  })
  return {
    async count(email, address) {
      const key = createHash('sha256')
        .update(JSON.stringify([email, address]))
        .digest('base64url')
      try {
        await limiter.consume(key)
      } catch (refused) {
        if (!(refused instanceof RateLimiterRes)) throw refused
        throw new TenonError('LOGIN_LIMIT', { seconds: Math.max(1, Math.ceil(refused.msBeforeNext / 1000)) })
      }
    },
  }
}
