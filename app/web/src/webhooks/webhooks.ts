import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { request, useInstallations, wordsOf } from '@tenon/react'
import { useMemo } from 'react'

export interface Webhook {
  id: number
  url: string
  events: string[]
  description: string
  isActive: boolean
  /** Why the host has switched it off. */
  disabledReason: string | null
  createdAt: string
}

export type WebhookValues = Pick<Webhook, 'url' | 'events' | 'description'>

export interface Attempt {
  at: string
  /** Of the answer; null when there was none. */
  status: number | null
  ms: number
  error: string | null
}

export type DeliveryState = 'waiting' | 'delivered' | 'failed'

export interface Delivery {
  eventId: string
  name: string
  source: string
  occurredAt: string
  state: DeliveryState
  attempts: number
  nextAttemptAt: string | null
  lastError: string | null
  /** Every attempt; known of webhooks only. */
  log?: Attempt[]
}

interface TestOutcome {
  success: boolean
  status: number | null
  ms: number
  error: string | null
}

const webhooksKey = ['webhooks']
const pathOf = (id: number) => `/plugins/webhooks/${id}`

export function useWebhooks() {
  return useQuery({
    queryKey: webhooksKey,
    queryFn: ({ signal }) => request<Webhook[]>('/plugins/webhooks', { signal }),
  })
}

/** What has happened, in plain words, by the names of all events that there are to choose. */
type EventTitles = ReadonlyMap<string, string>

/** What the application and its host announce, and what installed plugins do. */
export function useEventTitles(): EventTitles {
  const { data = [] } = useQuery({
    queryKey: ['event-names'],
    queryFn: ({ signal }) => request<{ name: string; title: string }[]>('/event-names', { signal }),
    staleTime: Infinity,
  })
  const installations = useInstallations()
  return useMemo(() => {
    const published = (installations.data ?? []).flatMap(({ plugin }) =>
      (plugin?.contributes?.publishes ?? []).map((name): [string, string] => [
        name,
        `${titleOfEvent(name)}, by ${plugin?.displayName}`,
      ]),
    )
    const known = new Map(data.map(({ name, title }) => [name, title]))
    return new Map([...known, ...published.filter(([name]) => !known.has(name))])
  }, [data, installations.data])
}

/** `model.synced` as people say it, and `model.*`, which a program may have set. */
export function titleOfEvent(name: string, titles?: EventTitles): string {
  const words = name.replace(/\.?\*$/, '').replaceAll('.', ' ')
  return (
    titles?.get(name) ?? (name.endsWith('*') ? (words === '' ? 'All events' : `All ${words} events`) : wordsOf(words))
  )
}

function useChange<Input, Answer>(change: (input: Input) => Promise<Answer>) {
  const cache = useQueryClient()
  return useMutation({ mutationFn: change, onSettled: () => cache.invalidateQueries({ queryKey: webhooksKey }) })
}

export const useCreateWebhook = () =>
  useChange((values: WebhookValues) =>
    request<Webhook & { secret: string }>('/plugins/webhooks', { method: 'POST', body: values }),
  )

export const useUpdateWebhook = (id: number) =>
  useChange((change: Partial<WebhookValues & Pick<Webhook, 'isActive'>>) =>
    request<Webhook>(pathOf(id), { method: 'PATCH', body: change }),
  )

/** `onRemoved` comes before the list is asked again, and also when nobody looks any more. */
export function useRemoveWebhook(id: number, onRemoved: () => void) {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: () => request<string>(pathOf(id), { method: 'DELETE' }),
    onSuccess: onRemoved,
    onSettled: () => cache.invalidateQueries({ queryKey: webhooksKey }),
  })
}

export const useRenewSecret = (id: number) =>
  useChange(() => request<{ secret: string }>(`${pathOf(id)}/secret`, { method: 'POST' }))

export const useTestWebhook = (id: number) =>
  useChange(() => request<TestOutcome>(`${pathOf(id)}/test`, { method: 'POST' }))

export const deliveryPageSize = 20
/** While something waits for its turn, looks again this often. */
const waitingLookMs = 3_000

/** What was sent to a webhook or a plugin. `owner` is its path below `/plugins`, such as `webhooks/3`. */
export function useDeliveries(owner: string, page: number, state: DeliveryState | undefined) {
  return useQuery({
    queryKey: [...webhooksKey, owner, 'deliveries', page, state],
    queryFn: ({ signal }) =>
      request<{ items: Delivery[]; total: number }>(`/plugins/${owner}/deliveries`, {
        query: { page, pageSize: deliveryPageSize, state },
        signal,
      }),
    placeholderData: keepPreviousData,
    refetchInterval: ({ state: { data } }) =>
      data?.items.some((delivery) => delivery.state === 'waiting') ? waitingLookMs : false,
  })
}

export const useReplay = (owner: string) =>
  useChange((eventId: string) => request<string>(`/plugins/${owner}/deliveries/${eventId}/replay`, { method: 'POST' }))
