import { connect } from 'node:net'
import type { Router } from 'express'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, type TestApp } from '../testing/test-app.js'

let app: TestApp
let token: string
beforeAll(async () => {
  app = await startTestApp({ settings: { trustProxy: 1, installLimitPerHour: 3 } })
  token = (await app.register()).token
})
afterAll(() => app.stop())

const risk = (risk_description: string) => ({
  risk_name: 'Risk',
  risk_description,
  ai_lifecycle_phase: 'Monitoring & maintenance',
  likelihood: 'Rare',
  severity: 'Minor',
})

describe('every answer', () => {
  it('has an id of its request, which a proxy may give', async () => {
    const [first, second] = [await app.call('GET', '/api/health'), await app.call('GET', '/api/nothing')]
    expect(first.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(second.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
    expect(second.body.requestId).toBe(second.headers.get('x-request-id'))
    const given = await app.call('GET', '/api/health', { headers: { 'x-request-id': 'from-the-proxy-1' } })
    expect(given.headers.get('x-request-id')).toBe('from-the-proxy-1')
    const forged = await app.call('GET', '/api/health', { headers: { 'x-request-id': 'a b {"x":1}' } })
    expect(forged.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  })

  it('tells the browser not to guess, frame, cache or load from elsewhere, and not what we run on', async () => {
    const { headers } = await app.call('GET', '/api/nothing')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('content-security-policy')).toMatch(/default-src 'self'.*frame-ancestors 'none'/)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.has('x-powered-by')).toBe(false)
  })

  it('is one line of the log, without query, body or token', async () => {
    const { headers } = await app.call('GET', '/api/risks?q=private-words', { token })
    const requestId = headers.get('x-request-id')
    await expect.poll(() => app.logged.filter((line) => line['requestId'] === requestId)).toHaveLength(1)
    const line = app.logged.find((candidate) => candidate['requestId'] === requestId)
    expect(line).toMatchObject({ msg: 'request', method: 'GET', path: '/api/risks', status: 200, userId: 1 })
    expect(JSON.stringify(app.logged)).not.toMatch(/private-words|correct horse|eyJ/)
  })
})

describe('what is wrong with a request', () => {
  it('is told for an address where there is nothing', async () => {
    expect(await app.call('PUT', '/api/nothing', { token, body: {} })).toMatchObject({
      status: 404,
      body: { message: 'Not Found', data: 'There is nothing at PUT /api/nothing.', code: 'ROUTE_NOT_FOUND' },
    })
  })

  it('is told for a body that is not JSON', async () => {
    const answer = await app.call('POST', '/api/risks', { token, body: '{"risk_name": ' })
    expect(answer).toMatchObject({ status: 400, body: { code: 'BODY_NOT_JSON' } })
  })

  it('is told for a body that is nested too deeply, to whoever is not signed in either', async () => {
    const body = '['.repeat(4_900_000) + ']'.repeat(4_900_000)
    const answer = await app.call('POST', '/api/auth/login', { body })
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
    expect(answer.body).toMatchObject({ data: 'The body of the request is nested deeper than 100 levels.' })
  })

  it('is told for a body of too many names, to whoever is not signed in either', async () => {
    const names = Array.from({ length: 400_000 }, (_, at) => `"name-${at}":0`)
    const answer = await app.call('POST', '/api/auth/login', { body: `{${names.join(',')}}` })
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
    expect(answer.body).toMatchObject({ data: expect.stringContaining('too many lists, objects and names') })
  })

  it('is told for a body of another type', async () => {
    const headers = { 'content-type': 'text/plain' }
    const answer = await app.call('POST', '/api/risks', { token, body: JSON.stringify(risk('x')), headers })
    expect(answer).toMatchObject({ status: 400, body: { data: expect.stringContaining('Content-Type') } })
  })

  it('is told for a body above 10 MB, but one just below is read', async () => {
    const bodyOf = (bytes: number) => {
      const rest = JSON.stringify(risk('')).length
      return JSON.stringify(risk('x'.repeat(bytes - rest)))
    }
    const below = await app.call('POST', '/api/risks', { token, body: bodyOf(10_000_000) })
    expect(below).toMatchObject({ status: 400, body: { data: expect.stringContaining('at most 20000 characters') } })
    const above = await app.call('POST', '/api/risks', { token, body: bodyOf(10_000_001) })
    expect(above).toMatchObject({
      status: 413,
      body: { code: 'BODY_TOO_LARGE', data: 'The body of the request is larger than 10 MB.' },
    })
  })

  it('is told before the body is read to somebody who is not signed in', async () => {
    const answer = await app.call('POST', '/api/risks', { body: '{"risk_name": ' })
    expect(answer.status).toBe(401)
  })

  it('is told for an address that cannot be decoded', async () => {
    const raw = await new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(app.url)
      const socket = connect(Number(port), hostname, () =>
        socket.write(
          `GET /api/risks/%E0%A4%A HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
        ),
      )
      let text = ''
      socket
        .on('data', (chunk) => (text += chunk.toString()))
        .on('end', () => resolve(text))
        .on('error', reject)
    })
    expect(raw).toMatch(/^HTTP\/1.1 400 /)
    expect(raw).toContain('"VALIDATION_FAILED"')
  })
})

describe('behind one trusted proxy', () => {
  it('counts sign-in attempts by the address that the proxy saw', async () => {
    const attempt = (address: string) =>
      app.call('POST', '/api/auth/login', {
        body: { email: 'somebody@example.com', password: 'wrong password' },
        headers: { 'x-forwarded-for': `1.2.3.4, ${address}` },
      })
    for (let count = 0; count < 10; count++) await attempt('203.0.113.1')
    expect((await attempt('203.0.113.1')).status).toBe(429)
    expect((await attempt('203.0.113.2')).status).toBe(401)
  })

  it('counts installations by the address that the proxy saw', async () => {
    const install = (address: string) =>
      app.call('POST', '/api/plugins/install', {
        token,
        body: { pluginKey: 'nothing' },
        headers: { 'x-forwarded-for': `1.2.3.4, ${address}` },
      })
    const answered = async (address: string) => (await install(address)).status
    // There is no marketplace.
    for (let count = 0; count < 3; count++) expect(await answered('203.0.113.1')).toBe(503)
    expect(await answered('203.0.113.1')).toBe(429)
    expect(await answered('203.0.113.2')).toBe(503)
  })

  it('counts attempts from one network of IPv6 together, however it is written', async () => {
    const attempt = (address: string) =>
      app.call('POST', '/api/auth/login', {
        body: { email: 'somebody@example.com', password: 'wrong password' },
        headers: { 'x-forwarded-for': address },
      })
    for (let count = 0; count < 10; count++) await attempt(`2001:db8:0:7:${count}::1`)
    expect((await attempt('2001:0db8::7:1:2:3:4')).status).toBe(429)
    expect((await attempt('2001:db8:0:8::1')).status).toBe(401)
  })
})

describe('the events that there are to choose', () => {
  it('are those of the application, and that a plugin goes on failing and works again, in words', async () => {
    const { body } = await app.call('GET', '/api/event-names', { token })
    expect(body.data).toEqual(
      expect.arrayContaining([
        { name: 'risk.created', title: 'A risk was added' },
        { name: 'user.invited', title: 'A member was added' },
        { name: 'plugin.failing', title: 'A plugin goes on failing' },
        { name: 'plugin.recovered', title: 'A plugin works again' },
      ]),
    )
  })
})

describe('health', () => {
  it('tells the state of the parts', async () => {
    const { status, body } = await app.call('GET', '/api/health')
    expect(status).toBe(200)
    expect(body.data).toMatchObject({
      status: 'ok',
      version: expect.stringMatching(/^\d+\./),
      database: 'ok',
      tier: expect.stringMatching(/^T\d$/),
      databaseHardened: expect.any(Boolean),
      marketplace: { entries: 0 },
    })
    expect(body.data.marketplace).not.toHaveProperty('location')
    expect((await app.call('GET', '/api/ready')).body.data).toEqual({ ready: true })
  })
})

describe('a server that may take the weakest walls only', () => {
  it('says in its health which ones it did not take, and why', async () => {
    const weak = await startTestApp({ settings: { sandboxMaxTier: 1 } })
    try {
      const { body } = await weak.call('GET', '/api/health')
      expect(body.data).toMatchObject({
        tier: 'T1',
        tiersNotTaken: [
          { tier: 'T3', reason: 'the operator allows T1 at most' },
          { tier: 'T2', reason: 'the operator allows T1 at most' },
        ],
      })
    } finally {
      await weak.stop()
    }
  })
})

describe('the OpenAPI document', () => {
  it('describes exactly the routes that are mounted', async () => {
    const document = (await app.call('GET', '/api/openapi.json')).body as unknown as {
      openapi: string
      paths: Record<string, Record<string, unknown>>
    }
    expect(document.openapi).toBe('3.1.1')
    const described = Object.entries(document.paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    )
    expect(described.sort()).toEqual(
      [
        ...mountedRoutes(app.app.router as unknown as Router, ''),
        ...mountedRoutes(app.host.router, '/api/plugins'),
      ].sort(),
    )
  })

  it('gives every operation a name of its own', async () => {
    const { paths } = (await app.call('GET', '/api/openapi.json')).body as unknown as {
      paths: Record<string, Record<string, { operationId: string }>>
    }
    const ids = Object.values(paths).flatMap((item) => Object.values(item).map((operation) => operation.operationId))
    expect(new Set(ids).size).toBe(ids.length)
    expect(ids).toContain('patchApiRisksId')
  })

  it('can be browsed without anything from elsewhere', async () => {
    const page = await fetch(`${app.url}/api/docs`)
    const html = await page.text()
    expect(page.url).toBe(`${app.url}/api/docs/`)
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address = '']) => new URL(address, page.url))
    expect(assets.length).toBeGreaterThan(3)
    for (const asset of assets) {
      expect(asset.origin).toBe(app.url)
      expect((await fetch(asset)).status, asset.pathname).toBe(200)
    }
    expect(html).not.toMatch(/<script>/)
    expect(await (await fetch(`${app.url}/api/docs/swagger-ui-init.js`)).text()).toContain('/api/openapi.json')
  })
})

/** The documentation is not part of the API that it documents; below a plugin's key is what the plugin declares. */
const undocumented = ['/api/openapi.json', '/api/docs', '/:key/*path']

function mountedRoutes(router: Router, prefix: string): string[] {
  return router.stack.flatMap(({ route }) => {
    if (!route || undocumented.includes(route.path)) return []
    const path = (prefix + route.path).replace(/:(\w+)/g, '{$1}')
    return [...new Set(route.stack.map((layer) => `${layer.method} ${path}`))]
  })
}
