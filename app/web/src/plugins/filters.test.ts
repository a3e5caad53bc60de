import { mergeInstallations, type Plugin, type PluginInstallation } from '@tenon/react'
import { describe, expect, it } from 'vitest'
import { filterPlugins, statusOptions } from './filters.js'

const registry = {
  key: 'registry',
  requiresConfiguration: true,
  contributes: { configuration: { required: ['url'] } },
} as unknown as Plugin

const chat = { key: 'chat', requiresConfiguration: true, contributes: { connections: [{ id: 'account' }] } }

describe('plugins that need attention', () => {
  const needsAttention = (installation?: object, of: object = registry) => {
    const installed =
      installation &&
      ({ id: 1, pluginKey: (of as Plugin).key, installedAt: null, ...installation } as PluginInstallation)
    const [plugin] = mergeInstallations([of as Plugin], installed ? [installed] : [])
    return statusOptions.find(({ value }) => value === 'attention')?.matches(plugin as Plugin)
  }

  it.each([
    ['could not be installed', { status: 'failed' }],
    ['is disabled', { status: 'disabled', configuration: { url: 'https://models.example' } }],
    ['has no configuration yet', { status: 'installed', configuration: null }],
  ])('are one that %s', (_, installation) => {
    expect(needsAttention(installation)).toBe(true)
  })

  it.each([
    ['is not installed', undefined],
    ['is being installed', { status: 'installing', configuration: null }],
    ['has what it needs', { status: 'installed', configuration: { url: 'https://models.example' } }],
  ])('are not one that %s', (_, installation) => {
    expect(needsAttention(installation)).toBe(false)
  })

  it('are those that wait for an account, until there is one', () => {
    expect(needsAttention({ status: 'installed', configuration: null, connected: false }, chat)).toBe(true)
    expect(needsAttention({ status: 'installed', configuration: null, connected: true }, chat)).toBe(false)
    expect(needsAttention({ status: 'installing', configuration: null, connected: false }, chat)).toBe(false)
  })
})

describe('the trust that a list is narrowed by', () => {
  const of = (key: string, more: object) => ({ key, isOfficial: false, ...more }) as unknown as Plugin
  const packed = of('packed', { artifact: { path: 'a.tgz', sha256: 'a'.repeat(64), size: 1 }, permissions: {} })
  const source = of('source', { isOfficial: true })
  const narrowed = (trust: string) =>
    filterPlugins([packed, source], { q: '', category: '', status: '', needs: '', trust }).map(({ key }) => key)

  it.each([
    ['official', ['source']],
    ['packed', ['packed']],
    ['source', ['source']],
    ['declared', ['packed']],
    ['undeclared', ['source']],
    ['', ['packed', 'source']],
  ])('%s leaves those of which the catalog says so', (trust, left) => {
    expect(narrowed(trust)).toEqual(left)
  })
})
