import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHostInTest, type HostInTest } from '../testing/host-in-test.js'

const svg = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest()
  const files = { 'index.ts': '' }
  await it.publish({ key: 'drawn', files: { ...files, 'icon.svg': svg } })
  await it.publish({ key: 'bare', files })
  await it.publish({ key: 'page', entry: { iconUrl: 'icon.html' }, files: { ...files, 'icon.html': '<html></html>' } })
  await it.publish({ key: 'elsewhere', entry: { iconUrl: 'https://127.0.0.1/icon.svg' }, files })
})
afterAll(() => it.close())

test('is an image that runs nothing and may be kept by the browser of this person', async () => {
  const { status, bytes, headers } = await it.api('GET', '/marketplace/drawn/icon', undefined, { role: 'Auditor' })
  expect([status, bytes.toString()]).toEqual([200, svg])
  expect(headers.get('content-type')).toBe('image/svg+xml')
  expect(headers.get('content-security-policy')).toBe("default-src 'none'; sandbox")
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('cache-control')).toBe('private, max-age=3600')
})

test.each([
  ['a plugin without one', 'bare', 'ICON_NOT_FOUND'],
  ['something that is no image', 'page', 'ICON_NOT_FOUND'],
  ['an address of this machine', 'elsewhere', 'ICON_NOT_FOUND'],
  ['a plugin that is not there', 'nobody', 'PLUGIN_NOT_FOUND'],
])('%s has none', async (_what, key, code) => {
  expect(await it.api('GET', `/marketplace/${key}/icon`)).toMatchObject({ status: 404, body: { code } })
})
