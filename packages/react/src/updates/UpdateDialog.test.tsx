// @vitest-environment jsdom
import { expect, it } from 'vitest'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { Refusal, setStage } from '../testing/stage.js'
import { permissionsAfter, UpdateDialog } from './UpdateDialog.js'

const stage = setStage()
const text = () => expect.poll(() => document.body.textContent)

const plugin = { key: 'any', displayName: 'Any', version: '1.1.0' } as Plugin
const installation = { id: 3, pluginKey: 'any', status: 'installed', version: '1.0.0' } as PluginInstallation
const read = { id: 'table:risks:select', group: 'read', sentence: 'Read the table risks' }
const change = { id: 'table:risks:insert', group: 'change', sentence: 'Add rows to the table risks' }
const plan = (to: string, added: object[]) => ({
  from: '1.0.0',
  to,
  digest: to,
  declared: true,
  asks: added,
  added,
  removed: [],
})
const show = (now = installation) =>
  stage.show(<UpdateDialog subject={{ plugin, installation: now }} onClose={() => undefined} />)
const isReady = (name: string) => expect.poll(() => stage.named(name).getAttribute('aria-disabled')).toBe(null)

it('what an update brings is what was shown, and what there is instead is shown before it is agreed to', async () => {
  const sent: unknown[] = []
  stage.answers = {
    'GET /plugins/installations/3/update': plan('1.1.0', [read]),
    'GET /plugins/installations/3/permissions': { declared: true, permissions: [], refused: [] },
    'POST /plugins/installations/3/update': (body: unknown) => {
      sent.push(body)
      stage.answers['GET /plugins/installations/3/update'] = plan('1.2.0', [read, change])
      return sent.length === 1
        ? new Refusal(409, { data: 'Any is no longer what was shown.', code: 'CONSENT_OUTDATED' })
        : { ...installation, version: '1.2.0' }
    },
  }
  show()
  await text().toContain('Read the table risks')
  await isReady('Allow and update')
  stage.click('Allow and update')
  await text().toContain('Any is no longer what was shown.')
  await text().toContain('Add rows to the table risks')
  await isReady('Try again')
  stage.click('Try again')
  await text().toContain('Any is at version 1.2.0.')
  expect(sent).toEqual([
    { permissions: [read.id], shown: { version: '1.1.0', digest: '1.1.0', permissions: [read.id] } },
    {
      permissions: [read.id, change.id],
      shown: { version: '1.2.0', digest: '1.2.0', permissions: [read.id, change.id] },
    },
  ])
})

it('a version that no longer declares what it needs says what it gets then, with nothing to choose from', async () => {
  const compatibility = { id: 'compatibility:database', group: 'change', sentence: 'Work with what plugins get' }
  const sent: unknown[] = []
  stage.answers = {
    'GET /plugins/installations/3/update': { ...plan('2.0.0', [compatibility]), declared: false, asks: [] },
    'GET /plugins/installations/3/permissions': { declared: true, permissions: [], refused: [] },
    'POST /plugins/installations/3/update': (body: unknown) => {
      sent.push(body)
      return { ...installation, version: '2.0.0' }
    },
  }
  show()
  await text().toContain('Work with what plugins get')
  expect(document.body.querySelector('input[type=checkbox]')).toBeNull()
  await isReady('Allow and update')
  stage.click('Allow and update')
  await text().toContain('Any is at version 2.0.0.')
  expect(sent).toEqual([{ shown: { version: '2.0.0', digest: '2.0.0', permissions: null } }])
})

it('what it may, and asks for more of, is granted only while it is chosen', () => {
  const account = { id: 'connection:account', group: 'outside', sentence: 'Work with accounts (read, admin)' }
  const wider = { added: [account], removed: [] }
  expect(permissionsAfter(wider, [account.id, read.id], new Set())).toEqual([read.id])
  expect(permissionsAfter(wider, [account.id, read.id], new Set([account.id]))).toEqual([read.id, account.id])
})

it('an update whose answer was lost is not said to have failed, and shown when it is there', async () => {
  stage.answers = {
    'GET /plugins/installations/3/update': plan('1.1.0', []),
    'GET /plugins/installations/3/permissions': { declared: true, permissions: [], refused: [] },
    'POST /plugins/installations/3/update': new Refusal(504, { data: 'The gateway gave up', code: 'UNKNOWN' }),
  }
  show()
  await isReady('Update')
  stage.click('Update')
  await text().toContain('It is not known whether it is updated')
  expect(document.body.textContent).not.toContain('goes on as it was')
  show({ ...installation, version: '1.1.0' })
  await text().toContain('Any is at version 1.1.0.')
})
