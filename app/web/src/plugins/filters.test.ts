import { mergeInstallations, type Plugin, type PluginInstallation } from '@tenon/react'
import { describe, expect, it } from 'vitest'
import { statusOptions } from './filters.js'

const registry = {
  key: 'registry',
  requiresConfiguration: true,
  contributes: { configuration: { required: ['url'] } },
} as unknown as Plugin

describe('plugins that need attention', () => {
  const needsAttention = (installation?: object) => {
    const installed =
      installation && ({ id: 1, pluginKey: 'registry', installedAt: null, ...installation } as PluginInstallation)
    const [plugin] = mergeInstallations([registry], installed ? [installed] : [])
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
})
