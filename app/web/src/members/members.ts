import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { request } from '@tenon/react'
import { useMemo } from 'react'
import { type RoleName, useAccount, useMay, useRefreshSession } from '../session/session.js'
import type { RegisterQuery } from '../ui/useRegisterQuery.js'

export interface Member {
  id: number
  name: string
  surname: string
  email: string
  role: RoleName
  lastLogin: string | null
}

export interface NewMember {
  name: string
  surname: string
  email: string
  role: RoleName
  password: string
}

const membersKey = ['members']
export const memberPageSize = 25

type Named = Pick<Member, 'id' | 'name' | 'surname'>
/** As many as the server gives at once. */
const namesAtOnce = 200

async function readAllNames(signal: AbortSignal): Promise<Named[]> {
  const all: Named[] = []
  for (let page = 1; ; page += 1) {
    const { items, total } = await request<{ items: Named[]; total: number }>('/users/names', {
      query: { page, pageSize: namesAtOnce },
      signal,
    })
    all.push(...items)
    if (items.length === 0 || all.length >= total) return all
  }
}

/** Those that are looked for, a page of them. */
export function useMembers(query: RegisterQuery) {
  const isAdmin = useMay('Admin')
  return useQuery({
    queryKey: [...membersKey, 'page', query],
    queryFn: ({ signal }) =>
      request<{ items: Member[]; total: number }>('/users', {
        query: { ...query, sort: 'id', pageSize: memberPageSize },
        signal,
      }),
    enabled: isAdmin,
    placeholderData: keepPreviousData,
  })
}

/** Full names by id, of everybody in the organization; until they are known, and where they cannot be, the own one alone. */
export function useMemberNames(): ReadonlyMap<number, string> {
  const { user } = useAccount()
  const { data } = useQuery({
    queryKey: [...membersKey, 'names'],
    queryFn: ({ signal }) => readAllNames(signal),
  })
  return useMemo(
    () => new Map([user, ...(data ?? [])].map((one) => [one.id, `${one.name} ${one.surname}`])),
    [data, user],
  )
}

export function useAddMember() {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: (member: NewMember) => request<Member>('/users', { method: 'POST', body: member }),
    onSuccess: () => cache.invalidateQueries({ queryKey: membersKey }),
  })
}

export function useChangeRole() {
  const cache = useQueryClient()
  const { user } = useAccount()
  const refreshSession = useRefreshSession()
  return useMutation({
    mutationFn: ({ id, role }: { id: number; role: RoleName }) =>
      request<Member>(`/users/${id}`, { method: 'PATCH', body: { role } }),
    onSuccess: (_member, { id }) => void (id === user.id && refreshSession()),
    // Whoever is no admin any more is not shown the list again.
    onSettled: (member, _error, { id }) =>
      id === user.id && member ? undefined : cache.invalidateQueries({ queryKey: membersKey }),
  })
}
