// @vitest-environment jsdom
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import type { ConnectionContribution } from '@tenon/contract'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configureRequests } from '../api/request.js'
import { pluginKeys } from '../plugins/queries.js'
import type { Plugin, Workspace } from '../plugins/types.js'
import { Refusal, setStage } from '../testing/stage.js'
import type { ActionOutcome } from '../views/PluginActions.js'
import { PluginConnections } from './PluginConnections.js'

let root: Root
let page: HTMLElement
beforeEach(() => {
  window.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as never
  page = document.createElement('div')
  root = createRoot(page)
})
afterEach(() => root.unmount())

const plugin = { key: 'chat', displayName: 'Chat' } as Plugin
const connection = { id: 'workspace', provider: 'chat', multiple: true, title: 'Workspace' } as ConnectionContribution
const workspace: Workspace = { id: 1, is_active: true, created_at: '2026-01-05T08:00:00.000Z', connected_by: 1 }

function show(...workspaces: Workspace[]): QueryClient {
  return showOf(connection, ...workspaces)
}

function showOf(connection: ConnectionContribution, ...workspaces: Workspace[]): QueryClient {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } })
  client.setQueryData(pluginKeys.of('chat', 'connections'), workspaces)
  root.render(
    <MantineProvider>
      <QueryClientProvider client={client}>
        <PluginConnections plugin={plugin} connection={connection} readOnly onOutcome={() => {}} />
      </QueryClientProvider>
    </MantineProvider>,
  )
  return client
}

describe('a connection', () => {
  it.each([
    ['of which the plugin says what is wrong', { problem: 'The channel is gone.' }, 'The channel is gone.'],
    ['whose sign-in is refused', { needs_reauth: true }, 'The service no longer accepts the sign-in.'],
  ])('%s is marked, and says what to do', async (_, state, sentence) => {
    show({ ...workspace, ...state })
    await expect.poll(() => page.textContent).toContain('Does not work')
    expect(page.querySelector('[role=status]')?.textContent).toContain(sentence)
  })

  it('is called as its account is, also where the plugin repeats that name in no detail', async () => {
    const account = { id: '/account/id', name: '/account/name' }
    const response = { account, details: {}, secrets: {}, shown: [] }
    const [ada, ben] = [
      { ...workspace, account_name: 'ada@acme.example' },
      { ...workspace, id: 2, account_name: 'ben@acme.example' },
    ]
    showOf({ ...connection, response }, ada, ben)
    await expect.poll(() => page.textContent).toContain('ada@acme.example')
    expect([...page.querySelectorAll('li strong')].map(({ textContent }) => textContent)).toEqual([
      'ada@acme.example',
      'ben@acme.example',
    ])
  })

  it('of another kind that the plugin declares is not shown among those of this one', async () => {
    const of = (id: number, contribution_id: string) => ({ ...workspace, id, contribution_id, connected_by: id })
    show(of(1, 'workspace'), of(2, 'mailbox'))
    await expect.poll(() => page.querySelectorAll('li').length).toBe(1)
  })

  it('is still there when a later look at it fails', async () => {
    configureRequests({ baseUrl: 'http://127.0.0.1:9/api' })
    const client = show(workspace)
    await expect.poll(() => page.textContent).toContain('Connected on')
    const key = pluginKeys.of('chat', 'connections')
    await client.invalidateQueries({ queryKey: key }).catch(() => {})
    await expect.poll(() => client.getQueryState(key)?.status, { timeout: 15_000 }).toBe('error')
    expect(page.textContent).toContain('Connected on')
    expect(page.textContent).not.toContain('cannot be shown')
  })

  it('that works is not marked', async () => {
    show(workspace)
    await expect.poll(() => page.textContent).toContain('Connected on')
    expect(page.textContent).not.toContain('Does not work')
  })
})

describe('what an admin does with a connection', () => {
  const stage = setStage()
  const list = 'GET /plugins/chat/oauth/workspaces'
  const refused = new Refusal(500, { data: 'It broke.', code: 'INTERNAL', requestId: 'req-2' })
  const name = 'Workspace'
  const told: ActionOutcome[] = []
  async function showToAdmin(...workspaces: Workspace[]): Promise<void> {
    told.length = 0
    stage.answers[list] = workspaces
    stage.answers['GET /plugins/installations'] = []
    const tell = (outcome: ActionOutcome) => void told.push(outcome)
    const testable = { ...connection, test: 'POST /test' }
    stage.show(<PluginConnections plugin={plugin} connection={testable} onOutcome={tell} />)
    await expect.poll(() => stage.page.querySelectorAll('li').length).toBe(workspaces.length)
  }
  const fromMenu = async (item: string) => {
    stage.click(`More for ${name}`)
    await expect.poll(() => document.querySelector('[role="menu"]')).not.toBe(null)
    const found = [...document.querySelectorAll<HTMLElement>('[role="menuitem"]')]
    found.find(({ textContent }) => textContent === item)?.click()
  }

  it('is told with the request that failed, when it could not be tested', async () => {
    await showToAdmin(workspace)
    stage.answers['POST /plugins/chat/test'] = refused
    await fromMenu('Send a test')
    await expect.poll(() => told).toMatchObject([{ success: false, error: { requestId: 'req-2' } }])
  })

  it('has to wait with a test while it is switched off, and reads why', async () => {
    await showToAdmin({ ...workspace, is_active: false })
    await fromMenu('Send a test: switch it on first')
    expect(stage.asked).not.toContain('POST /plugins/chat/test')
    expect(document.querySelector('[role="menuitem"][data-disabled]')?.textContent).toContain('switch it on first')
  })

  it('is told with the request that failed, when it could not be switched off', async () => {
    await showToAdmin(workspace)
    stage.answers['PATCH /plugins/chat/oauth/workspaces/1'] = refused
    stage.page.querySelector<HTMLInputElement>('input[role="switch"]')?.click()
    await expect.poll(() => told).toMatchObject([{ success: false, error: { requestId: 'req-2' } }])
  })
})
