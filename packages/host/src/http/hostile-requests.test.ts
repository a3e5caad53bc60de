import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin } from '../testing/host-in-test.js'

let it: HostInTest
let id: number
beforeAll(async () => {
  it = await startHostInTest({ limits: { uploads: { maxHeldBytes: 80_000_000 } } })
  await it.publish(door, counter)
  await it.api('POST', '/install', { pluginKey: 'counter' })
  const { content } = await it.api('POST', '/install', { pluginKey: 'door' })
  id = (content as { id: number }).id
})
afterAll(() => it.close())

const door: TestPlugin = {
  key: 'door',
  files: {
    'index.ts': `
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      const wiped = async () => ({ data: 'wiped' })
      export const router = {
        'POST /form': async ({ body, file }: any) => ({ data: { body, size: file?.size ?? 0, name: file?.originalname } }),
        'POST /guarded': { role: 'Admin', handler: wiped },
        'POST /wipe': { role: 'Admin', handler: wiped },
        'POST /wipe/:id': { role: 'Admin', handler: wiped },
        'post  /lower': { role: 'Admin', handler: wiped },
        'POST /misspelt': { role: 'admin', handler: wiped },
        'POST /mine/:id': { role: 'Reviewer', handler: wiped },
        'GET /public': async () => ({ data: 1, headers: { 'Cache-Control': 'public, max-age=600' } }),
        'GET /shared': async () => ({ data: 1, headers: { 'Cache-Control': 'private, max-age=5, s-maxage=9' } }),
        'GET /private': async () => ({ data: 1, headers: { 'Cache-Control': 'private, max-age=600' } }),
        'GET /plain': async () => ({ data: 1 }),
        'GET /bigint': async () => ({ data: { rows: [{ count: 5n }] } }),
        'GET /bigint-refusal': async () => ({ status: 422, data: { message: 'no', count: 5n } }),
      }`,
  },
}

/** Of the seed's generation: named functions instead of a router. */
const counter: TestPlugin = {
  key: 'counter',
  files: {
    'index.ts': `
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      export async function syncModels() { return { success: true, count: 5n } }
      export async function testConnection() { return { success: true, message: 'fine', count: 5n } }`,
  },
}

