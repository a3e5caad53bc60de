// @vitest-environment jsdom
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configureRequests } from '../api/request.js'
import { PluginGate } from './PluginGate.js'
import { refreshPlugins } from './queries.js'
import { useIsPluginInstalled } from './useIsPluginInstalled.js'
import { usePlugins } from './usePlugins.js'

/** Plays the server: it answers with what is in here, and counts. */
let answers: Record<string, unknown>
let asked: string[]
let server: Server
let root: Root
let page: HTMLElement

beforeEach(async () => {
  answers = {}
  asked = []
  server = createServer(async (request, response) => {
    const path = request.url ?? ''
    asked.push(path)
    const data = await answers[path.split('?')[0] ?? '']
    response.writeHead(data === undefined ? 503 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(data === undefined ? { error: 'It is away', code: 'AWAY' } : { data }))
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

function show(content: ReactNode) {
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  root.render(<QueryClientProvider client={client}>{content}</QueryClientProvider>)
  return client
}

/** Lets a question wait until the answer is given. */
function hold(path: string): (data: unknown) => void {
  let give: (data: unknown) => void = () => undefined
  answers[path] = new Promise((resolve) => {
    give = resolve
  })
  return give
}

const shown = (text: string) => expect.poll(() => page.textContent).toBe(text)

const installation = (pluginKey: string, status = 'installed', contributes = {}) => ({
  id: 7,
  pluginKey,
  status,
  installedAt: null,
  plugin: { key: pluginKey, contributes },
})

describe('a gate', () => {
  it('asks once, however many of them are on the page', async () => {
    answers['/plugins/installations'] = [installation('here')]
    const gates = Array.from({ length: 10 }, (_, index) => (
      <PluginGate key={index} pluginKey={index % 2 === 0 ? 'here' : 'away'} fallback="-">
        +
      </PluginGate>
    ))
    show(gates)
    await shown('+-+-+-+-+-')
    expect(asked).toEqual(['/plugins/installations'])
  })

  it('is closed for what is disabled, failed or being installed', async () => {
    answers['/plugins/installations'] = [
      installation('a', 'disabled'),
      installation('b', 'failed'),
      installation('c', 'installing'),
    ]
    show(
      ['a', 'b', 'c'].map((key) => (
        <PluginGate key={key} pluginKey={key} fallback="closed ">
          open
        </PluginGate>
      )),
    )
    await shown('closed closed closed ')
  })

  it('stays open while its plugin is brought to another version', async () => {
    answers['/plugins/installations'] = [installation('a', 'updating', { views: [{ slot: 'models.tabs' }] })]
    show(
      <>
        <PluginGate pluginKey="a">open </PluginGate>
        <PluginGate slot="models.tabs">models</PluginGate>
      </>,
    )
    await shown('open models')
  })

  it('opens for a place that any installed plugin fills, without knowing which', async () => {
    answers['/plugins/installations'] = [installation('whatever', 'installed', { views: [{ slot: 'models.tabs' }] })]
    show(
      <>
        <PluginGate slot="models.tabs">models </PluginGate>
        <PluginGate slot="risks.actions" fallback="nothing">
          risks
        </PluginGate>
      </>,
    )
    await shown('models nothing')
  })

  it('shows what is given for the meantime, and then its children', async () => {
    const held = hold('/plugins/installations')
    show(
      <PluginGate pluginKey="here" loading="loading" fallback="closed">
        open
      </PluginGate>,
    )
    await shown('loading')
    held([installation('here')])
    await shown('open')
  })

  it('shows nothing in the meantime, and nothing when it is closed, unless something is given for that', async () => {
    const held = hold('/plugins/installations')
    show(
      <>
        before<PluginGate pluginKey="here">open</PluginGate>after
      </>,
    )
    await shown('beforeafter')
    await expect.poll(() => asked).toEqual(['/plugins/installations'])
    expect(page.textContent).toBe('beforeafter')
    held([installation('away')])
    show(
      <>
        before<PluginGate pluginKey="here">open</PluginGate>later
      </>,
    )
    await shown('beforelater')
  })

  it('shows the fallback when the server is away', async () => {
    show(
      <PluginGate pluginKey="here" loading="loading" fallback="closed">
        open
      </PluginGate>,
    )
    await shown('closed')
  })

  it('opens when its plugin was installed meanwhile, and closes when it was removed', async () => {
    answers['/plugins/installations'] = []
    const gate = (
      <PluginGate pluginKey="here" fallback="closed">
        open
      </PluginGate>
    )
    const client = show(gate)
    await shown('closed')
    answers['/plugins/installations'] = [installation('here')]
    await refreshPlugins(client)
    await shown('open')
    answers['/plugins/installations'] = []
    await refreshPlugins(client)
    await shown('closed')
  })
})

describe('the hooks', () => {
  it('say whether a plugin is installed, and under which id', async () => {
    answers['/plugins/installations'] = [installation('here')]
    function Told({ pluginKey }: { pluginKey: string }) {
      const { isInstalled, loading, installationId } = useIsPluginInstalled(pluginKey)
      return <>{`${isInstalled} ${loading} ${installationId} `}</>
    }
    show(
      <>
        <Told pluginKey="here" />
        <Told pluginKey="away" />
      </>,
    )
    await shown('true false 7 false false null ')
  })

  it('merge the marketplace with what is installed, and do without the latter', async () => {
    answers['/plugins/marketplace'] = [{ key: 'here' }, { key: 'away' }]
    function Listed() {
      const { plugins, loading, error } = usePlugins('security')
      return (
        <>
          {loading ? 'loading' : plugins.map(({ key, installationId }) => `${key}:${installationId} `).join('') + error}
        </>
      )
    }
    show(<Listed />)
    await shown('here:undefined away:undefined null')
    expect(asked.toSorted()).toEqual(['/plugins/installations', '/plugins/marketplace?category=security'])
  })

  it('tell the sentence of the server when the marketplace is away', async () => {
    answers['/plugins/installations'] = []
    function Failed() {
      return <>{usePlugins().error}</>
    }
    show(<Failed />)
    await shown('It is away')
  })
})
