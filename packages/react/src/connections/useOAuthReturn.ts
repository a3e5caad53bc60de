import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { connectOAuthWorkspace } from '../plugins/plugin.repository.js'
import { refreshPlugins } from '../plugins/queries.js'
import type { Workspace } from '../plugins/types.js'

/** What became of the sign-in at a service from which somebody has just come back. */
export type OAuthReturn = {
  /** The plugin for which the account is. */
  pluginKey: string
  /** Forgets it, once it was read. */
  dismiss: () => void
} & (
  | { state: 'connecting' }
  | { state: 'connected'; workspace: Workspace }
  /** The person did not agree, or the service did not want to; the server was not asked. */
  | { state: 'refused'; error: Error }
  /** The server could not finish it; nothing is connected. */
  | { state: 'failed'; error: Error }
)

export interface OAuthReturnOptions {
  /**
   * Takes the answer of the service out of the address, which holds a code that is used once. Default: its parameters are
   * removed, and the rest of the address stays. An application with a router goes to a page of its own here.
   */
  onTaken?: ((answer: { pluginKey: string }) => void) | undefined
  /** Told once that an account is connected. */
  onConnected?: ((answer: { pluginKey: string; workspace: Workspace }) => void) | undefined
}

interface ServiceAnswer {
  pluginKey: string
  code?: string
  state?: string
  refusal?: string
}

/**
 * Finishes what `PluginConnections` began. The service sends people back to `<publicUrl>/plugins/<key>/manage`; a page that
 * is shown at this address uses this hook, where it is for as long as people may read what came of it. Nothing anywhere
 * else, and nothing when nobody comes back.
 *
 * @example
 * const returned = useOAuthReturn({ onTaken: () => navigate('/settings') })
 * return returned && <OAuthReturnNote returned={returned} />
 * @since 0.1.0
 */
export function useOAuthReturn({ onTaken = tidyAddress, onConnected }: OAuthReturnOptions = {}):
  OAuthReturn | undefined {
  const client = useQueryClient()
  const [answer, setAnswer] = useState(() => readAddress(window.location))
  useEffect(() => {
    // Read from the address again: React runs effects twice while one develops.
    const left = readAddress(window.location)
    if (left) onTaken({ pluginKey: left.pluginKey })
  }, [])

  // A query, because a code works once: however often this is mounted, it is asked for once, and never again.
  const exchange = useQuery({
    queryKey: ['tenon-oauth-return', answer?.pluginKey, answer?.state ?? answer?.code],
    async queryFn() {
      const { pluginKey, code = '', state } = answer as ServiceAnswer
      const workspace = await connectOAuthWorkspace({ pluginKey, code, ...(state === undefined ? {} : { state }) })
      onConnected?.({ pluginKey, workspace })
      void refreshPlugins(client)
      return workspace
    },
    enabled: answer?.code !== undefined && answer.refusal === undefined,
    staleTime: 'static',
    retry: false,
    retryOnMount: false,
  })

  if (!answer) return undefined
  const { pluginKey, refusal } = answer
  const of = { pluginKey, dismiss: () => setAnswer(undefined) }
  if (refusal !== undefined) return { ...of, state: 'refused', error: new Error(sentenceOfRefusal(refusal)) }
  if (exchange.data) return { ...of, state: 'connected', workspace: exchange.data }
  return exchange.error ? { ...of, state: 'failed', error: exchange.error } : { ...of, state: 'connecting' }
}

function readAddress({ pathname, search }: Location): ServiceAnswer | undefined {
  const pluginKey = /\/plugins\/([^/]+)\/manage\/?$/.exec(pathname)?.[1]
  const parameters = new URLSearchParams(search)
  const [code, state, refusal] = ['code', 'state', 'error'].map((name) => parameters.get(name) ?? undefined)
  if (pluginKey === undefined || (code === undefined && refusal === undefined)) return undefined
  return {
    pluginKey: decodeURIComponent(pluginKey),
    ...(code === undefined ? {} : { code }),
    ...(state === undefined ? {} : { state }),
    ...(refusal === undefined ? {} : { refusal }),
  }
}

/** RFC 6749, 4.1.2 and 4.1.2.1. */
const parametersOfAnswer = ['code', 'state', 'error', 'error_description', 'error_uri']

function tidyAddress(): void {
  const address = new URL(window.location.href)
  for (const name of parametersOfAnswer) address.searchParams.delete(name)
  window.history.replaceState(window.history.state, '', address)
}

/** In words of ours: anybody can make a link whose parameters say anything. */
function sentenceOfRefusal(refusal: string): string {
  if (refusal === 'access_denied') return 'You did not agree at the service. You can connect it at any time.'
  if (refusal === 'temporarily_unavailable' || refusal === 'server_error') {
    return 'The service could not do it just now. Try again in a moment.'
  }
  const word = /^[a-z0-9_.-]{1,80}$/i.test(refusal) ? ` It says: ${refusal}.` : ''
  return `The service refused it.${word}`
}
