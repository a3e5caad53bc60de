import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'
import { useLiveUpdates } from '../runs/liveUpdates.js'
import {
  declinePluginRequest,
  listPluginRequests,
  type PluginRequest,
  type PluginRequestFilter,
  requestPlugin,
  withdrawPluginRequest,
} from './request.repository.js'
import { refreshRequests, requestKeys } from './requestCache.js'

/** The stream tells of changes; this is for the way back to a page. */
const freshMs = 30_000
/** As many as are shown at once. */
const most = 200

interface Wanted {
  /** False for people whom it does not concern: then nothing is asked. Default: true. */
  isWanted?: boolean
}

/**
 * What was asked for, live: all of the organization for an admin, for everybody else their own.
 *
 * @example const { data } = usePluginRequests({ state: 'open' })
 * @since 0.1.0
 */
export function usePluginRequests(filter: PluginRequestFilter = {}, { isWanted = true }: Wanted = {}) {
  useLiveUpdates(isWanted)
  return useRequestList(filter, isWanted)
}

/**
 * The last thing that the person asked for, by plugin; live while an answer is awaited.
 *
 * @example const request = useOwnRequests().get(plugin.key)
 * @since 0.1.0
 */
export function useOwnRequests({ isWanted = true }: Wanted = {}): ReadonlyMap<string, PluginRequest> {
  const { data } = useRequestList({}, isWanted)
  // The newest come first, and the last entry of a key is what a map keeps.
  const own = useMemo(
    () => new Map([...(data?.items ?? [])].reverse().map((request) => [request.pluginKey, request])),
    [data],
  )
  useLiveUpdates(isWanted && [...own.values()].some(({ state }) => state === 'open'))
  return own
}

function useRequestList(filter: PluginRequestFilter, isWanted: boolean) {
  return useQuery({
    queryKey: requestKeys.list(filter),
    queryFn: ({ signal }) => listPluginRequests({ pageSize: most, ...filter, signal }),
    enabled: isWanted,
    staleTime: freshMs,
  })
}

/**
 * Asks the admins for a plugin.
 *
 * @example
 * const ask = useRequestPlugin()
 * ask.mutate({ pluginKey: plugin.key, note: 'For the audit in May' }, { onSuccess: () => toast('Asked') })
 * @since 0.1.0
 */
export function useRequestPlugin() {
  return useChange(requestPlugin)
}

/**
 * Declines what somebody asked for; `reason` is shown to them. For admins.
 *
 * @example
 * const decline = useDeclineRequest()
 * const { data } = usePluginRequests({ state: 'open' })
 * return data?.items.map(({ id, plugin }) => (
 *   <button key={id} onClick={() => decline.mutate({ id, reason: 'We have another one' })}>
 *     Decline {plugin}
 *   </button>
 * ))
 * @since 0.1.0
 */
export function useDeclineRequest() {
  return useChange(declinePluginRequest)
}

/**
 * Takes back what the person asked for.
 *
 * @example
 * const withdraw = useWithdrawRequest()
 * const asked = useOwnRequests().get(plugin.key)
 * if (asked?.state === 'open') withdraw.mutate({ id: asked.id })
 * @since 0.1.0
 */
export function useWithdrawRequest() {
  return useChange(withdrawPluginRequest)
}

/** Ends when what is shown is as it is now, also after a refusal: then somebody else was faster. */
function useChange<Input>(change: (input: Input) => Promise<PluginRequest>) {
  const client = useQueryClient()
  return useMutation({ mutationFn: change, onSettled: () => refreshRequests(client) })
}
