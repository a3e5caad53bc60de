import type { PlatformMigration } from '@tenon/host'

/** Counters of sign-in attempts, shared by all replicas; the columns are those of rate-limiter-flexible. */
export const requestLimitsMigration: PlatformMigration = {
  name: '1005-request-limits',
  async up(client) {
    await client.query(
      'CREATE TABLE public.request_limits (key varchar(255) PRIMARY KEY, points integer NOT NULL DEFAULT 0, expire bigint)',
    )
  },
  async down(client) {
    await client.query('DROP TABLE public.request_limits')
  },
}
