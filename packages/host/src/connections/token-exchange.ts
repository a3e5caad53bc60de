import { isJsonObject, TenonError, type ConnectionGrant, type JsonObject } from '@tenon/contract'
import type { EgressRequest } from '../egress/index.js'

/** A token response has some hundred bytes; a person waits for it. */
const limits = { timeoutMs: 15_000, maxBodyBytes: 64 * 1024 }

interface ExchangeRequest {
  provider: string
  grant: ConnectionGrant
  code: string
  redirectUri: string
  fetch: typeof fetch
}

/**
 * Exchanges an authorization code (RFC 6749, 4.1.3) and answers the provider's whole token response.
 *
 * @throws TenonError OAUTH_EXCHANGE_FAILED with the provider's own error word; its text is never passed on.
 */
export async function exchangeCode({
  provider,
  grant,
  code,
  redirectUri,
  fetch,
}: ExchangeRequest): Promise<JsonObject> {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new TenonError('OAUTH_EXCHANGE_FAILED', { provider, reason }, { cause })
  }
  const request: EgressRequest & RequestInit = {
    method: 'POST',
    // The client secret is for the address that the operator named and for no other.
    redirect: 'error',
    ...limits,
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: grant.clientId,
      client_secret: grant.clientSecret,
      code,
      redirect_uri: redirectUri,
    }).toString(),
  }
  const response = await fetch(grant.tokenUrl, request).catch((cause: unknown) =>
    refuse(`it cannot be reached (${messageOf(cause)})`, cause),
  )
  const answer: unknown = await response.json().catch((cause: unknown) => refuse('its answer is not JSON', cause))
  if (!isJsonObject(answer)) return refuse('its answer is not an object')
  // Some providers say with status 200 that it failed: { ok: false, error: "invalid_code" }.
  if (!response.ok || answer['ok'] === false || typeof answer['error'] === 'string') {
    return refuse(errorWord(answer['error']) ?? `status ${response.status}`)
  }
  return answer
}

/** The error word of a provider is shown to people; anything that is not a plain word is not. */
function errorWord(error: unknown): string | undefined {
  return typeof error === 'string' && /^[a-z0-9_.-]{1,80}$/i.test(error) ? error : undefined
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
