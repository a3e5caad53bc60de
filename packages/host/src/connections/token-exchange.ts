import { isJsonObject, TenonError, type ConnectionGrant, type JsonObject } from '@tenon/contract'
import type { EgressRequest } from '../egress/index.js'

/** A token response has some hundred bytes; a person waits for it. */
export const tokenLimits = { timeoutMs: 15_000, maxBodyBytes: 64 * 1024 }

interface TokenRequest {
  provider: string
  grant: ConnectionGrant
  fetch: typeof fetch
}

/**
 * Exchanges an authorization code (RFC 6749, 4.1.3) and answers the provider's whole token response.
 *
 * @throws TenonError OAUTH_EXCHANGE_FAILED with the provider's own error word; its text is never passed on.
 */
export function exchangeCode({
  code,
  redirectUri,
  verifier,
  ...request
}: TokenRequest & { code: string; redirectUri: string; verifier?: string | undefined }): Promise<JsonObject> {
  return requestTokens(request, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    ...(verifier === undefined ? {} : { code_verifier: verifier }),
  })
}

/**
 * Renews tokens (RFC 6749, 6).
 *
 * @throws TenonError OAUTH_EXCHANGE_FAILED; its detail `refused` says that trying again will not help
 */
export function refreshTokens({
  refreshToken,
  ...request
}: TokenRequest & { refreshToken: string }): Promise<JsonObject> {
  return requestTokens(request, { grant_type: 'refresh_token', refresh_token: refreshToken })
}

async function requestTokens(
  { provider, grant, fetch }: TokenRequest,
  parameters: Record<string, string>,
): Promise<JsonObject> {
  const refuse = (reason: string, { cause, refused }: { cause?: unknown; refused?: boolean } = {}): never => {
    throw new TenonError('OAUTH_EXCHANGE_FAILED', { provider, reason, ...(refused ? { refused } : {}) }, { cause })
  }
  const request: EgressRequest & RequestInit = {
    method: 'POST',
    // The client secret is for the address that the operator named and for no other.
    redirect: 'error',
    ...tokenLimits,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({
      client_id: grant.clientId,
      client_secret: grant.clientSecret,
      ...parameters,
    }).toString(),
  }
  const response = await fetch(grant.tokenUrl, request).catch((cause: unknown) =>
    refuse(`it cannot be reached (${messageOf(cause)})`, { cause }),
  )
  const answer: unknown = await response.json().catch((cause: unknown) => refuse('its answer is not JSON', { cause }))
  if (!isJsonObject(answer)) return refuse('its answer is not an object')
  // Some providers say with status 200 that it failed: { ok: false, error: "invalid_code" }.
  if (!response.ok || answer['ok'] === false || typeof answer['error'] === 'string') {
    const word = errorWord(answer['error'])
    return refuse(word ?? `status ${response.status}`, { refused: isFinal(response.status, word) })
  }
  return answer
}

/** What is the operator's to set right, or passes by itself, is not the person's sign-in. */
const notOfThePerson = new Set([
  'invalid_client',
  'unauthorized_client',
  'temporarily_unavailable',
  'server_error',
  'ratelimited',
])

function isFinal(status: number, word: string | undefined): boolean {
  return status < 500 && status !== 429 && !notOfThePerson.has(word ?? '')
}

/** The error word of a provider is shown to people; anything that is not a plain word is not. */
function errorWord(error: unknown): string | undefined {
  return typeof error === 'string' && /^[a-z0-9_.-]{1,80}$/i.test(error) ? error : undefined
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
