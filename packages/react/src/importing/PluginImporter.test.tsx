// @vitest-environment jsdom
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MantineProvider } from '@mantine/core'
import type { ImporterContribution } from '@tenon/contract'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { configureRequests } from '../api/request.js'
import type { Plugin } from '../plugins/types.js'
import { PluginImporter } from './PluginImporter.js'

const plugin = { key: 'stranger', displayName: 'Stranger' } as Plugin
const importer = {
  id: 'rows',
  title: 'Import',
  import: 'POST /import',
  history: 'GET /imports',
  accept: ['.csv'],
} as ImporterContribution

/** What the plugin says of its past imports. */
let history: unknown
let server: Server
let root: Root
let page: HTMLElement

beforeEach(async () => {
  window.matchMedia = () =>
    ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }) as never
  vi.spyOn(console, 'error').mockReturnValue()
  server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ data: request.url?.endsWith('/imports') ? history : [] }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  configureRequests({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  page = document.createElement('div')
  document.body.append(page)
  root = createRoot(page)
})
afterEach(async () => {
  root.unmount()
  page.remove()
  vi.restoreAllMocks()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

function show(pastImports: unknown): void {
  history = pastImports
  root.render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient({ defaultOptions: { queries: { retry: false } } })}>
        <p>The rest of the page.</p>
        <PluginImporter plugin={plugin} importer={importer} />
      </QueryClientProvider>
    </MantineProvider>,
  )
}

const shows = (text: string | RegExp) => expect.poll(() => page.textContent).toMatch(text)

describe('an importer of a plugin', () => {
  it('shows what was imported earlier', async () => {
    show([{ id: 'a', importedAt: '2026-05-03T10:00:00Z', imported: 3, fileName: 'risks.csv' }])
    await shows(/3 rows.*risks\.csv/)
  })

  it.each([[{ items: [] }], ['nothing'], [[null]], [[{}]]])(
    'breaks nothing around it when it answers %j',
    async (nonsense) => {
      show(nonsense)
      await shows('Stranger answered what cannot be shown')
      await shows('The rest of the page.')
    },
  )
})
