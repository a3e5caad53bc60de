// @vitest-environment jsdom
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { configureRequests } from '@tenon/react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { RoleName } from '../session/session.js'
import { useMemberNames, useMembers } from './members.js'

/** As many as the server gives at once, twice, and one more. */
const count = 401
let asked: string[]
let server: Server
let root: Root
let page: HTMLElement
beforeEach(async () => {
  asked = []
  server = createServer(({ url = '' }, response) => {
    const { pathname, searchParams } = new URL(url, 'http://server')
    asked.push(pathname)
    const [at, size] = [Number(searchParams.get('page') ?? 1), Number(searchParams.get('pageSize'))]
    const all = Array.from({ length: count }, (_, index) => ({
      id: index + 1,
      name: 'Ada',
      surname: `No ${index + 1}`,
    }))
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ data: { items: all.slice((at - 1) * size, at * size), total: count } }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  configureRequests({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  page = document.createElement('div')
  root = createRoot(page)
})
afterEach(async () => {
  root.unmount()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function show(role: RoleName) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  const user = { id: 1, name: 'Ada', surname: 'No 1', email: 'ada@acme.example', role, isOperator: false }
  client.setQueryData(['session'], { user, organization: { id: 1, name: 'Acme' }, csrfToken: 'token' })
  root.render(
    <QueryClientProvider client={client}>
      <Shown />
    </QueryClientProvider>,
  )
}

function Shown() {
  const names = useMemberNames()
  const { data } = useMembers()
  return `${names.size} names, the last is ${names.get(count)}; ${data?.length ?? 'no'} members`
}

it.each<[RoleName, members: string]>([
  ['Admin', '401'],
  ['Editor', 'no'],
  ['Auditor', 'no'],
])('shows an %s the names of all members, however many there are, and %s members', async (role, members) => {
  show(role)
  await expect.poll(() => page.textContent).toBe(`401 names, the last is Ada No 401; ${members} members`)
  expect(asked.includes('/users')).toBe(role === 'Admin')
})
