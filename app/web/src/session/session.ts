import { type QueryClient, queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { ApiError, configureRequests, request, unwatchAllRuns } from '@tenon/react'
import { createContext, useContext } from 'react'

export type RoleName = 'Admin' | 'Editor' | 'Reviewer' | 'Auditor'

export interface Account {
  user: { id: number; name: string; surname: string; email: string; role: RoleName; isOperator: boolean }
  organization: { id: number; name: string }
}

interface BrowserSession extends Account {
  csrfToken: string
  /** The server knows it no longer; what the person was at is kept until they have signed in again. */
  ended?: true
}

interface Credentials {
  email: string
  password: string
}

export interface Registration extends Credentials {
  organizationName: string
  name: string
  surname: string
}

const sessionKey = ['session']

/** Who is signed in; null when nobody is. */
const sessionQuery = queryOptions({
  queryKey: sessionKey,
  async queryFn({ signal, client }) {
    const before = client.getQueryData<BrowserSession | null>(sessionKey)
    const session = await readSession(signal)
    if (session === null) return before ? { ...before, ended: true as const } : null
    // Somebody else may have signed in from another tab. A page that was just loaded has nothing to forget.
    if (before !== undefined && !isSamePerson(before, session)) forgetPerson(client)
    return session
  },
  staleTime: Infinity,
  refetchOnWindowFocus: 'always',
  retry: (failures, error) => failures < 3 && error instanceof ApiError && (error.status === 0 || error.status >= 502),
})

function isSamePerson(one: Account | null | undefined, other: Account | null): boolean {
  return one?.user.id === other?.user.id && one?.organization.id === other?.organization.id
}

/** Cookies are those of all tabs, so the others are told who has come or left. */
const otherTabs = new BroadcastChannel('tenon-session')
type News = 'came' | 'left'

async function readSession(signal: AbortSignal): Promise<BrowserSession | null> {
  try {
    return await request<BrowserSession>('/session', { signal })
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return null
    throw error
  }
}

/** Lets every request carry the proof that it is this page's, and notices when the session has ended. */
export function connectSession(cache: QueryClient): void {
  otherTabs.onmessage = ({ data }: MessageEvent<News>) => {
    if (data === 'came') return void cache.invalidateQueries({ queryKey: sessionKey })
    forgetPerson(cache)
    cache.setQueryData(sessionKey, null)
  }
  configureRequests({
    headers: (): Record<string, string> => {
      const session = cache.getQueryData<BrowserSession | null>(sessionKey)
      return session ? { 'x-csrf-token': session.csrfToken } : {}
    },
    onError: ({ code }) => {
      // Plugins answer with what statuses they like.
      if (code === 'NOT_AUTHENTICATED' || code === 'SESSION_EXPIRED') {
        cache.setQueryData<BrowserSession | null>(sessionKey, (session) => session && { ...session, ended: true })
      }
      if (code === 'CSRF_REFUSED') void cache.invalidateQueries({ queryKey: sessionKey })
      // An admin has given them another role meanwhile. Several refusals at once are one look.
      if (code === 'ROLE_FORBIDDEN') void cache.invalidateQueries({ queryKey: sessionKey }, { cancelRefetch: false })
    },
  })
}

/** Asks the server again who this is: after a change of the person's own role. */
export function useRefreshSession(): () => Promise<void> {
  const cache = useQueryClient()
  return () => cache.invalidateQueries({ queryKey: sessionKey })
}

export function useSession() {
  return useQuery(sessionQuery)
}

/**
 * Given to all pages at once: one that is drawn first in the moment in which somebody signs out is of the person who was
 * there, as the pages around it are.
 */
export const AccountContext = createContext<Account | undefined>(undefined)

/** Who is signed in, for pages that are shown to nobody else. */
export function useAccount(): Account {
  const account = useContext(AccountContext)
  if (!account) throw new Error('Nobody is signed in.')
  return account
}

const rank: Record<RoleName, number> = { Auditor: 1, Reviewer: 1, Editor: 2, Admin: 3 }

/** Whether the person may do what needs a role. The server decides; this only keeps buttons away that it would refuse. */
export function useMay(needed: RoleName): boolean {
  return rank[useAccount().user.role] >= rank[needed]
}

/** Like {@link useMay}, to be asked for several roles. */
export function useMayFunction(): (needed: RoleName) => boolean {
  const { role } = useAccount().user
  return (needed) => rank[role] >= rank[needed]
}

export function useSignIn() {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: (credentials: Credentials) =>
      request<BrowserSession>('/session', { method: 'POST', body: credentials }),
    onSuccess: (session) => enter(cache, session),
  })
}

export function useRegister() {
  const cache = useQueryClient()
  return useMutation({
    async mutationFn({ email, password, ...rest }: Registration) {
      await request('/auth/register', { method: 'POST', body: { email, password, ...rest } })
      return request<BrowserSession>('/session', { method: 'POST', body: { email, password } })
    },
    onSuccess: (session) => enter(cache, session),
  })
}

export function useSignOut() {
  const cache = useQueryClient()
  return useMutation({
    mutationFn: () => request('/session', { method: 'DELETE' }),
    onSuccess: () => enter(cache, null),
  })
}

function enter(cache: QueryClient, session: BrowserSession | null): void {
  const isBack = session !== null && isSamePerson(cache.getQueryData<BrowserSession | null>(sessionKey), session)
  if (!isBack) forgetPerson(cache)
  cache.setQueryData(sessionKey, session)
  if (isBack) void cache.invalidateQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] })
  otherTabs.postMessage((session === null ? 'left' : 'came') satisfies News)
}

/** Nothing that was shown to one person is shown to the next. */
function forgetPerson(cache: QueryClient): void {
  const isOfPerson = (name: unknown): boolean => name !== sessionKey[0] && name !== 'installation'
  cache.removeQueries({ predicate: ({ queryKey }) => isOfPerson(queryKey[0]) })
  cache.getMutationCache().clear()
  unwatchAllRuns()
}
