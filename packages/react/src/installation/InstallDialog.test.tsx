// @vitest-environment jsdom
import { expect, it } from 'vitest'
import type { Plugin } from '../plugins/types.js'
import { setStage } from '../testing/stage.js'
import { InstallDialog } from './InstallDialog.js'

const stage = setStage()

const connections = [{ id: 'account' }]
const plugin = (more: object) =>
  ({
    key: 'any',
    displayName: 'Any',
    version: '1.0.0',
    permissions: {},
    requiresConfiguration: true,
    ...more,
  }) as Plugin

it.each([
  ['with fields to fill in', { contributes: { configuration: { required: ['url'] } } }, 'Configure it'],
  ['of the seed, which declares no fields', {}, 'Configure it'],
  ['with an account to connect', { contributes: { connections } }, 'Connect an account'],
  ['that needs neither', { requiresConfiguration: false }, 'Open it'],
])('a plugin %s leads there when it is installed', async (_, more, label) => {
  const led: Plugin[] = []
  const subject = plugin(more)
  stage.answers = {
    'GET /plugins/installations': [],
    'GET /plugins/marketplace/any': subject,
    'POST /plugins/install': { id: 3, pluginKey: 'any', status: 'installed', configuration: null },
  }
  stage.show(<InstallDialog plugin={subject} onClose={() => undefined} onContinue={(one) => led.push(one)} />)
  await expect.poll(() => stage.named('Allow and install').getAttribute('disabled')).toBe(null)
  stage.click('Allow and install')
  await expect.poll(() => document.body.textContent).toContain('Any is installed.')
  // What was pressed is gone, and whoever has no mouse goes on from here.
  await expect.poll(() => document.activeElement).toBe(stage.named(label))
  stage.click(label)
  expect(led).toEqual([subject])
})
