import { describe, expect, it } from 'vitest'
import { type FrameCall, parseFromFrame, pathOfCall } from './index.js'

const call = (more: Partial<FrameCall> = {}): FrameCall => ({ type: 'call', id: 1, route: 'GET /own/:name', ...more })

describe('a message of a frame', () => {
  it.each([
    call(),
    call({ params: { name: 'x' }, query: { page: 2, all: true }, body: { a: [1] } }),
    { type: 'resize', height: 300 },
    { type: 'navigate', page: 'main' },
  ])('is read: %j', (message) => {
    expect(parseFromFrame(JSON.stringify(message))).toEqual(message)
  })

  it.each([
    ['an object instead of text', call()],
    ['no JSON', '{'],
    ['another kind', '{"type":"eval","code":"1"}'],
    ['more fields', JSON.stringify({ ...call(), headers: { cookie: 'x' } })],
    ['a route that is an address', JSON.stringify(call({ route: 'GET https://x.example/' }))],
    ['a route that leads up', JSON.stringify(call({ route: 'GET /../users' }))],
    ['a parameter that is an object', JSON.stringify({ ...call(), params: { name: {} } })],
    ['a height that is none', '{"type":"resize","height":-1}'],
    ['a page that is an address', '{"type":"navigate","page":"//x.example"}'],
  ])('is refused: %s', (_what, message) => {
    expect(parseFromFrame(message)).toBeUndefined()
  })

  it('may be as long as the limit says, and no longer', () => {
    const bare = JSON.stringify(call({ body: '' })).length
    const sized = (length: number) => JSON.stringify(call({ body: 'x'.repeat(length - bare) }))
    expect(parseFromFrame(sized(256_000))).toBeDefined()
    expect(parseFromFrame(sized(256_001))).toBeUndefined()
  })
})

describe('the path of a call', () => {
  const allowed = ['GET /own/:name', 'POST /own']
  it.each([
    ['a b', '/own/a%20b'],
    ['../..', '/own/..%2F..'],
    ['%2e%2e', '/own/%252e%252e'],
    ['x?y#z', '/own/x%3Fy%23z'],
    ['...', '/own/...'],
  ])('keeps a parameter within its segment: %s', (name, path) => {
    expect(pathOfCall(call({ params: { name } }), allowed)).toBe(path)
  })

  it.each(['', '.', '..'])('has no parameter that means another place: "%s"', (name) => {
    expect(pathOfCall(call({ params: { name } }), allowed)).toBeUndefined()
  })

  it.each([
    ['POST /test-connection', {}],
    ['POST /Test-Connection', {}],
    ['POST /oauth/start', {}],
    ['DELETE /oauth/workspaces/:id', { id: 3 }],
    ['POST /:kind', { kind: 'test-connection' }],
    ['POST /:kind/:what', { kind: 'OAuth', what: 'connect' }],
  ])('is none that the host answers itself, also when the manifest lists it: %s %j', (route, params) => {
    expect(pathOfCall(call({ route, params }), [route])).toBeUndefined()
  })

  it('may begin like one that the host answers itself', () => {
    expect(pathOfCall(call({ route: 'POST /oauth-report' }), ['POST /oauth-report'])).toBe('/oauth-report')
  })

  it('is one of a listed route', () => {
    expect(pathOfCall(call({ route: 'POST /own' }), allowed)).toBe('/own')
    expect(pathOfCall(call({ route: 'DELETE /own' }), allowed)).toBeUndefined()
    expect(pathOfCall(call({ route: 'GET /own/x' }), allowed)).toBeUndefined()
    expect(pathOfCall(call(), allowed)).toBeUndefined()
  })
})
