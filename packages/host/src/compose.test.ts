import { expect, test } from 'vitest'
import { createPluginHost } from './compose.js'

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
