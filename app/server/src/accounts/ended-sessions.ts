import type { Pool } from 'pg'
import type { SessionClaims } from './sessions.js'

/** Tokens are good until they run out, wherever they were copied to; what people end is remembered for as long. */
export interface EndedSessions {
  end(session: Pick<SessionClaims, 'sid' | 'expire'>): Promise<void>
  has(sessionId: string): Promise<boolean>
}

export function createEndedSessions({ pool }: { pool: Pool }): EndedSessions {
  return {
    async end({ sid, expire }) {
      await pool.query(
        `WITH forgotten AS (DELETE FROM public.ended_sessions WHERE expires_at < now())
         INSERT INTO public.ended_sessions (sid, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING`,
        [sid, new Date(expire)],
      )
    },
    async has(sessionId) {
      const { rowCount } = await pool.query('SELECT FROM public.ended_sessions WHERE sid = $1', [sessionId])
      return rowCount === 1
    },
  }
}
