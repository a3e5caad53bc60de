import { TenonError } from '@tenon/contract'
import type { Request } from 'express'
import type { Pool } from 'pg'
import { RateLimiterPostgres, RateLimiterRes } from 'rate-limiter-flexible'

const windowSeconds = 60 * 60

/** Counts one install of the address that a request comes from (S82). */
export type CountInstall = (request: Request) => Promise<void>

/**
 * The limit on installs, held in the database so that all replicas count together (D-35).
 *
 * @throws TenonError INSTALL_LIMIT, with the seconds until the next install is possible.
 */
export async function createInstallLimit({ pool, perHour }: { pool: Pool; perHour: number }): Promise<CountInstall> {
  const limiter = await new Promise<RateLimiterPostgres>((resolve, reject) => {
    const created: RateLimiterPostgres = new RateLimiterPostgres(
      {
        storeClient: pool,
        schemaName: 'tenon',
        tableName: 'rate_limits',
        keyPrefix: 'install',
        points: perHour,
        duration: windowSeconds,
      },
      (error?: Error) => (error ? reject(error) : resolve(created)),
    )
  })
  return async (request) => {
    try {
      await limiter.consume(request.ip ?? 'unknown')
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error
      throw new TenonError('INSTALL_LIMIT', { seconds: Math.ceil(error.msBeforeNext / 1_000) })
    }
  }
}
