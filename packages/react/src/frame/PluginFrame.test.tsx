// @vitest-environment jsdom
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { configureRequests } from '../api/request.js'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { PluginFrame } from './PluginFrame.js'

let server: Server
let root: Root
let page: HTMLElement
let given = 0
beforeEach(async () => {
  given = 0
  server = createServer((_request, response) => {
    given += 1
    response.writeHead(200, { 'content-type': 'application/json', 'access-control-allow-origin': '*' })
    response.end(JSON.stringify({ message: 'OK', data: { path: `/frames/${given}` } }))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  configureRequests({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api` })
  window.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as never
  page = document.createElement('div')
  root = createRoot(page)
})
afterEach(() => {
  root.unmount()
  server.closeAllConnections()
  server.close()
})

const ui = { pages: [{ id: 'board', title: 'Board' }], routes: [], height: 300 }
const plugin = { key: 'board', displayName: 'Board', contributes: { ui } } as unknown as Plugin
const address = () => page.querySelector('iframe')?.getAttribute('src')

it('a frame keeps what is in it when everything of plugins is read anew', async () => {
  const client = new QueryClient()
  root.render(
    <MantineProvider>
      <QueryClientProvider client={client}>
        <PluginFrame plugin={plugin} installation={{ id: 7 } as PluginInstallation} />
      </QueryClientProvider>
    </MantineProvider>,
  )
  await expect.poll(address).toMatch(/frames\/1$/)
  const frame = page.querySelector('iframe')
  await client.invalidateQueries({ queryKey: ['tenon'] })
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(page.querySelector('iframe')).toBe(frame)
  expect(address()).toMatch(/frames\/1$/)
  expect(given).toBe(1)
})
