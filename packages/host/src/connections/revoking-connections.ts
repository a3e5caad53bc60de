import { isJsonObject, type OperatorCeiling } from '@tenon/contract'
import type { EgressRequest } from '../egress/index.js'
import type { Connection, ConnectionOwner, ConnectionStore, ConnectionTokens } from './connection-store.js'

interface RevokingOptions {
  store: ConnectionStore
  ceiling: OperatorCeiling
  fetch: typeof fetch
  log: (event: string, fields: Record<string, unknown>) => void
}

/** A person waits for it; the connection is gone in any case. */
const limits = { timeoutMs: 5_000, maxBodyBytes: 64 * 1024 }

/**
 * The store, which also takes back at the provider the tokens of what is removed from it (RFC 7009), where the operator
 * has named an address for that. At best effort: a provider that does not answer keeps nobody from disconnecting.
 */
export function createRevokingConnections({ store, ceiling, fetch, log }: RevokingOptions): ConnectionStore {
  async function revoke({ pluginKey }: ConnectionOwner, tokens: readonly string[]): Promise<void> {
    const grant = ceiling.connections?.[pluginKey]
    if (grant?.revokeUrl === undefined) return
    const { revokeUrl, clientId, clientSecret } = grant
    await Promise.all(
      tokens.map(async (token) => {
        const request: EgressRequest & RequestInit = {
          method: 'POST',
          redirect: 'error',
          ...limits,
          headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
          body: new URLSearchParams({ token, client_id: clientId, client_secret: clientSecret }).toString(),
        }
        const refusal = await fetch(revokeUrl, request)
          .then(refusalOf)
          .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
        if (refusal !== undefined) log('token-revocation-failed', { pluginKey, reason: refusal })
      }),
    )
  }

  /** What cannot be opened any more cannot be taken back either. */
  const tokensOf = (owner: ConnectionOwner, id: number): Promise<string[]> =>
    store.open(owner, id).then(tokensIn, (error: unknown) => {
      log('token-revocation-failed', { pluginKey: owner.pluginKey, reason: String(error) })
      return []
    })

  /** Providers give one token for each account, whoever connects it how often: only the last one takes it along. */
  async function revokeUnused(owner: ConnectionOwner, removed: readonly Removed[]): Promise<void> {
    const unused = await Promise.all(
      removed.map(async ({ connection, tokens }) =>
        (await store.isAccountUsed(owner.pluginKey, connection)) ? [] : tokens,
      ),
    )
    await revoke(owner, [...new Set(unused.flat())])
  }

  return {
    ...store,
    async remove(owner, id) {
      const connection = await store.get(owner, id)
      const tokens = await tokensOf(owner, id)
      await store.remove(owner, id)
      await revokeUnused(owner, [{ connection, tokens }])
    },
    async removeAll(owner) {
      const connections = await store.list(owner)
      const removed = await Promise.all(
        connections.map(async (connection) => ({ connection, tokens: await tokensOf(owner, connection.id) })),
      )
      const count = await store.removeAll(owner)
      await revokeUnused(owner, removed)
      return count
    },
  }
}

interface Removed {
  connection: Connection
  tokens: readonly string[]
}

function tokensIn({ accessToken, refreshToken, secrets }: ConnectionTokens): string[] {
  const others = Object.entries(secrets).flatMap(([name, value]) => (/token/i.test(name) ? [value] : []))
  return [...new Set([accessToken, refreshToken, ...others])].filter(
    (token) => token !== undefined && token !== '',
  ) as string[]
}

/** Some providers say with status 200 that it failed: { ok: false, error: "invalid_auth" }. */
async function refusalOf(response: Response): Promise<string | undefined> {
  if (!response.ok) return `status ${response.status}`
  const answer: unknown = await response.json().catch(() => undefined)
  if (!isJsonObject(answer) || answer['ok'] !== false) return undefined
  return String(answer['error']).slice(0, 80)
}
