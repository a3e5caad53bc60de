import { createHash, randomBytes } from 'node:crypto'
import { TenonError } from '@tenon/contract'
import type { Pool } from 'pg'

/** What a sign-in at another service is bound to (C9): nobody else can finish it, and nobody can finish it twice. */
export interface OAuthRoundTrip {
  organizationId: number
  userId: number
  sessionId: string
  pluginKey: string
  contributionId: string
  redirectUri: string
  /** The connection whose account signs in again. */
  connectionId?: number | undefined
}

export interface OAuthStates {
  /** Remembers the round trip and answers its `state`. */
  issue(roundTrip: OAuthRoundTrip): Promise<string>
  /**
   * Uses up a state.
   * @throws TenonError OAUTH_STATE_INVALID when it is unknown, used, older than ten minutes, or somebody else's.
   */
  consume(
    state: string,
    by: Pick<OAuthRoundTrip, 'organizationId' | 'userId' | 'sessionId' | 'pluginKey'>,
  ): Promise<OAuthRoundTrip>
}

const lifetimeMs = 10 * 60_000

export function createOAuthStates({ pool }: { pool: Pool }): OAuthStates {
  return {
    async issue(trip) {
      const state = randomBytes(32).toString('base64url')
      await pool.query('DELETE FROM tenon.oauth_states WHERE expires_at < now()')
      await pool.query(
        `INSERT INTO tenon.oauth_states
           (state_digest, organization_id, user_id, session_id, plugin_key, contribution_id, redirect_uri, expires_at, connection_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, now() + $8 * interval '1 millisecond', $9)`,
        [
          digestOf(state),
          trip.organizationId,
          trip.userId,
          trip.sessionId,
          trip.pluginKey,
          trip.contributionId,
          trip.redirectUri,
          lifetimeMs,
          trip.connectionId ?? null,
        ],
      )
      return state
    },

    async consume(state, by) {
      // The owner is part of the condition, so that a stranger's attempt does not use up the state of its owner.
      const { rows } = await pool.query<{
        contribution_id: string
        redirect_uri: string
        connection_id: number | null
      }>(
        `DELETE FROM tenon.oauth_states
         WHERE state_digest = $1 AND organization_id = $2 AND user_id = $3 AND session_id = $4 AND plugin_key = $5
           AND expires_at > now()
         RETURNING contribution_id, redirect_uri, connection_id`,
        [digestOf(state), by.organizationId, by.userId, by.sessionId, by.pluginKey],
      )
      const row = rows[0]
      if (!row) throw new TenonError('OAUTH_STATE_INVALID')
      return {
        ...by,
        contributionId: row.contribution_id,
        redirectUri: row.redirect_uri,
        connectionId: row.connection_id ?? undefined,
      }
    },
  }
}

const digestOf = (state: string): string => createHash('sha256').update(state).digest('base64url')
