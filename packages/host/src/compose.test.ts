import { expect, test } from 'vitest'
import { createPluginHost } from './compose.js'
import { startHostInTest, type TestPlugin } from './testing/host-in-test.js'

test('refuses connections to other services without an address to come back to', async () => {
  const slack = { clientId: 'id', clientSecret: 'secret', audience: [], tokenUrl: '', authorizeUrl: '' }
  const host = createPluginHost({
    database: { connection: {} },
    marketplace: { location: 'plugins.json' },
    secretKeys: ['a secret key of this test'],
    authenticate: () => undefined,
    grantable: { connections: { slack } },
  })
  await expect(host).rejects.toThrow('grantable.connections needs a publicUrl')
})

test('offers no more plugins of a marketplace than the operator says', async () => {
  const host = await startHostInTest({ limits: { marketplace: { maxPlugins: 2 } } })
  const plugins = ['one', 'two', 'three'].map((key): TestPlugin => ({ key, files: {} }))
  await expect(host.publish(...plugins)).rejects.toThrow('what comes after 2 is left out')
  const { content } = await host.api('GET', '/marketplace')
  expect((content as { key: string }[]).map(({ key }) => key)).toEqual(['one', 'two'])
  await host.close()
})
