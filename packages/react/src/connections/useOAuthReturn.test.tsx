// @vitest-environment jsdom
import { StrictMode } from 'react'
import { afterEach, describe, expect, it } from 'vitest'
import { held, Refusal, setStage } from '../testing/stage.js'
import type { ConnectionContribution } from '@tenon/contract'
import type { Plugin } from '../plugins/types.js'
import { OAuthReturnNote } from './OAuthReturnNote.js'
import { PluginConnections } from './PluginConnections.js'
import { useOAuthReturn, type OAuthReturnOptions } from './useOAuthReturn.js'

const stage = setStage()
afterEach(() => window.history.replaceState(null, '', '/'))

const connect = 'POST /plugins/chat/oauth/connect'
const workspace = { id: 1, is_active: true, created_at: '2026-01-05T08:00:00.000Z', connected_by: 1, team: 'Acme' }
const plugin = {
  key: 'chat',
  displayName: 'Chat',
  contributes: {
    connections: [
      {
        id: 'workspace',
        kind: 'oauth2',
        provider: 'chat',
        response: { account: { name: '/team/name' }, details: { team: '/team/name' } },
      },
    ],
  },
}
const installed = [{ id: 1, pluginKey: 'chat', status: 'installed', plugin }]
const exchanges = () => stage.asked.filter((asked) => asked === connect).length

/** A page of an application, at the address to which the service sent the person. */
function comeBack(address: string, options?: OAuthReturnOptions): void {
  window.history.replaceState(null, '', address)
  stage.answers['GET /plugins/installations'] ??= installed
  stage.show(
    <StrictMode>
      <Page {...options} />
    </StrictMode>,
  )
}
function Page(options: OAuthReturnOptions) {
  const returned = useOAuthReturn(options)
  return returned ? <OAuthReturnNote returned={returned} /> : 'Nobody came back'
}

describe('who comes back from a service', () => {
  it('is connected with the code, once, and reads which account it is', async () => {
    const { promise, answer } = held()
    let sent: unknown
    stage.answers[connect] = (body: unknown) => {
      sent = body
      return promise
    }
    const told: unknown[] = []
    comeBack('/plugins/chat/manage?code=c-1&state=s-1&tab=2#here', { onConnected: (one) => told.push(one) })
    await stage.shows('Connecting Chat…')
    answer(workspace)
    await stage.shows('Chat is connected to Acme')
    expect(sent).toEqual({ code: 'c-1', state: 's-1' })
    expect(told).toEqual([{ pluginKey: 'chat', workspace }])
    await stage.client.invalidateQueries()
    expect(exchanges()).toBe(1)
    stage.click('Close')
    await stage.shows('Nobody came back')
  })

  it('leaves an address without the code, which keeps what else was in it', () => {
    comeBack('/plugins/chat/manage?code=c-2&state=s-2&tab=2#here')
    expect(window.location.href).toBe(`${window.location.origin}/plugins/chat/manage?tab=2#here`)
  })

  it('is taken to a page of the application, where it wants that', () => {
    const taken: unknown[] = []
    const onTaken = (answer: unknown) => {
      taken.push(answer)
      window.history.replaceState(null, '', '/settings')
    }
    comeBack('/plugins/chat/manage?code=c-3&state=s-3', { onTaken })
    expect(taken).toEqual([{ pluginKey: 'chat' }])
    expect(window.location.pathname).toBe('/settings')
  })

  it('reads why the server could not finish it', async () => {
    stage.answers[connect] = new Refusal(400, { data: 'This sign-in was begun by somebody else.', code: 'STATE' })
    comeBack('/plugins/chat/manage?code=c-4&state=s-4')
    await stage.shows('Chat was not connectedThis sign-in was begun by somebody else.')
    expect(exchanges()).toBe(1)
  })

  it.each([
    ['access_denied', 'You did not agree at the service. You can connect it at any time.'],
    ['temporarily_unavailable', 'The service could not do it just now. Try again in a moment.'],
    ['invalid_scope', 'The service refused it. It says: invalid_scope.'],
    ['Call+0800+1234+and+say+your+password', 'The service refused it.'],
  ])('reads, after the service said %s, what that means, and nothing is asked of the server', async (error, words) => {
    comeBack(`/plugins/chat/manage?error=${error}&state=s-5`)
    await stage.shows(`Chat was not connected${words}`)
    expect(exchanges()).toBe(0)
    expect(window.location.search).toBe('')
  })

  it.each(['/plugins/chat/manage', '/plugins/chat/manage?state=s-6', '/elsewhere?code=c-6&state=s-6'])(
    'is nobody at %s',
    async (address) => {
      comeBack(address)
      await stage.shows('Nobody came back')
      expect(window.location.href).toBe(window.location.origin + address)
    },
  )

  it('by the back button, to a page that the browser kept, can begin again', async () => {
    stage.answers['GET /plugins/chat/oauth/workspaces'] = []
    stage.answers['POST /plugins/chat/oauth/start'] = { authorizeUrl: 'https://chat.example/authorize' }
    const left: string[] = []
    const connection = plugin.contributes.connections[0] as unknown as ConnectionContribution
    stage.show(
      <PluginConnections
        plugin={plugin as unknown as Plugin}
        connection={{ ...connection, title: 'Chat' }}
        onOutcome={() => undefined}
        leaveTo={(address) => left.push(address)}
      />,
    )
    const isWaiting = () => stage.named('Connect Chat').hasAttribute('data-loading')
    await expect.poll(() => stage.page.textContent).toContain('Connect Chat')
    stage.click('Connect Chat')
    await expect.poll(() => left).toEqual(['https://chat.example/authorize'])
    await expect.poll(isWaiting).toBe(true)
    window.dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
    await expect.poll(isWaiting).toBe(false)
  })
})
