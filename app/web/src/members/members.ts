import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { request } from '@tenon/react'
import { useMemo } from 'react'
import { type RoleName, useAccount, useMay, useRefreshSession } from '../session/session.js'

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
/** As many as the server gives at once. */
const pageSize = 200

/** A list of the server, all pages of it. */
async function readAll<Item>(path: string, query: { sort?: string }, signal: AbortSignal): Promise<Item[]> {
  const all: Item[] = []
  for (let page = 1; ; page += 1) {
    const { items, total } = await request<{ items: Item[]; total: number }>(path, {
      query: { ...query, page, pageSize },
      signal,
    })
    all.push(...items)
    if (items.length === 0 || all.length >= total) return all
  }
}

export function useMembers() {
  const isAdmin = useMay('Admin')
  return useQuery({
    queryKey: [...membersKey, 'all'],
    queryFn: ({ signal }) => readAll<Member>('/users', { sort: 'id' }, signal),
    enabled: isAdmin,
  })
}

/** Full names by id, of everybody in the organization; until they are known, and where they cannot be, the own one alone. */
export function useMemberNames(): ReadonlyMap<number, string> {
  const { user } = useAccount()
  const { data } = useQuery({
    queryKey: [...membersKey, 'names'],
    queryFn: ({ signal }) => readAll<Pick<Member, 'id' | 'name' | 'surname'>>('/users/names', {}, signal),
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
