import { expect, it } from 'vitest'
import { configure, install, router, testConnection, uninstall, validateConfig } from './index'

it('installs and uninstalls', async () => {
  expect(await install()).toMatchObject({ success: true })
  expect(await uninstall()).toMatchObject({ success: true })
})

it('takes a greeting, and nothing else', async () => {
  const context = {} as Parameters<typeof configure>[3]
  expect(validateConfig({ greeting: 'Hi' })).toEqual({ valid: true, errors: [] })
  expect(await configure(1, 'tenant', { greeting: 7 }, context)).toMatchObject({ success: false })
})

it('says that nobody is connected', async () => {
  expect(await testConnection({})).toMatchObject({ success: false })
  const send = router['POST /test-message'] as (request: object) => Promise<unknown>
  expect(await send({})).toMatchObject({ status: 404 })
})
