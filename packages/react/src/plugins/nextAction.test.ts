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
    ['requires fields', {}, null, 'configure'],
    ['requires fields, and nothing was entered', {}, {}, 'configure'],
    ['requires fields, and some were entered', {}, { url: 'https://models.example' }, 'open'],
    ['declares a form without required fields', { contributes: { configuration: {} } }, null, 'configure'],
    ['declares such a form, and it was saved as it is', { contributes: { configuration: {} } }, {}, 'open'],
    ['declares no form, as in the seed', { contributes: undefined }, null, 'configure'],
    ['declares no form, and something was saved', { contributes: undefined }, { server_url: '' }, 'open'],
    ['says that it requires none', { requiresConfiguration: false }, null, 'open'],
  ])('of a plugin that %s', (_, more, configuration, action) => {
    expect(nextAction(plugin(more), installed({ configuration }))).toBe(action)
    expect(needsConfiguration(plugin(more), installed({ configuration }))).toBe(action === 'configure')
  })

  const connections = [{ id: 'workspace' }]
  it.each([
    ['with no account', { connections }, { connected: false }, 'connect'],
    ['with an account', { connections }, { connected: true }, 'open'],
    ['of which it is not known', { connections }, {}, 'open'],
    ['that declares none', {}, { connected: false }, 'open'],
    ['with fields that are not required', { connections, configuration: {} }, { connected: false }, 'connect'],
    [
      'that is filled in first',
      { connections, configuration: { required: ['url'] } },
      { connected: false },
      'configure',
    ],
    ['that is updated first', { connections }, { connected: false, updateAvailable: '2.0.0' }, 'update'],
    ['that is disabled', { connections }, { connected: false, status: 'disabled' }, 'enable'],
  ])('of a plugin for accounts %s', (_, contributes, more, action) => {
    const installation = installed({ configuration: null, ...more })
    const requiresConfiguration = 'connections' in contributes
    expect(nextAction(plugin({ contributes, requiresConfiguration }), installation)).toBe(action)
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
