import type { PlatformMigration } from '@tenon/host'

/** Sessions that a person ended before their tokens ran out. */
export const endedSessionsMigration: PlatformMigration = {
  name: '1009-ended-sessions',
  async up(client) {
    await client.query('CREATE TABLE public.ended_sessions (sid uuid PRIMARY KEY, expires_at timestamptz NOT NULL)')
  },
  async down(client) {
    await client.query('DROP TABLE public.ended_sessions')
  },
}
