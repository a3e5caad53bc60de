// @vitest-environment jsdom
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { held, Refusal, setStage } from '../testing/stage.js'
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

describe('a configuration that somebody else changes meanwhile', () => {
  const stage = setStage()
  const plugin = {
    key: 'any',
    displayName: 'Any',
    contributes: {
      configuration: {
        type: 'object',
        properties: { url: { type: 'string', title: 'Address' }, team: { type: 'string', title: 'Team' } },
      },
    },
  } as unknown as Plugin
  const stored = (configurationRevision: string, url: string) =>
    ({
      id: 1,
      configurationRevision,
      updatedAt: configurationRevision,
      configuration: { url, team: 'A' },
    }) as unknown as PluginInstallation
  const showStored = (revision: string, url: string) =>
    stage.show(<PluginConfigForm plugin={plugin} installation={stored(revision, url)} />)
  const field = () => stage.page.querySelector<HTMLInputElement>('input[id*="url"]') as HTMLInputElement
  const enter = (text: string) => {
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value')?.set?.call(field(), text)
    field().dispatchEvent(new Event('input', { bubbles: true }))
  }
  const text = () => expect.poll(() => stage.page.textContent)

  it('is followed as long as nothing was entered', async () => {
    showStored('1', 'old')
    await expect.poll(() => field()?.value).toBe('old')
    showStored('2', 'new')
    await expect.poll(() => field().value).toBe('new')
    await text().not.toContain('Somebody else')
  })

  it('is not overwritten without a question, and what was entered stays until then', async () => {
    const sent: unknown[] = []
    stage.answers['PUT /plugins/installations/1/configuration'] = (body: { revision: string }) => {
      sent.push(body)
      return body.revision === '1'
        ? new Refusal(409, { data: 'The configuration was changed meanwhile.', code: 'CONFIGURATION_OUTDATED' })
        : stored('3', 'mine')
    }
    showStored('1', 'old')
    await expect.poll(() => field()?.value).toBe('old')
    enter('mine')
    await expect.poll(() => field().value).toBe('mine')
    stage.click('Save configuration')
    await text().toContain('The configuration was changed meanwhile.')
    showStored('2', 'theirs')
    await text().toContain('Somebody else has changed it meanwhile: Address')
    expect(field().value).toBe('mine')
    stage.click('Keep what I entered')
    await text().not.toContain('Somebody else')
    stage.click('Save configuration')
    await expect
      .poll(() => sent)
      .toEqual([
        { configuration: { url: 'mine', team: 'A' }, revision: '1' },
        { configuration: { url: 'mine', team: 'A' }, revision: '2' },
      ])
  })

  it('is shown when that is wanted', async () => {
    showStored('1', 'old')
    await expect.poll(() => field()?.value).toBe('old')
    enter('mine')
    await expect.poll(() => field().value).toBe('mine')
    showStored('2', 'theirs')
    await text().toContain('Somebody else has changed it meanwhile')
    stage.click('Show what is saved')
    await expect.poll(() => field().value).toBe('theirs')
  })

  it('has the focus at its button when it was saved', async () => {
    const saved = held<PluginInstallation>()
    stage.answers['PUT /plugins/installations/1/configuration'] = () => saved.promise
    showStored('1', 'old')
    await expect.poll(() => field()?.value).toBe('old')
    stage.named('Save configuration').focus()
    stage.click('Save configuration')
    await expect.poll(() => stage.asked).toContain('PUT /plugins/installations/1/configuration')
    saved.answer(stored('2', 'as it was saved'))
    await expect.poll(() => field().value).toBe('as it was saved')
    expect(document.activeElement?.textContent).toBe('Save configuration')
  })
})
