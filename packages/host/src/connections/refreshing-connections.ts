import { setTimeout as sleep } from 'node:timers/promises'
import { isTenonError, TenonError, type JsonObject, type OperatorCeiling } from '@tenon/contract'
import type { ConnectionOwner, ConnectionStore, ConnectionTokens, TokenState } from './connection-store.js'
import { refreshTokens } from './token-exchange.js'

interface RefreshingOptions {
  store: ConnectionStore
  ceiling: OperatorCeiling
  fetch: typeof fetch
  log: (event: string, fields: Record<string, unknown>) => void
}

export interface RefreshingConnections extends ConnectionStore {
  /** Other tokens than these, which the service has just refused; the same when there are no others to be had. */
  renew(owner: ConnectionOwner, id: number, refused: ConnectionTokens): Promise<ConnectionTokens>
}

/** A token is renewed this long before it ends: a request on its way should still find it valid. */
const earlyMs = 60_000
/** Whoever renews has the row for so long; the exchange itself takes 15 s at most. */
const claimMs = 20_000
const lookMs = 50

/**
 * The store, whose tokens are renewed before they end: once, however many calls ask at the same moment on however many
 * servers. The row is the lock. When the service refuses, a person has to sign in again, and is told.
 */
export function createRefreshingConnections({ store, ceiling, fetch, log }: RefreshingOptions): RefreshingConnections {
  /** Of this server one call renews, and the others wait for it without asking the database. */
  const underWay = new Map<number, Promise<ConnectionTokens>>()

  async function open(owner: ConnectionOwner, id: number): Promise<ConnectionTokens> {
    const state = await store.tokenState(owner, id)
    assertAccepted(state)
    return isDue(state, owner) ? renewOnce(owner, id, state.tokens) : state.tokens
  }

  const isDue = ({ expiresAt, tokens }: TokenState, { pluginKey }: ConnectionOwner): boolean =>
    expiresAt !== null &&
    expiresAt.getTime() - Date.now() < earlyMs &&
    tokens.refreshToken !== undefined &&
    ceiling.connections?.[pluginKey] !== undefined

  function renewOnce(owner: ConnectionOwner, id: number, old: ConnectionTokens): Promise<ConnectionTokens> {
    const running = underWay.get(id)
    if (running) return running
    const work = renewInTurn(owner, id, old).finally(() => underWay.delete(id))
    underWay.set(id, work)
    return work
  }

  /** Renews, or waits for the server that does. */
  async function renewInTurn(owner: ConnectionOwner, id: number, old: ConnectionTokens): Promise<ConnectionTokens> {
    const giveUpAt = Date.now() + 2 * claimMs
    for (;;) {
      const claim = await store.claimRefresh(owner, id, claimMs)
      // Only now is it certain what there is to renew: somebody may have done it a moment ago.
      const state = await store.tokenState(owner, id)
      const isDone = state.tokens.accessToken !== old.accessToken
      if (claim && !isDone) return exchange(owner, id, state, claim)
      if (claim) await store.releaseRefresh(id, claim)
      assertAccepted(state)
      if (isDone) return state.tokens
      if (Date.now() > giveUpAt)
        throw new TenonError('SERVICE_FAILED', { message: 'The sign-in could not be renewed in time.' })
      await sleep(lookMs)
    }
  }

  async function exchange(
    owner: ConnectionOwner,
    id: number,
    { tokens, expiresAt, provider, account }: TokenState,
    claim: Date,
  ): Promise<ConnectionTokens> {
    const grant = ceiling.connections?.[owner.pluginKey]
    if (!grant || tokens.refreshToken === undefined)
      throw new TenonError('CONNECTION_NOT_CONFIGURED', { provider, missing: 'the connection' })
    let answer: JsonObject
    try {
      answer = await refreshTokens({ provider, grant, refreshToken: tokens.refreshToken, fetch })
    } catch (error) {
      if (isTenonError(error, 'OAUTH_EXCHANGE_FAILED') && error.details['refused'] === true) {
        log('connection-refused', { pluginKey: owner.pluginKey, provider, reason: String(error.details['reason']) })
        if (!(await store.markRefused(owner, id, claim))) return newerTokens(owner, id)
        throw new TenonError('CONNECTION_NEEDS_REAUTH', { provider, account: account.name })
      }
      await store.releaseRefresh(id, claim)
      // The service is away for the moment, and the token is good for some seconds more.
      if (expiresAt && expiresAt.getTime() > Date.now()) return tokens
      throw error
    }
    const renewed = { tokens: renewedTokens(tokens, answer), expiresAt: expiryOf(answer) }
    return (await store.saveTokens(owner, id, renewed, claim)) ? renewed.tokens : newerTokens(owner, id)
  }

  /** Of a sign-in that came while the old one was renewed: what that came to counts no more. */
  async function newerTokens(owner: ConnectionOwner, id: number): Promise<ConnectionTokens> {
    const state = await store.tokenState(owner, id)
    assertAccepted(state)
    return state.tokens
  }

  return {
    ...store,
    open,
    async renew(owner, id, refused) {
      const { tokens } = await store.tokenState(owner, id)
      if (tokens.accessToken !== refused.accessToken) return tokens
      if (tokens.refreshToken === undefined || !ceiling.connections?.[owner.pluginKey]) return tokens
      return renewOnce(owner, id, refused)
    },
  }
}

/** @throws TenonError CONNECTION_NEEDS_REAUTH */
function assertAccepted({ needsReauthSince, provider, account }: TokenState): void {
  if (needsReauthSince) throw new TenonError('CONNECTION_NEEDS_REAUTH', { provider, account: account.name })
}

/** A service that rotates refresh tokens sends another one; others go on with the first. */
function renewedTokens(old: ConnectionTokens, answer: JsonObject): ConnectionTokens {
  const text = (name: string) => (typeof answer[name] === 'string' ? answer[name] : undefined)
  const [accessToken, refreshToken] = [text('access_token'), text('refresh_token')]
  return {
    ...old,
    ...(accessToken === undefined ? {} : { accessToken }),
    ...(refreshToken === undefined ? {} : { refreshToken }),
  }
}

/** RFC 6749, 5.1: seconds, which some services send as text. Null where tokens do not end. */
export function expiryOf(answer: JsonObject): Date | null {
  const seconds = Number(answer['expires_in'] ?? Number.NaN)
  return Number.isFinite(seconds) && seconds > 0 && seconds < 1e9 ? new Date(Date.now() + seconds * 1_000) : null
}
