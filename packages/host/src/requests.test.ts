import type { PluginRequestJson } from '@tenon/contract'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin, type Who } from './testing/host-in-test.js'

let it: HostInTest
let two: Replica

const plugin = (key: string, entry: object = {}): TestPlugin => ({
  key,
  entry: { displayName: key.toUpperCase(), ...entry },
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}`,
  },
})
const breaks: TestPlugin = {
  key: 'breaks',
  files: {
    'index.ts': `
      export const install = async () => ({ success: false, message: 'not today' })
      export const uninstall = install
      export const metadata = {}`,
  },
}

beforeAll(async () => {
  it = await startHostInTest()
  await it.publish(
    plugin('maps'),
    plugin('notes'),
    plugin('bad'),
    plugin('greedy', { permissions: { database: { tables: { users: ['delete'] } } } }),
    breaks,
    ...Array.from({ length: 21 }, (_, index) => plugin(`many-${index}`)),
  )
  two = await it.startReplica()
})
afterAll(async () => {
  await two.close()
  await it.close()
})
beforeEach(async () => {
  await it.pool.query('DELETE FROM tenon.plugin_requests')
  const installed = (await it.api('GET', '/installations')).content as { id: number }[]
  for (const { id } of installed) await it.api('DELETE', `/installations/${id}`)
})

const editor = { role: 'Editor', userId: 11 } as const
const colleague = { role: 'Editor', userId: 12 } as const
const elsewhere = { role: 'Editor', organizationId: 2, userId: 21 } as const
const adminElsewhere = { organizationId: 2 } as const

const ask = (pluginKey: string, who: Who = editor, note?: string) =>
  it.api('POST', '/requests', { pluginKey, ...(note === undefined ? {} : { note }) }, who)
async function asked(pluginKey: string, who: Who = editor, note?: string): Promise<PluginRequestJson> {
  const answer = await ask(pluginKey, who, note)
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 })
  return answer.content as PluginRequestJson
}
async function list(who: Who = {}, query = ''): Promise<PluginRequestJson[]> {
  const { content } = await it.api('GET', `/requests${query}`, undefined, who)
  return (content as { items: PluginRequestJson[] }).items
}
const decline = (id: number, body?: object, who: Who = {}) => it.api('POST', `/requests/${id}/decline`, body, who)
const withdraw = (id: number, who: Who = editor) => it.api('DELETE', `/requests/${id}`, undefined, who)

describe('whoever may not install', () => {
  test('asks for a plugin, and an admin sees who asked for what, when, and why', async () => {
    const request = await asked('maps', editor, '  For the field teams.\n')
    expect(request).toMatchObject({
      pluginKey: 'maps',
      plugin: 'MAPS',
      requestedBy: 11,
      note: 'For the field teams.',
      state: 'open',
      reason: null,
      endedBy: null,
      endedAt: null,
    })
    expect(Date.now() - Date.parse(request.requestedAt)).toBeLessThan(60_000)
    expect(await list()).toEqual([request])
  })

  test('is an Editor: readers neither ask nor see what others asked for', async () => {
    await asked('maps')
    for (const role of ['Reviewer', 'Auditor'] as const) {
      expect(await ask('notes', { role, userId: 13 })).toMatchObject({ status: 403, body: { code: 'ROLE_FORBIDDEN' } })
      expect(await list({ role, userId: 13 })).toEqual([])
    }
  })

  test('has one open request for a plugin: asking again answers it, with the new note if there is one', async () => {
    const { id } = await asked('maps', editor, 'first')
    expect(await asked('maps')).toMatchObject({ id, note: 'first' })
    expect(await asked('maps', editor, 'second')).toMatchObject({ id, note: 'second' })
    const again = await Promise.all(Array.from({ length: 5 }, () => asked('notes')))
    expect(new Set(again.map((request) => request.id)).size).toBe(1)
    expect(await list()).toHaveLength(2)
  })

  test('sees only what they asked for themselves, while several may ask for the same', async () => {
    const mine = await asked('maps')
    const other = await asked('maps', colleague)
    expect(other.id).not.toBe(mine.id)
    expect(await list(editor)).toEqual([mine])
    expect(await list()).toHaveLength(2)
  })

  test('withdraws, and may ask anew', async () => {
    const { id } = await asked('maps')
    expect(await withdraw(id, colleague)).toMatchObject({ status: 404, body: { code: 'REQUEST_NOT_FOUND' } })
    expect(await withdraw(id, {})).toMatchObject({ status: 404, body: { code: 'REQUEST_NOT_FOUND' } })
    expect(await withdraw(id)).toMatchObject({ status: 200, content: { id, state: 'withdrawn', endedBy: 11 } })
    expect(await withdraw(id)).toMatchObject({ status: 409, body: { code: 'REQUEST_OVER' } })
    expect(await list({}, '?state=open')).toEqual([])
    expect((await asked('maps')).id).not.toBe(id)
  })

  test('leaves one row for a plugin, however often they ask and withdraw, and 200 requests at once leave one', async () => {
    for (let round = 0; round < 5; round += 1) await withdraw((await asked('maps')).id)
    const answers = await Promise.all(Array.from({ length: 200 }, () => ask('maps')))
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    expect(await list()).toMatchObject([{ state: 'open' }])
  })

  test('withdraws also as a reader', async () => {
    const { id } = await asked('maps')
    expect(await withdraw(id, { role: 'Reviewer', userId: 11 })).toMatchObject({ status: 200 })
  })
})

describe('what cannot be asked for', () => {
  test('is what is not in the marketplace, cannot be installed here, or is blocked', async () => {
    expect(await ask('nothing')).toMatchObject({ status: 404, body: { code: 'PLUGIN_NOT_FOUND' } })
    expect(await ask('greedy')).toMatchObject({ status: 422, body: { code: 'PLUGIN_NOT_INSTALLABLE' } })
    await it.api('POST', '/blocks', { pluginKey: 'bad', reason: 'it mines' }, { isOperator: true })
    const answer = await ask('bad')
    expect(answer).toMatchObject({ status: 403, body: { code: 'PLUGIN_BLOCKED' } })
    expect(answer.content).toContain('it mines')
  })

  test('is what is installed already, also while it is disabled', async () => {
    const { id } = (await it.api('POST', '/install', { pluginKey: 'maps' })).content as { id: number }
    expect(await ask('maps')).toMatchObject({ status: 409, body: { code: 'ALREADY_INSTALLED' } })
    await it.api('POST', `/installations/${id}/disable`)
    expect(await ask('maps')).toMatchObject({ status: 409, body: { code: 'PLUGIN_DISABLED' } })
    // Of one organization only.
    expect(await ask('maps', elsewhere)).toMatchObject({ status: 200 })
  })

  test('is more than 20 plugins at a time', async () => {
    for (let index = 0; index < 20; index += 1) await asked(`many-${index}`)
    const last = 'many-20'
    expect(await ask(last)).toMatchObject({ status: 429, body: { code: 'REQUEST_LIMIT' } })
    expect(await ask('many-0')).toMatchObject({ status: 200 })
    expect(await ask(last, colleague)).toMatchObject({ status: 200 })
    const [first] = await list(editor)
    await withdraw(first?.id ?? 0)
    expect(await ask(last)).toMatchObject({ status: 200 })
  })

  test('is anything with a note of more than 500 characters, or fields that are not known', async () => {
    expect(await ask('maps', editor, 'x'.repeat(500))).toMatchObject({ status: 200 })
    expect(await ask('maps', editor, 'x'.repeat(501))).toMatchObject({ status: 400 })
    expect(await ask('maps', editor, 'half a \0 note')).toMatchObject({ content: { note: 'half a  note' } })
    for (const body of [{}, { pluginKey: ' ' }, { pluginKey: 'maps', state: 'fulfilled' }, { pluginKey: 7 }])
      expect(await it.api('POST', '/requests', body, editor), JSON.stringify(body)).toMatchObject({ status: 400 })
    expect(await it.api('GET', '/requests?state=lost')).toMatchObject({ status: 400 })
  })
})

describe('an admin', () => {
  test('declines, with a reason that whoever asked can read', async () => {
    const { id } = await asked('maps')
    expect(await decline(id, { reason: 'x'.repeat(501) })).toMatchObject({ status: 400 })
    expect(await decline(id, { reason: 'We have one already.' }, editor)).toMatchObject({ status: 403 })
    expect(await decline(id, { reason: 'We have one already.' })).toMatchObject({ status: 200 })
    expect(await list(editor)).toMatchObject([{ id, state: 'declined', reason: 'We have one already.', endedBy: 1 }])
    expect(await decline(id)).toMatchObject({ status: 409, body: { code: 'REQUEST_OVER' } })
    expect(await withdraw(id)).toMatchObject({ status: 409, body: { code: 'REQUEST_OVER' } })
  })

  test('declines without a reason', async () => {
    const { id } = await asked('maps')
    expect(await decline(id)).toMatchObject({ content: { state: 'declined', reason: null } })
  })

  test.each(['this server', 'another one'])('installs it on %s, which fulfils what everybody asked', async (where) => {
    await asked('maps')
    await asked('maps', colleague)
    const other = await asked('notes')
    const outside = await asked('maps', elsewhere)
    const server = where === 'this server' ? it : two
    expect(await server.api('POST', '/install', { pluginKey: 'maps' })).toMatchObject({ status: 201 })
    expect(await list({}, '?state=fulfilled')).toMatchObject([
      { pluginKey: 'maps', requestedBy: 12, endedBy: null, endedAt: expect.any(String) },
      { pluginKey: 'maps', requestedBy: 11 },
    ])
    expect(await list({}, '?state=open')).toEqual([other])
    expect(await list(adminElsewhere)).toEqual([outside])
  })

  test('fulfils nothing by an installation that fails', async () => {
    const { id } = await asked('breaks')
    expect(await it.api('POST', '/install', { pluginKey: 'breaks' })).toMatchObject({ status: 422 })
    expect(await list()).toMatchObject([{ id, state: 'open' }])
  })

  test('leaves no request open for what is installed at the same moment', async () => {
    const asking = Array.from({ length: 12 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, index * 40))
      return ask('maps', { role: 'Editor', userId: 100 + index })
    })
    await it.api('POST', '/install', { pluginKey: 'maps' })
    const answers = await Promise.all(asking)
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
    expect(await list({}, '?state=open')).toEqual([])
  })
})

test('no organization sees or ends what is asked in another', async () => {
  const { id } = await asked('maps')
  expect(await list(adminElsewhere)).toEqual([])
  for (const answer of [await decline(id, {}, adminElsewhere), await withdraw(id, elsewhere)])
    expect(answer).toMatchObject({ status: 404, body: { code: 'REQUEST_NOT_FOUND' } })
  // The same person's number in another organization is another person.
  expect(await withdraw(id, { ...elsewhere, userId: 11 })).toMatchObject({ status: 404 })
  expect(await list()).toMatchObject([{ id, state: 'open' }])
})

test('asking, declining and withdrawing are in the activity and the audit, without what was written', async () => {
  const { id } = await asked('maps', editor, 'a word in private')
  await asked('maps')
  await decline(id, { reason: 'another word' })
  const { id: next } = await asked('maps')
  await withdraw(next)
  const { content } = await it.api('GET', '/activity?pageSize=4')
  const { items } = content as { items: { action: string; userId: number; pluginKey: string }[] }
  expect(items.map(({ action, userId, pluginKey }) => [action, userId, pluginKey])).toEqual([
    ['withdraw-request', 11, 'maps'],
    ['request-plugin', 11, 'maps'],
    ['decline-request', 1, 'maps'],
    ['request-plugin', 11, 'maps'],
  ])
  const kept = await it.pool.query(
    'SELECT a::text FROM tenon.audit a UNION ALL SELECT e::text FROM tenon.plugin_events e',
  )
  expect(JSON.stringify(kept.rows)).not.toContain('word')
})

test('goes with its organization', async () => {
  await it.host.createTenant(3)
  await asked('maps', { role: 'Editor', organizationId: 3, userId: 31 })
  await it.host.removeTenant(3)
  expect((await it.pool.query('SELECT FROM tenon.plugin_requests')).rowCount).toBe(0)
})

test('what has ended is forgotten after 90 days', async () => {
  const [old, recent] = [await asked('maps'), await asked('notes')]
  await withdraw(old.id)
  await withdraw(recent.id)
  await it.pool.query(`UPDATE tenon.plugin_requests SET ended_at = now() - interval '91 days' WHERE id = $1`, [old.id])
  const { id } = await asked('maps')
  expect((await list()).map((request) => request.id)).toEqual([id, recent.id])
})

test('everybody who follows the stream of the organization is told on every server, and no word more', async () => {
  const gone = new AbortController()
  const response = await fetch(`${two.url}/api/plugins/events`, {
    headers: { 'x-test-user': 'Editor:1:12:another session:false' },
    signal: gone.signal,
  })
  let heard = ''
  const reading = (async () => {
    for await (const chunk of response.body ?? []) heard += Buffer.from(chunk as Uint8Array).toString()
  })().catch(() => undefined)
  const told = () => heard.split('event: requests\ndata: {}\n').length - 1
  await vi.waitFor(() => expect(heard).toContain('event: installations'))
  expect(told()).toBe(0)
  await asked('maps', elsewhere)
  const { id } = await asked('maps', editor, 'not for everybody')
  await vi.waitFor(() => expect(told()).toBe(1), { timeout: 8_000 })
  await decline(id)
  await vi.waitFor(() => expect(told()).toBe(2), { timeout: 8_000 })
  expect(heard).not.toContain('not for everybody')
  gone.abort()
  await reading
})
