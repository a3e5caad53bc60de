// @vitest-environment jsdom
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { PluginConfigForm } from './PluginConfigForm.js'

let root: Root
let page: HTMLElement

beforeEach(() => {
  window.matchMedia = () =>
    ({ matches: false, addEventListener: () => undefined, removeEventListener: () => undefined }) as never
  vi.spyOn(console, 'error').mockReturnValue()
  vi.spyOn(console, 'warn').mockReturnValue()
  page = document.createElement('div')
  document.body.append(page)
  root = createRoot(page)
})
afterEach(() => {
  root.unmount()
  page.remove()
  vi.restoreAllMocks()
})

function show(configuration: Record<string, unknown>): void {
  const plugin = { key: 'stranger', displayName: 'Stranger', contributes: { configuration } } as unknown as Plugin
  root.render(
    <MantineProvider>
      <QueryClientProvider client={new QueryClient()}>
        <p>The rest of the page.</p>
        <PluginConfigForm plugin={plugin} installation={{ id: 1, configuration: {} } as PluginInstallation} />
      </QueryClientProvider>
    </MantineProvider>,
  )
}

const field = (title: string) => ({ type: 'object', properties: { a: { type: 'string', title } } })

describe('the form of a configuration', () => {
  it.each([
    [{ type: 'object', properties: { a: null } }],
    [{ type: 'object', properties: { a: { type: 'string', enum: 5 } } }],
    [{ type: 'object', properties: { a: { type: 'nonsense' } } }],
    [{ type: 'object', properties: { a: { $ref: '#/$defs/nowhere' } } }],
    [{ type: 'object', properties: { a: { $ref: '#/properties/a' } } }],
    [{ type: 'object', properties: { a: { type: 'array', items: [] } } }],
    [{ type: 'object', properties: [] }],
    [{ type: 'object', properties: { a: { type: 'string', title: { b: 1 } } } }],
    [{ type: 'object', properties: { a: { type: 'string', pattern: '(' } } }],
    [{ type: 'object', allOf: [{ if: true, then: null }] }],
    [{ type: 'array' }],
    [{ properties: { a: true } }],
  ])('breaks nothing around it when its schema is %j', async (schema) => {
    show(schema)
    await expect.poll(() => page.textContent).toMatch(/The rest of the page\.[^]*(Save|cannot be shown)/)
  })

  it('is there again with a schema that can be drawn', async () => {
    show({ type: 'object', properties: { a: { type: 'string', title: { b: 1 } } } })
    await expect.poll(() => page.textContent).toMatch('cannot be shown')
    show(field('Address'))
    const again = [...page.querySelectorAll('button')].find(({ textContent }) => textContent === 'Try again')
    again?.click()
    await expect.poll(() => page.textContent).toMatch('Address')
  })
})
