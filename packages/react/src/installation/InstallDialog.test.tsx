// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import type { Plugin } from '../plugins/types.js'
import { held, Refusal, setStage } from '../testing/stage.js'
import { InstallDialog } from './InstallDialog.js'

const stage = setStage()

const connections = [{ id: 'account' }]
const plugin = (more: object) =>
  ({
    asks: [],
    key: 'any',
    displayName: 'Any',
    version: '1.0.0',
    permissions: {},
    requiresConfiguration: true,
    ...more,
  }) as unknown as Plugin

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
  await expect.poll(() => stage.named('Allow and install').getAttribute('aria-disabled')).toBe(null)
  stage.click('Allow and install')
  await expect.poll(() => document.body.textContent).toContain('Any is installed.')
  // What was pressed is gone, and whoever has no mouse goes on from here.
  await expect.poll(() => document.activeElement).toBe(stage.named(label))
  stage.click(label)
  expect(led).toEqual([subject])
})

const read = { id: 'table:risks:select', group: 'read', sentence: 'Read the table risks' }
const change = { id: 'table:risks:insert', group: 'change', sentence: 'Add rows to the table risks' }
const text = () => expect.poll(() => document.body.textContent)
const mayInstall = () => expect.poll(() => stage.named('Allow and install').getAttribute('aria-disabled')).toBe(null)
const show = (subject: Plugin) => stage.show(<InstallDialog plugin={subject} onClose={() => undefined} />)

it('a plugin that only tells of events is not said to receive them', async () => {
  const subject = plugin({ asks: [{ id: 'publish:a.b', group: 'events', sentence: 'Announce the event a.b' }] })
  stage.answers = { 'GET /plugins/installations': [], 'GET /plugins/marketplace/any': subject }
  show(subject)
  await text().toContain('Announce the event a.b')
  expect(document.querySelector('[data-kind="events"] .tn-permission-title')?.textContent).toBe('Exchange events')
})

it('what is installed is what was shown, and what is there instead is shown before it is agreed to', async () => {
  const sent: unknown[] = []
  const artifact = { sha256: 'a'.repeat(64) }
  const first = plugin({ asks: [read], artifact })
  const second = plugin({ asks: [read, change], artifact: { sha256: 'b'.repeat(64) }, version: '1.1.0' })
  stage.answers = {
    'GET /plugins/installations': [],
    'GET /plugins/marketplace/any': first,
    'POST /plugins/install': (body: unknown) => {
      sent.push(body)
      stage.answers['GET /plugins/marketplace/any'] = second
      return sent.length === 1
        ? new Refusal(409, { data: 'Any is no longer what was shown.', code: 'CONSENT_OUTDATED' })
        : { id: 3, pluginKey: 'any', status: 'installed', configuration: null }
    },
  }
  show(first)
  await mayInstall()
  stage.click('Allow and install')
  await text().toContain('Any is no longer what was shown.')
  await text().toContain('Add rows to the table risks')
  await text().toContain('Version 1.1.0')
  await mayInstall()
  stage.click('Allow and install')
  await text().toContain('Any is installed.')
  expect(sent).toEqual([
    {
      pluginKey: 'any',
      permissions: [read.id],
      shown: { version: '1.0.0', digest: 'a'.repeat(64), permissions: [read.id] },
    },
    {
      pluginKey: 'any',
      permissions: [read.id, change.id],
      shown: { version: '1.1.0', digest: 'b'.repeat(64), permissions: [read.id, change.id] },
    },
  ])
})

it('of a plugin that declares nothing nothing is chosen, and it is said that this was shown', async () => {
  let sent: unknown
  const subject = plugin({ permissions: undefined })
  stage.answers = {
    'GET /plugins/installations': [],
    'GET /plugins/marketplace/any': subject,
    'POST /plugins/install': (body: unknown) => {
      sent = body
      return { id: 3, pluginKey: 'any', status: 'installed', configuration: null }
    },
  }
  show(subject)
  await mayInstall()
  stage.click('Allow and install')
  await text().toContain('Any is installed.')
  expect(sent).toEqual({ pluginKey: 'any', shown: { version: '1.0.0', permissions: null } })
})

it('while it is not known what a plugin asks for, nothing is said of it and nothing can be installed', async () => {
  const subject = plugin({ asks: [read] })
  stage.answers = { 'GET /plugins/installations': [] }
  show(subject)
  await text().toContain('What it asks for cannot be shown')
  expect(document.body.textContent).not.toContain('It asks for nothing')
  expect(stage.named('Allow and install').getAttribute('aria-disabled')).toBe('true')
  stage.answers['GET /plugins/marketplace/any'] = subject
  stage.click('Ask again')
  await text().toContain('Read the table risks')
  await mayInstall()
})

describe('an installation of which it is not known whether it was begun', () => {
  const row = (status: string) => [{ id: 3, pluginKey: 'any', status, configuration: null }]
  const lost = (list: unknown) => {
    const subject = plugin({ requiresConfiguration: false })
    stage.answers = {
      'GET /plugins/installations': [],
      'GET /plugins/marketplace/any': subject,
      'POST /plugins/install': () => {
        stage.answers['GET /plugins/installations'] = list
        return new Refusal(504, { data: 'The gateway gave up', code: 'UNKNOWN' })
      },
      'GET /plugins/runs': { items: [], page: 1, pageSize: 10, total: 0 },
    }
    show(subject)
  }

  it('is not said to have left nothing', async () => {
    lost([])
    await mayInstall()
    stage.click('Allow and install')
    await text().toContain('It is not known whether it is installed')
    expect(document.body.textContent).not.toContain('Nothing of it was kept')
  })

  it('is shown when it is there', async () => {
    lost(row('installed'))
    await mayInstall()
    stage.click('Allow and install')
    await text().toContain('Any is installed.')
  })
})

it('a good installation is one, also where the cache of the application keeps lists for a while', async () => {
  stage.client.setDefaultOptions({ queries: { retry: false, staleTime: 60_000 } })
  const subject = plugin({ requiresConfiguration: false })
  const ended = held<object>()
  stage.answers = {
    'GET /plugins/installations': [],
    'GET /plugins/marketplace/any': subject,
    'POST /plugins/install': { runId: '7' },
    'GET /plugins/runs/7': () => ended.promise,
    'GET /plugins/runs': { items: [], page: 1, pageSize: 10, total: 0 },
  }
  show(subject)
  await mayInstall()
  stage.click('Allow and install')
  await expect.poll(() => stage.asked).toContain('GET /plugins/runs/7')
  stage.answers['GET /plugins/installations'] = [{ id: 3, pluginKey: 'any', status: 'installed', configuration: null }]
  ended.answer({ id: '7', state: 'succeeded', kind: 'install', action: 'install', installationId: 3 })
  await text().toContain('Any is installed.')
})
