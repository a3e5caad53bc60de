import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, it } from 'vitest'
import { configure, install, router, testConnection, uninstall, validateConfig } from './index'

/** Remembers statements. Try the plugin in an application for the rest. */
function contextOf() {
  const statements: string[] = []
  const query = (sql: string): Promise<[unknown[], unknown]> => {
    statements.push(sql)
    return Promise.resolve([[], undefined])
  }
  return { statements, context: { sequelize: { query } } as unknown as Parameters<typeof install>[3] }
}

it('makes its table, and drops it', async () => {
  const { statements, context } = contextOf()
  await install(1, 'tenant', {}, context)
  await uninstall(1, 'tenant', context)
  expect(statements[0]).toContain('CREATE TABLE IF NOT EXISTS "tenant".asset_sync_records')
  expect(statements[1]).toContain('DROP TABLE IF EXISTS "tenant".asset_sync_records')
})

it('needs an address and a token', async () => {
  expect(validateConfig({}).errors).toHaveLength(2)
  expect(await configure(1, 'tenant', { server_url: 'https://api.example.com', api_token: 't' })).toMatchObject({
    success: true,
  })
})

it('says what to do when nothing is configured, and when nothing answers', async () => {
  const { context } = contextOf()
  const sync = router['POST /sync'] as (request: object) => Promise<unknown>
  expect(await sync({ ...context, tenantId: 'tenant', configuration: {} })).toMatchObject({ status: 422 })
  expect(await testConnection({ server_url: 'http://127.0.0.1:9', api_token: 't' })).toMatchObject({ success: false })
})

it.each([
  ['a refused token', 401, 422, 'refused the API token'],
  ['a token that may not', 403, 422, 'refused the API token'],
  ['a wrong path', 404, 422, 'did not accept the request (404)'],
  ['a redirect', 302, 422, 'cannot be reached'],
  ['no JSON', 200, 422, 'did not answer with records'],
  ['too many requests', 429, 429, 'Try again later'],
  ['a server that is broken', 500, 502, 'Try again later'],
  ['a server that is away', 503, 503, 'Try again later'],
  ['an answer that is cut off', 'cut', 502, 'cannot be reached'],
  ['nothing that listens', 'closed', 502, 'cannot be reached'],
] as const)('lets the host try again only what passes: %s', async (_, behaviour, status, message) => {
  const server = createServer((_request, response) => {
    response.writeHead(behaviour === 'cut' ? 200 : Number(behaviour), { location: '/elsewhere', 'content-length': 9 })
    if (behaviour === 'cut') response.write('{"r', () => response.destroy())
    else response.end('not JSON.')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const server_url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const close = () => new Promise((resolve) => server.close(resolve))
  if (behaviour === 'closed') await close()
  const sync = router['POST /sync'] as (request: object) => Promise<unknown>
  const configuration = { server_url, api_token: 't' }
  expect(await sync({ ...contextOf().context, tenantId: 'tenant', configuration })).toMatchObject({
    status,
    data: { success: false, message: expect.stringContaining(message) as string },
  })
  if (behaviour !== 'closed') await close()
})
