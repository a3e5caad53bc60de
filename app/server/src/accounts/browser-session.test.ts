import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestApp, testPassword, type TestApp } from '../testing/test-app.js'

let app: TestApp
let clientDirectory: string
beforeAll(async () => {
  clientDirectory = await mkdtemp(join(tmpdir(), 'tenon-client-'))
  await mkdir(join(clientDirectory, 'assets'))
  await writeFile(join(clientDirectory, 'index.html'), '<!doctype html><meta name="nonce" content="__CSP_NONCE__">')
  for (const [suffix, text] of Object.entries({ '': 'plain', '.br': 'brotli', '.gz': 'zipped' })) {
    await writeFile(join(clientDirectory, 'assets', `app-1234.js${suffix}`), text)
  }
  app = await startTestApp({ clientDirectory })
})
afterAll(async () => {
  await app.stop()
  await rm(clientDirectory, { recursive: true, force: true })
})

async function signIn(email: string) {
  const answer = await app.call('POST', '/api/session', { body: { email, password: testPassword } })
  const cookie = answer.headers.get('set-cookie') ?? ''
  return { answer, cookie, pair: cookie.split(';')[0] ?? '', csrfToken: answer.body.data['csrfToken'] as string }
}

describe('the session of a browser', () => {
  it('is kept in a cookie that scripts and other sites do not get', async () => {
    const { email } = await app.register()
    const { answer, cookie, pair } = await signIn(email)
    expect(answer.status).toBe(200)
    expect(cookie).toMatch(/^tenon_session=[\w.-]+; Path=\/; HttpOnly; SameSite=Strict; Max-Age=43200$/)
    expect(JSON.stringify(answer.body)).not.toContain(pair.slice('tenon_session='.length))
    expect(await app.call('GET', '/api/session', { headers: { cookie: pair } })).toMatchObject({
      status: 200,
      body: { data: { user: { email } } },
    })
  })

  it('reads with the cookie alone, and changes only with the token of its page', async () => {
    const { email } = await app.register()
    const other = await signIn((await app.register()).email)
    const { pair, csrfToken } = await signIn(email)
    const project = { project_title: 'Project', goal: 'Goal' }
    const post = (headers: object) => app.call('POST', '/api/projects', { body: project, headers })
    expect(await app.call('GET', '/api/projects', { headers: { cookie: pair } })).toMatchObject({ status: 200 })
    for (const headers of [{}, { 'x-csrf-token': other.csrfToken }, { 'x-csrf-token': '' }]) {
      expect(await post({ cookie: pair, ...headers })).toMatchObject({ status: 403, body: { code: 'CSRF_REFUSED' } })
    }
    expect(await post({ cookie: pair, 'x-csrf-token': csrfToken })).toMatchObject({ status: 201 })
  })

  it('is read over TLS from no cookie that another host of the domain could have set', async () => {
    const secure = await startTestApp({ settings: { publicUrl: 'https://tenon.example' } })
    try {
      const { email, token } = await secure.register()
      const answer = await secure.call('POST', '/api/session', { body: { email, password: testPassword } })
      const [pair = ''] = (answer.headers.get('set-cookie') ?? '').split(';')
      expect(pair).toMatch(/^__Host-tenon_session=/)
      const session = (cookie: string) => secure.call('GET', '/api/session', { headers: { cookie } })
      expect(await session(pair)).toMatchObject({ status: 200 })
      expect(await session(`tenon_session=${token}`)).toMatchObject({
        status: 401,
        body: { code: 'NOT_AUTHENTICATED' },
      })
      const plugins = await secure.call('GET', '/api/plugins/activity', {
        headers: { cookie: `tenon_session=${token}` },
      })
      expect(plugins).toMatchObject({ status: 401 })
    } finally {
      await secure.stop()
    }
  })

  it('asks the same of the requests to plugins', async () => {
    const { pair, csrfToken } = await signIn((await app.register()).email)
    const install = (headers: object) =>
      app.call('POST', '/api/plugins/install', {
        body: { pluginKey: 'nothing' },
        headers: { cookie: pair, ...headers },
      })
    expect(await install({})).toMatchObject({ body: { code: 'CSRF_REFUSED' } })
    expect((await install({ 'x-csrf-token': csrfToken })).body.code).not.toBe('CSRF_REFUSED')
  })

  it('ends when the person signs out, also for whoever has copied the cookie, and no other session with it', async () => {
    const { email } = await app.register()
    const [{ pair }, other] = [await signIn(email), await signIn(email)]
    const read = (cookie: string) => app.call('GET', '/api/session', { headers: { cookie } })
    const left = await app.call('DELETE', '/api/session', { headers: { cookie: pair } })
    expect(left.headers.get('set-cookie')).toMatch(/^tenon_session=; .*Max-Age=0/)
    expect(await read(pair)).toMatchObject({ status: 401, body: { code: 'SESSION_EXPIRED' } })
    expect(await read(other.pair)).toMatchObject({ status: 200 })
  })

  it.each(['no cookie', 'tenon_session=not.a.token'])('can be ended with %s', async (cookie) => {
    expect(await app.call('DELETE', '/api/session', { headers: { cookie } })).toMatchObject({ status: 200 })
  })

  it('of a program ends as well', async () => {
    const { token } = await app.register()
    expect(await app.call('DELETE', '/api/session', { token })).toMatchObject({ status: 200 })
    expect(await app.call('GET', '/api/auth/me', { token })).toMatchObject({ status: 401 })
  })

  it('is not asked of programs, which send a bearer token', async () => {
    const { token } = await app.register()
    const body = { project_title: 'Project', goal: 'Goal' }
    expect(await app.call('POST', '/api/projects', { token, body })).toMatchObject({ status: 201 })
  })
})

describe('the page', () => {
  const get = (path: string, headers: Record<string, string> = {}) =>
    fetch(app.url + path, { headers: { accept: 'text/html', ...headers } })

  it('is sent for every address of people, with a nonce of its own', async () => {
    const [first, second] = [await get('/plugins'), await get('/plugins/any-key/manage?code=1')]
    const nonce = /content="([^"]{24})"/.exec(await first.text())?.[1]
    expect(first.headers.get('content-security-policy')).toContain(`style-src 'self' 'nonce-${nonce}'`)
    expect(first.headers.get('content-security-policy')).toContain("script-src 'self';")
    expect(await second.text()).not.toContain(nonce)
  })

  it('is not sent for what programs ask for', async () => {
    expect((await get('/api/nothing')).status).toBe(404)
    expect((await fetch(`${app.url}/plugins`, { headers: { accept: 'application/json' } })).status).toBe(404)
  })

  it('has files that are compressed and kept for good', async () => {
    const encoded = async (encoding: string) => {
      const answer = await get('/assets/app-1234.js', { 'accept-encoding': encoding })
      return answer.headers.get('content-encoding')
    }
    const plain = await get('/assets/app-1234.js', { 'accept-encoding': 'identity' })
    expect(plain.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(plain.headers.get('content-type')).toMatch(/javascript/)
    expect(await plain.text()).toBe('plain')
    expect(await encoded('identity')).toBeNull()
    const head = await fetch(`${app.url}/assets/app-1234.js`, { method: 'HEAD', headers: { 'accept-encoding': 'br' } })
    expect(head.headers.get('content-encoding')).toBe('br')
    expect((await get('/assets/older.js')).status).toBe(404)
  })
})
