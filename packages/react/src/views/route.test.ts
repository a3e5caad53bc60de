import { expect, it } from 'vitest'
import { callRoute, splitRoute, startRoute } from './route.js'

it.each(['DELETE /oauth/workspaces/3', 'POST /OAuth/start', 'POST /test-connection'])(
  'what the host answers itself is no route of a plugin, whatever its manifest says: %s',
  async (route) => {
    const refusal = { code: 'ROUTE_NOT_LISTED' }
    await expect(callRoute('any', route)).rejects.toMatchObject(refusal)
    await expect(startRoute('any', route)).rejects.toMatchObject(refusal)
  },
)

it('a route has a method and a path', () => {
  expect(splitRoute('POST /sync/quick')).toEqual({ method: 'POST', path: '/sync/quick' })
})
