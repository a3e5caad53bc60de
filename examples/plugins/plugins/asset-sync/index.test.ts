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
