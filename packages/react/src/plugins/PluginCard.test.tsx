// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import { setStage } from '../testing/stage.js'
import { PluginCard, type PluginCardProps } from './PluginCard.js'
import type { InstallationStatus, Plugin, PluginInstallation } from './types.js'

const stage = setStage()

const plugin = {
  key: 'registry',
  name: 'registry',
  displayName: 'Registry',
  description: 'Keeps count of models.',
  version: '1.2.0',
  author: 'Acme',
  category: 'ml_ops',
  isOfficial: true,
  requiresConfiguration: false,
  features: [
    { name: 'Sync', description: '', displayOrder: 1 },
    { name: 'History', description: '', displayOrder: 2 },
    { name: 'Third', description: '', displayOrder: 3 },
  ],
  tags: [],
} as unknown as Plugin

const ofStatus = (installationStatus: InstallationStatus) =>
  ({ ...plugin, installationId: 7, installationStatus }) as Plugin
const installed = ofStatus('installed')
const installation = (more = {}) =>
  ({ id: 7, pluginKey: 'registry', status: 'installed', configuration: null, ...more }) as PluginInstallation

function show(props: Partial<PluginCardProps> = {}): HTMLElement {
  stage.show(<PluginCard plugin={plugin} {...props} />)
  return stage.page.querySelector('article') as HTMLElement
}

const textsOf = (element: Element, selector: string) =>
  [...element.querySelectorAll(selector)].map(({ textContent }) => textContent)
/** The one button at the foot of the card. */
const actionOf = (card: Element) => card.querySelector<HTMLElement>('footer button, footer a')

/** Opens the menu, and says what is in it. */
async function menu(): Promise<string[]> {
  stage.click('More for Registry')
  await expect.poll(() => document.querySelector('[role="menu"]')).not.toBe(null)
  return textsOf(document.body, '[role="menuitem"]').map(String)
}
const choose = (name: string) =>
  [...document.querySelectorAll<HTMLElement>('[role="menuitem"]')].find((item) => item.textContent === name)?.click()

describe('a card', () => {
  it('shows name, description, publisher, version, category and the first two features', async () => {
    const card = show({ category: 'ML Operations' })
    expect(card.querySelector('h3')?.textContent).toBe('Registry')
    expect(card.querySelector('header')?.textContent).toContain('Acme · Official')
    expect(textsOf(card, 'p')).toContain('Keeps count of models.')
    expect(textsOf(card, 'ul[aria-label="Features"] li')).toEqual(['ML Operations', 'Sync', 'History'])
    expect(card.querySelector('footer')?.textContent).toContain('Version 1.2.0')
  })

  it('shows the icon of the plugin, or else the sign of its category', async () => {
    const withIcon = show({ plugin: { ...plugin, iconUrl: 'https://stranger.example/icon.svg' } })
    expect(withIcon.querySelector('img')?.getAttribute('src')).toMatch(
      /^http:.*\/plugins\/marketplace\/registry\/icon$/,
    )
    const without = show()
    expect(without.querySelector('.tn-icon svg')).not.toBe(null)
  })

  it.each<[string, Partial<PluginCardProps>, status: string, action: string]>([
    ['is not installed', {}, 'Version 1.2.0', 'View'],
    ['may be installed', { onInstall: () => undefined }, 'Version 1.2.0', 'Install'],
    ['cannot be installed here', { plugin: { ...plugin, installable: false } }, 'Not installable here', 'View'],
    ['is being installed', { plugin: ofStatus('installing') }, 'Installing', 'View'],
    ['is installed', { plugin: installed }, 'Installed', 'Open'],
    ['failed', { plugin: ofStatus('failed') }, 'Failed', 'Fix'],
    ['is disabled', { plugin: ofStatus('disabled') }, 'Disabled', 'Enable'],
    ['is being updated', { plugin: ofStatus('updating') }, 'Updating', 'View'],
    ['is being removed', { plugin: ofStatus('uninstalling') }, 'Uninstalling', 'View'],
    [
      'requires a configuration',
      { plugin: { ...installed, requiresConfiguration: true }, installation: installation() },
      'Needs configuration',
      'Configure',
    ],
    [
      'has no account yet',
      {
        plugin: { ...installed, contributes: { connections: [{ id: 'account' }] } as never },
        installation: installation({ connected: false }),
      },
      'Not connected',
      'Connect',
    ],
    [
      'has a newer version',
      { plugin: installed, installation: installation({ updateAvailable: '2.0.0' }), onUpdate: () => undefined },
      '2.0.0 available',
      'Update',
    ],
  ])('of a plugin that %s says so, and what to do next', async (_, props, status, action) => {
    const card = show(props)
    expect(textsOf(card, 'footer')).toEqual([status + action])
    expect(actionOf(card)?.getAttribute('aria-label')).toBe(`${action} Registry`)
  })

  it.each<[string, Partial<PluginCardProps>]>([
    ['failed', { plugin: ofStatus('failed') }],
    ['is disabled', { plugin: ofStatus('disabled') }],
    [
      'requires a configuration',
      { plugin: { ...installed, requiresConfiguration: true }, installation: installation() },
    ],
    [
      'has no account yet',
      {
        plugin: { ...installed, contributes: { connections: [{ id: 'account' }] } as never },
        installation: installation({ connected: false }),
      },
    ],
  ])('of a plugin that %s only opens for people who may not change it', (_, props) => {
    const action = actionOf(show({ ...props, readOnly: true }))
    expect(action?.getAttribute('aria-label')).toBe('Open Registry')
    expect(action?.getAttribute('data-variant')).toBe('default')
  })

  it.each(['onInstall', 'onRequest', 'onUpdate'] as const)('calls %s with the plugin', async (name) => {
    const told: Plugin[] = []
    const subject = name === 'onUpdate' ? installed : plugin
    const card = show({
      plugin: subject,
      installation: name === 'onUpdate' ? installation({ updateAvailable: '2.0.0' }) : undefined,
      [name]: (one: Plugin) => told.push(one),
    })
    actionOf(card)?.click()
    expect(told).toEqual([subject])
  })

  it('is busy while something is done with the plugin', async () => {
    const card = show({ loading: true, onInstall: () => undefined })
    expect(card.getAttribute('aria-busy')).toBe('true')
    expect(actionOf(card)?.getAttribute('data-loading')).toBe('true')
    expect(show({ onInstall: () => undefined }).getAttribute('aria-busy')).toBe('false')
  })
})

