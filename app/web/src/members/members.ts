import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { request } from '@tenon/react'
import { useMemo } from 'react'
import { type RoleName, useAccount, useMay } from '../session/session.js'

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
/** More than that in one organization are found by searching. */
const most = 200

export function useMembers() {
  const isAdmin = useMay('Admin')
  return useQuery({
    queryKey: membersKey,
    queryFn: ({ signal }) =>
      request<{ items: Member[]; total: number }>('/users', { query: { pageSize: most, sort: 'id' }, signal }),
    enabled: isAdmin,
  })
}

/** Names by id; for people who may not see the list, their own alone. */
export function useMemberNames(): ReadonlyMap<number, string> {
  const members = useMembers()
  const { user } = useAccount()
  return useMemo(
    () => new Map([user, ...(members.data?.items ?? [])].map(({ id, name, surname }) => [id, `${name} ${surname}`])),
    [members.data, user],
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
  return useMutation({
    mutationFn: ({ id, role }: { id: number; role: RoleName }) =>
      request<Member>(`/users/${id}`, { method: 'PATCH', body: { role } }),
    onSettled: () => cache.invalidateQueries({ queryKey: membersKey }),
  })
}
