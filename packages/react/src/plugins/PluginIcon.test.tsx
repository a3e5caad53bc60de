// @vitest-environment jsdom
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { configureRequests } from '../api/request.js'
import { PluginIcon } from './PluginIcon.js'

let root: Root
let page: HTMLElement
beforeEach(() => {
  configureRequests({ baseUrl: '/api' })
  page = document.createElement('div')
  root = createRoot(page)
})
afterEach(() => root.unmount())

function show(iconUrl?: string, category = 'security') {
  const plugin = { key: 'any plugin', category, ...(iconUrl === undefined ? {} : { iconUrl }) }
  root.render(
    <QueryClientProvider client={new QueryClient()}>
      <PluginIcon plugin={plugin} />
    </QueryClientProvider>,
  )
}

const image = () => page.querySelector('img')
const sign = () => page.querySelector('svg')

describe('the icon of a plugin', () => {
  it.each(['https://icons.example/any.svg', '/assets/any.svg'])(
    'with the picture %s comes from the own server, never from a stranger',
    async (iconUrl) => {
      show(iconUrl)
      await expect.poll(() => image()?.getAttribute('src')).toBe('/api/plugins/marketplace/any%20plugin/icon')
      expect(sign()).toBeNull()
    },
  )

  it('without a picture is the sign of its category', async () => {
    show()
    await expect.poll(() => sign()?.classList.contains('lucide-shield-check')).toBe(true)
    expect(image()).toBeNull()
  })

  it('of a category that a publisher made up is the sign of plugins', async () => {
    show(undefined, 'made_up')
    await expect.poll(() => sign()?.classList.contains('lucide-puzzle')).toBe(true)
  })

  it('whose picture cannot be loaded is the sign of its category', async () => {
    show('/assets/gone.svg')
    await expect.poll(image).not.toBeNull()
    image()?.dispatchEvent(new Event('error'))
    await expect.poll(sign).not.toBeNull()
    expect(image()).toBeNull()
  })
})