describe('the whole of a card', () => {
  const click = (link: HTMLElement | null, init: MouseEventInit = {}) => {
    const event = new MouseEvent('click', { bubbles: true, cancelable: true, ...init })
    // What a browser would do with the link is not for jsdom to try.
    const wasTaken = new Promise<boolean>((resolve) =>
      window.addEventListener(
        'click',
        (seen) => {
          resolve(seen.defaultPrevented)
          seen.preventDefault()
        },
        { once: true },
      ),
    )
    link?.dispatchEvent(event)
    return wasTaken
  }

  it('leads to the management page, by the application or else by the browser', async () => {
    const told: Plugin[] = []
    const onManage = (one: Plugin) => told.push(one)
    const card = show({ onManage })
    const link = card.querySelector<HTMLAnchorElement>('h3 a')
    expect(link?.getAttribute('href')).toBe('/plugins/registry/manage')
    expect(await click(link)).toBe(true)
    expect(told).toEqual([plugin])
    show()
    expect(await click(link)).toBe(false)
    show({ href: '#registry' })
    expect(link?.getAttribute('href')).toBe('#registry')
  })

  it.each([{ ctrlKey: true }, { metaKey: true }, { shiftKey: true }, { button: 1 }])(
    'is left to the browser for another tab with %j',
    async (init) => {
      const told: Plugin[] = []
      const card = show({ onManage: (one) => told.push(one) })
      expect(await click(card.querySelector('h3 a'), init)).toBe(false)
      expect(told).toEqual([])
    },
  )
})

describe('the menu of a card', () => {
  it('is there for what is installed only', async () => {
    const card = show({ onUninstall: () => undefined })
    expect(card.querySelector('[aria-label="More for Registry"]')).toBe(null)
  })

  it('manages and uninstalls', async () => {
    const managed: Plugin[] = []
    const uninstalled: number[] = []
    show({
      plugin: installed,
      onManage: (one) => managed.push(one),
      onUninstall: (id) => void uninstalled.push(id),
    })
    expect(await menu()).toEqual(['Manage', 'Uninstall'])
    choose('Manage')
    expect(managed).toEqual([installed])
    await expect.poll(() => document.querySelector('[role="menu"]')).toBe(null)
    await menu()
    choose('Uninstall')
    expect(uninstalled).toEqual([7])
  })

  it('leaves it to who removes the plugin to say that it was refused', async () => {
    const unheard: unknown[] = []
    const hear = (reason: unknown) => unheard.push(reason)
    process.on('unhandledRejection', hear)
    show({ plugin: installed, onUninstall: () => Promise.reject(new Error('It is being changed right now')) })
    await menu()
    choose('Uninstall')
    await new Promise((resolve) => setImmediate(resolve))
    process.off('unhandledRejection', hear)
    expect(unheard).toEqual([])
  })

  it('does not uninstall where nobody would hear of it', async () => {
    show({ plugin: installed, onManage: () => undefined })
    expect(await menu()).toEqual(['Manage'])
  })
})
