import { describe, expect, it } from 'vitest'
import { needsConfiguration, nextAction } from './nextAction.js'
import type { Plugin, PluginInstallation } from './types.js'

const plugin = (more: object = {}) =>
  ({
    key: 'any',
    requiresConfiguration: true,
    contributes: { configuration: { required: ['url'] } },
    ...more,
  }) as unknown as Plugin
const installed = (more: object = {}) => ({ status: 'installed', configuration: {}, ...more }) as PluginInstallation

describe('what to do next', () => {
  it('is to configure a plugin that requires a configuration and has none', () => {
    expect(nextAction(plugin(), installed())).toBe('configure')
    expect(nextAction(plugin(), installed({ configuration: { url: 'https://models.example' } }))).toBe('open')
  })

  it.each([
    ['the plugin requires none', { requiresConfiguration: false }],
    ['nothing in it is required', { contributes: { configuration: {} } }],
    ['the plugin declares no form', { contributes: {} }],
  ])('is to open a plugin without a configuration when %s', (_, more) => {
    expect(needsConfiguration(plugin(more), installed())).toBe(false)
    expect(nextAction(plugin(more), installed())).toBe('open')
  })

  it.each([
    [undefined, 'install'],
    ['failed', 'fix'],
    ['disabled', 'enable'],
    ['installing', 'wait'],
    ['uninstalling', 'wait'],
  ])('follows the status %s: %s', (status, action) => {
    const installation = status === undefined ? undefined : installed({ status })
    expect(nextAction(plugin(), installation)).toBe(action)
  })

  it('is an update when there is one, and nothing else to do before', () => {
    const configuration = { url: 'https://models.example' }
    expect(nextAction(plugin(), installed({ updateAvailable: true, configuration }))).toBe('update')
    expect(nextAction(plugin(), installed({ updateAvailable: true }))).toBe('configure')
  })

  it('is nothing for a plugin that cannot be installed here', () => {
    expect(nextAction(plugin({ installable: false }))).toBe('unavailable')
  })
})
