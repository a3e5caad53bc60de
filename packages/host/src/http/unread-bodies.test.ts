import { request as httpRequest } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin } from '../testing/host-in-test.js'

let it: HostInTest
const plugin: TestPlugin = {
  key: 'plain',
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}
      export const router = { 'POST /take': async ({ body }: any) => ({ data: body }), 'DELETE /thing': async ({ body }: any) => ({ data: body ?? 'none' }) }`,
  },
}

beforeAll(async () => {
  it = await startHostInTest()
  await it.publish(plugin)
  await it.api('POST', '/install', { pluginKey: 'plain' })
})
afterAll(() => it.close())

/** Sends the head of a request and nothing of its body; whoever waits for the body never answers. */
function begin(method: string, path: string, role: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(`${it.url}/api/plugins${path}`, {
      method,
      headers: { 'x-test-user': `${role}:1:1`, 'content-type': 'application/json', 'content-length': '9000000' },
    })
    request.on('response', (response) => {
      resolve(response.statusCode ?? 0)
      request.destroy()
    })
    request.on('error', reject)
    request.flushHeaders()
  })
}

test.each([
  ['POST', '/install', 'Editor', 403],
  ['PUT', '/installations/1/configuration', 'Reviewer', 403],
  ['POST', '/blocks', 'Admin', 403],
  ['POST', '/plain/take', 'Reviewer', 403],
  ['POST', '/plain/import', 'Reviewer', 403],
  ['POST', '/missing/take', 'Admin', 404],
  ['POST', '/missing/sync', 'Admin', 404],
  ['POST', '/installations/1/nothing', 'Admin', 404],
])('%s %s is answered without waiting for the body of somebody who may not send it (%s)', async (...wanted) => {
  const [method, path, role, status] = wanted
  expect(await begin(method, path, role)).toBe(status)
})

test('a body of somebody who may send it is read and checked as ever', async () => {
  expect(await it.api('POST', '/plain/take', { a: 1 })).toMatchObject({ status: 200, content: { a: 1 } })
  expect(await it.api('POST', '/plain/take', '{"a":')).toMatchObject({ status: 400, body: { code: 'BODY_NOT_JSON' } })
  expect(await it.api('DELETE', '/plain/thing')).toMatchObject({ status: 200, content: 'none' })
  expect(await it.api('POST', '/plain/import', { csvData: 'no list' })).toMatchObject({ status: 400 })
  expect(await it.api('POST', '/install', {})).toMatchObject({ status: 400, content: 'pluginKey is required' })
  const large = JSON.stringify({ a: 'x'.repeat(10_000_001) })
  expect(await it.api('POST', '/plain/take', large)).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } })
})
