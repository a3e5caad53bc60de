import { afterAll, beforeAll, expect, test } from 'vitest'
import { hostSegments } from '@tenon/contract/frame'
import { startHostInTest, type HostInTest } from '../testing/host-in-test.js'
import { endpointTable } from '../testing/endpoint-table.js'

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest()
})
afterAll(() => it.close())

test('the router has the frames of plugins, the endpoints of the table in its order, and then the routes of plugins', () => {
  const mounted = it.host.router.stack.flatMap(({ route }) => (route ? [route] : []))
  const described = endpointTable().map(({ path }) => path)
  expect(mounted.map(({ path }) => path)).toEqual(['/frames/:token', ...described, '/:key/*path'])
})

test('no endpoint is hidden by one before it (C1)', () => {
  const endpoints = endpointTable()
  for (const [index, { method, path }] of endpoints.entries()) {
    const hiding = endpoints.slice(0, index).find((earlier) => earlier.method === method && covers(earlier.path, path))
    expect(hiding?.path, `${method} ${path}`).toBeUndefined()
  }
})

test('what the host answers below the key of a plugin is known to the page around its frame', () => {
  const ofPlugins = ['models', 'sync', 'template', 'import']
  const answered = endpointTable().flatMap(({ path }) => /^\/:key\/([^/]+)/.exec(path)?.[1] ?? [])
  const hosts = new Set(answered.filter((segment) => !ofPlugins.includes(segment)))
  expect([...hosts].sort()).toEqual([...hostSegments].sort())
})

/** Whether everything that goes to `path` would go to `earlier`. */
function covers(earlier: string, path: string): boolean {
  const segments = path.split('/')
  const before = earlier.split('/')
  return (
    before.length === segments.length &&
    before.every((segment, index) => segment.startsWith(':') || segment === segments[index])
  )
}

test('what is below the names of the platform is never a plugin', async () => {
  for (const path of ['/installations/1/anything', '/marketplace/a/b', '/runs/1/2', '/categories/x']) {
    expect(await it.api('GET', path), path).toMatchObject({ status: 404, body: { code: 'ROUTE_NOT_FOUND' } })
  }
  expect(await it.api('GET', '/some-plugin/x')).toMatchObject({ status: 404, body: { code: 'PLUGIN_NOT_INSTALLED' } })
})