/** Sends a multipart body as it stands. */
async function sendForm(path: string, body: string | FormData, who = 'Admin:1', headers: Record<string, string> = {}) {
  const response = await fetch(`${it.url}/api/plugins${path}`, {
    method: 'POST',
    headers: { 'x-test-user': who, ...headers },
    body,
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

const multipart = { 'content-type': 'multipart/form-data; boundary=b' }
const part = (disposition: string, text: string) =>
  `--b\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${text}\r\n`
const field = (name: string, value: string) => part(`name="${name}"`, value)

describe('a form', () => {
  test('may repeat the name of a field: the last one counts', async () => {
    const form = new FormData()
    for (const [name, value] of [
      ['a', '1'],
      ['a', '2'],
      ['__proto__', '3'],
      ['constructor', '4'],
    ] as const)
      form.append(name, value)
    expect(await sendForm('/door/form', form)).toMatchObject({
      status: 200,
      body: { data: { body: { a: '2', constructor: '4' } } },
    })
  })

  test('that is broken is refused, wherever it breaks', async () => {
    const broken = {
      'in a file': part('name="f"; filename="x.csv"', 'half of').slice(0, -2),
      'in a header': '--b\r\nContent-Disp',
      'before it begins': '',
    }
    for (const [where, body] of Object.entries(broken))
      expect(await sendForm('/door/form', body, 'Admin:1', multipart), where).toMatchObject({
        status: 400,
        body: {
          data: 'The upload ended before the file was complete, and nothing of it was kept. Send the file again.',
        },
      })
    expect((await it.pool.query('SELECT FROM tenon.uploads')).rowCount).toBe(0)
    expect(
      await sendForm('/door/form', 'x', 'Admin:1', { 'content-type': 'multipart/form-data' }),
      'without a boundary',
    ).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
  })

  test('has at most 50 fields beside its file', async () => {
    const fields = (count: number) =>
      Array.from({ length: count }, (_, index) => field(`f${index}`, 'x')).join('') +
      part('name="f"; filename="x.csv"', 'abc')
    expect(await sendForm('/door/form', `${fields(50)}--b--\r\n`, 'Admin:1', multipart)).toMatchObject({
      status: 200,
      body: { data: { size: 3, name: 'x.csv' } },
    })
    expect(await sendForm('/door/form', `${fields(51)}--b--\r\n`, 'Admin:1', multipart)).toMatchObject({ status: 400 })
  })

  test('whose sender goes away harms nobody', async () => {
    const socket = connect(Number(new URL(it.url).port), '127.0.0.1')
    const head = ['POST /api/plugins/door/form HTTP/1.1', 'host: x', 'x-test-user: Admin:1', 'content-length: 9999']
    socket.write(
      [...head, `content-type: ${multipart['content-type']}`, '', part('name="f"; filename="x"', 'a')].join('\r\n'),
    )
    const uploads = async () => (await it.pool.query('SELECT FROM tenon.uploads WHERE size IS NULL')).rowCount
    await expect.poll(uploads).toBe(1)
    socket.destroy()
    await expect.poll(uploads).toBe(0)
    expect(await it.api('GET', '/installations')).toMatchObject({
      status: 200,
      content: expect.arrayContaining([expect.objectContaining({ id })]) as unknown[],
    })
  })
})

describe('the role that a handler declares', () => {
  test('is asked for however the path is spelled', async () => {
    const paths = [
      '/guarded',
      '/guarded/',
      '/guarded//',
      '/wipe',
      '/wipe/',
      '/wipe/5',
      '/wipe/5/',
      '/wipe/%35',
      '/lower',
    ]
    for (const path of [...paths, '/misspelt']) {
      expect(await it.api('POST', `/door${path}`, {}, { role: 'Editor' }), path).toMatchObject({
        status: 403,
        body: { code: 'ROLE_FORBIDDEN', details: { needed: 'Admin' } },
      })
      expect(await it.api('POST', `/door${path}`, {}), path).not.toMatchObject({ status: 403 })
    }
    expect(await it.api('POST', '/door/guarded/', {})).toMatchObject({ status: 200, content: 'wiped' })
  })

  test('may also be a lower one', async () => {
    expect(await it.api('POST', '/door/mine/1/', {}, { role: 'Reviewer' })).toMatchObject({ status: 200 })
    expect(await it.api('POST', '/door/form', {}, { role: 'Reviewer' })).toMatchObject({ status: 403 })
  })
})

describe('an upload', () => {
  /** Sends the head of an upload of 20 MB, and nothing of its body. */
  async function announce(path: string, who = 'Admin:1'): Promise<{ answer: Promise<string>; end: () => void }> {
    const socket = connect(Number(new URL(it.url).port), '127.0.0.1')
    const head = [`POST /api/plugins${path} HTTP/1.1`, 'host: x', `x-test-user: ${who}`, 'content-length: 20000000']
    socket.write([...head, `content-type: ${multipart['content-type']}`, '', '--b\r\n'].join('\r\n'))
    const answer = new Promise<string>((resolve) => socket.once('data', (data) => resolve(String(data).slice(9, 12))))
    return { answer, end: () => socket.destroy() }
  }

  test('is not waited for when the plugin is not there or the caller may not call it', async () => {
    const unwanted = [
      await announce('/nobody/form'),
      await announce('/door/guarded', 'Editor:1'),
      await announce('/door/form', 'Editor:2'),
    ]
    expect(await Promise.all(unwanted.map(({ answer }) => answer))).toEqual(['404', '403', '404'])
    for (const { end } of unwanted) end()
  })

  test('is not waited for when there is no room; there is when others are done or gone', async () => {
    const begun = await Promise.all(Array.from({ length: 4 }, () => announce('/door/form')))
    await new Promise((resolve) => setTimeout(resolve, 300))
    const refused = await announce('/door/form')
    expect(await refused.answer).toBe('429')
    for (const { end } of [...begun, refused]) end()
    await expect
      .poll(() => sendForm('/door/form', `${field('a', '1')}--b--\r\n`, 'Admin:1', multipart))
      .toMatchObject({ status: 200, body: { data: { body: { a: '1' } } } })
  })

  test('is refused where no file belongs', async () => {
    const form = `${field('pluginKey', 'door')}--b--\r\n`
    for (const path of ['/install', '/door/test-connection', '/door/oauth/connect', '/door/oauth/start'])
      expect(await sendForm(path, form, 'Admin:1', multipart), path).toMatchObject({
        status: 400,
        body: { code: 'BODY_NOT_JSON' },
      })
  })
})

describe('a test', () => {
  test('of a configuration reaches no plugin that is not installed', async () => {
    const configuration = { tracking_server_url: 'http://10.0.0.1:5000' }
    expect(await it.api('POST', '/door/test-connection', { configuration }, { organizationId: 2 })).toMatchObject({
      status: 404,
      body: { code: 'PLUGIN_NOT_INSTALLED' },
    })
  })
})

describe('an answer', () => {
  test('of a function is JSON, too', async () => {
    const invalid = { status: 502, body: { code: 'PLUGIN_RESULT_INVALID' } }
    expect(await it.api('POST', '/counter/sync')).toMatchObject(invalid)
    expect(await it.api('POST', '/counter/test-connection', { configuration: {} })).toMatchObject(invalid)
  })

  test('is never kept by a cache that others use, whatever the plugin says', async () => {
    const expected = {
      '/door/public': 'private, no-store',
      '/door/shared': 'private, no-store',
      '/door/plain': 'private, no-store',
      '/door/nothing': 'private, no-store',
      '/installations': 'private, no-store',
      '/door/private': 'private, max-age=600',
    }
    for (const [path, cacheControl] of Object.entries(expected)) {
      const { headers } = await it.api('GET', path)
      expect(headers.get('cache-control'), path).toBe(cacheControl)
      expect(headers.get('vary'), path).toMatch(/Authorization/)
    }
  })

  test('with a BigInt is the mistake of the plugin', async () => {
    expect(await it.api('GET', '/door/bigint')).toMatchObject({
      status: 502,
      body: { code: 'PLUGIN_RESULT_INVALID' },
    })
    expect(await it.api('GET', '/door/bigint-refusal')).toMatchObject({
      status: 502,
      body: { code: 'PLUGIN_RESULT_INVALID' },
    })
  })
})

test('an id that no row can have is refused', async () => {
  for (const id of ['2147483648', '99999999999999999999', '0', '1.5']) {
    expect(await it.api('DELETE', `/installations/${id}`), id).toMatchObject({ status: 400 })
    const change = { configuration: {} }
    expect(await it.api('PUT', `/installations/${id}/configuration`, change), id).toMatchObject({ status: 400 })
    expect(await it.api('PATCH', `/door/oauth/workspaces/${id}`, {}), id).toMatchObject({ status: 400 })
  }
  expect(await it.api('DELETE', '/installations/2147483647')).toMatchObject({ status: 404 })
  const roundTrip = { code: 'x', state: 'a\0b' }
  expect(await it.api('POST', '/door/oauth/connect', roundTrip)).toMatchObject({ status: 400 })
})

test('a body that is nested deeper than a plugin can be told is refused, and is not an error of the server', async () => {
  const nested = (depth: number) => JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as unknown
  expect(await it.api('POST', '/door/wipe', nested(100))).toMatchObject({ status: 200 })
  expect(await it.api('POST', '/door/form', nested(101))).toMatchObject({
    status: 400,
    body: { code: 'VALIDATION_FAILED', data: expect.stringContaining('nested deeper than 100 levels') as string },
  })
})
