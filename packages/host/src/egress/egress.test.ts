import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { testAuthority } from './fixtures/certificates.js'
import { type LoopbackServer, startEchoServer, startHttpServer, startHttpsServer } from './fixtures/loopback-server.js'
import {
  connectChecked,
  type ConnectRules,
  createEgressFetch,
  type EgressFetchOptions,
  type EgressRequest,
  type HostMap,
  isExempt,
  isPublicAddress,
  parseAllowPrivate,
  parseHostMap,
} from './index.js'

describe('a public address is', () => {
  it.each(['93.184.216.34', '1.1.1.1', '2606:2800:220:1:248:1893:25c8:1946', '::ffff:93.184.216.34'])(
    '%s',
    (address) => {
      expect(isPublicAddress(address)).toBe(true)
    },
  )

  it.each([
    ...['127.0.0.1', '127.255.255.254', '0.0.0.0', '10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.0.1'],
    ...['169.254.169.254', '100.64.0.1', '100.100.100.200', '192.0.0.192', '192.0.2.1', '198.18.0.1', '198.51.100.1'],
    ...['203.0.113.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '168.63.129.16'],
    ...['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:10.0.0.1', '::ffff:0:127.0.0.1', 'fe80::1', 'fec0::1'],
    ...['fc00::1', 'fd00:ec2::254', 'ff02::1', '64:ff9b::7f00:1', '64:ff9b:1::7f00:1', '2002:7f00:1::', '2001::1'],
    ...['2001:db8::1', '100::1', '3fff::1', '5f00::1', '4000::1', 'fe80::1%eth0', 'localhost', '', '1.1.1.1.1'],
  ])('not %s', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })
})

describe('EGRESS_ALLOW_PRIVATE', () => {
  const exemptions = parseAllowPrivate('127.0.0.1/32:5000-5999, 10.0.0.0/8,192.168.1.7:443,[fd00::]/8:8080,[::1]')

  it.each([
    ['127.0.0.1', 5000, true],
    ['127.0.0.1', 5999, true],
    ['127.0.0.1', 4999, false],
    ['127.0.0.1', 6000, false],
    ['127.0.0.2', 5000, false],
    ['10.255.0.1', 1, true],
    ['::ffff:10.255.0.1', 1, true],
    ['11.0.0.1', 1, false],
    ['192.168.1.7', 443, true],
    ['192.168.1.8', 443, false],
    ['fd12::1', 8080, true],
    ['fd12::1', 8081, false],
    ['::1', 1, true],
    ['garbage', 1, false],
  ])('on %s port %i is %s', (address, port, expected) => {
    expect(isExempt(exemptions, address, port)).toBe(expected)
  })

  it.each([
    'localhost',
    '10.0.0.0/33',
    '10.0.0.0/8:0',
    '10.0.0.0/8:10-5',
    '10.0.0.0/8:1-70000',
    '10.0.0/8:x',
    '300.0.0.1/8',
  ])('refuses "%s" and names it', (setting) => {
    expect(() => parseAllowPrivate(setting)).toThrow(`"${setting}" is not a range`)
  })

  it('may be empty', () => {
    expect(parseAllowPrivate(undefined)).toEqual([])
    expect(parseAllowPrivate(' ')).toEqual([])
  })
})

describe('a host map', () => {
  it('has entries with and without the first port', () => {
    expect([...parseHostMap('Slack.com:443=127.0.0.1:4711, hooks.slack.com=[::1]:4712')]).toEqual([
      ['slack.com:443', { host: '127.0.0.1', port: 4711 }],
      ['hooks.slack.com:443', { host: '::1', port: 4712 }],
    ])
  })

  it.each(['slack.com', 'slack.com=127.0.0.1', 'slack.com:0=127.0.0.1:1', '=127.0.0.1:1', 'a=b:99999'])(
    'refuses "%s" and names it',
    (setting) => {
      expect(() => parseHostMap(setting)).toThrow(`"${setting}" is not an entry`)
    },
  )
})

let plain: LoopbackServer
let secure: LoopbackServer
let echo: LoopbackServer
let hostMap: HostMap
beforeAll(async () => {
  ;[plain, secure, echo] = await Promise.all([startHttpServer(), startHttpsServer(), startEchoServer()])
  hostMap = parseHostMap(
    [
      `service.example:443=127.0.0.1:${secure.port}`,
      `service.example:80=127.0.0.1:${plain.port}`,
      `other.example:443=127.0.0.1:${secure.port}`,
    ].join(),
  )
})
afterAll(() => {
  for (const server of [plain, secure, echo]) server.close()
})

describe('a checked connection', () => {
  const rules: ConnectRules = { allows: () => true, allowsAddress: () => false, connectTimeoutMs: 500 }
  const answering = (...addresses: string[]) => ({
    lookup: async () => addresses.map((address) => ({ address, family: net.isIP(address) })),
  })
  const here: ConnectRules = { ...rules, allowsAddress: (address) => address === '127.0.0.1' }

  it('goes to the address that was checked, resolved once', async () => {
    let asked = 0
    const lookup = async () => [{ address: asked++ === 0 ? '127.0.0.1' : '10.0.0.1', family: 4 }]
    const socket = await connectChecked('rebinding.example', echo.port, { ...here, lookup })
    expect([socket.remoteAddress, asked]).toEqual(['127.0.0.1', 1])
    socket.destroy()
  })

  it.each([
    ['is private', ['10.0.0.1']],
    ['is private next to one that may be used', ['127.0.0.1', '10.0.0.1']],
    ['is local to the machine', ['::1']],
  ])('is refused when an address %s', async (_, addresses) => {
    const attempt = connectChecked('name.example', echo.port, { ...here, ...answering(...addresses) })
    await expect(attempt).rejects.toMatchObject({ code: 'EACCES', message: `connect EACCES name.example:${echo.port}` })
  })

  it('is refused to a host that the policy does not allow, before anything is resolved', async () => {
    let asked = 0
    const lookup = async () => (asked++, [])
    const attempt = connectChecked('Name.Example.', 443, { ...rules, lookup, allows: () => false })
    await expect(attempt).rejects.toMatchObject({ code: 'EACCES', reason: 'not in the allow-list' })
    expect(asked).toBe(0)
  })

  it.each(['', 'a b', 'a/b', 'user@host', 'a'.repeat(254), 'näme'])(
    'is refused to "%s", which is no host',
    async (host) => {
      await expect(connectChecked(host, 443, rules)).rejects.toMatchObject({ code: 'EINVAL' })
    },
  )

  it('tries the next address when one does not answer', async () => {
    const both: ConnectRules = { ...rules, allowsAddress: () => true, ...answering('127.0.0.2', '127.0.0.1') }
    const server = net.createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const socket = await connectChecked('two.example', (server.address() as net.AddressInfo).port, both)
    expect(socket.remoteAddress).toBe('127.0.0.1')
    socket.destroy()
    server.close()
  })

  it('gives up when a name is not resolved in time', async () => {
    const lookup = () => new Promise<never>(() => undefined)
    const attempt = connectChecked('slow.example', 443, { ...rules, connectTimeoutMs: 50, lookup })
    await expect(attempt).rejects.toMatchObject({ code: 'ETIMEDOUT' })
  })
})

describe('an egress fetch', () => {
  const fetchWith = async (url: string, init: EgressRequest = {}, options: EgressFetchOptions = {}) => {
    const egressFetch = createEgressFetch({ hostMap, extraCa: [testAuthority()], ...options })
    try {
      const answer = await egressFetch(url, init)
      return { status: answer.status, url: answer.url, text: await answer.text() }
    } finally {
      await egressFetch.close()
    }
  }
  const to = (status: number, target: string, from = 'https://service.example') =>
    `${from}/to/${status}/${encodeURIComponent(target)}`
  const refused = (reason: RegExp) => ({ code: 'EGRESS_REFUSED', message: expect.stringMatching(reason) })

  it('speaks http and https, with headers and body', async () => {
    const init = { method: 'POST', body: 'sent', headers: { 'X-Own': 'yes' } }
    expect(await fetchWith('https://service.example/echo', init)).toMatchObject({ status: 200, text: 'sent' })
    expect((await fetchWith('http://service.example/', { headers: { 'X-Own': 'yes' } })).text).toContain(
      '"x-own":"yes"',
    )
  })

  it('takes headers and bodies as a standard fetch does', async () => {
    const init = { method: 'POST', body: new URLSearchParams({ a: 'b c' }), headers: new Headers({ 'X-Own': 'yes' }) }
    expect((await fetchWith('https://service.example/echo', init)).text).toBe('a=b+c')
    expect((await fetchWith('https://service.example/', init)).text).toContain('application/x-www-form-urlencoded')
  })

  it.each([
    ['ftp://service.example/', /only http and https/],
    ['file:///etc/hostname', /only http and https/],
    ['https://user:secret@service.example/', /user name or password/],
    ['not an address', /not an address/],
    ['http://127.0.0.1/', /not a public address/],
    ['http://[::1]/', /not a public address/],
    ['http://2130706433/', /not a public address/],
    ['http://169.254.169.254/latest/', /not a public address/],
  ])('refuses %s', async (url, reason) => {
    await expect(fetchWith(url)).rejects.toMatchObject(refused(reason))
  })

  it('refuses hosts that are not allowed', async () => {
    const allows = (host: string) => host === 'service.example'
    expect(await fetchWith('https://service.example/', {}, { allows })).toMatchObject({ status: 200 })
    await expect(fetchWith('https://other.example/', {}, { allows })).rejects.toMatchObject(refused(/allow-list/))
  })

  it('follows redirects, each checked like the first', async () => {
    const answer = await fetchWith(to(302, 'https://other.example/there'))
    expect(answer).toMatchObject({ status: 200, url: 'https://other.example/there' })
    await expect(fetchWith(to(302, 'http://127.0.0.1/'))).rejects.toMatchObject(refused(/not a public address/))
    await expect(fetchWith(to(302, 'file:///etc/hostname'))).rejects.toMatchObject(refused(/only http/))
    await expect(fetchWith(to(302, 'https://u:p@other.example/'))).rejects.toMatchObject(refused(/user name/))
  })

  it('follows as many redirects as it may, and not one more', async () => {
    const twice = to(302, to(302, 'https://service.example/end'))
    expect(await fetchWith(twice, { maxRedirects: 2 })).toMatchObject({ status: 200 })
    await expect(fetchWith(twice, { maxRedirects: 1 })).rejects.toMatchObject(refused(/more than 1 times/))
    expect(await fetchWith(twice, { redirect: 'manual' })).toMatchObject({ status: 302 })
    await expect(fetchWith(twice, { redirect: 'error' })).rejects.toMatchObject(refused(/it redirects/))
  })

  it('leaves credentials behind when a redirect leads to another origin', async () => {
    const headers = { Authorization: 'Bearer secret', Cookie: 'c=1', 'X-Own': 'yes' }
    const same = await fetchWith(to(302, 'https://service.example/end'), { headers })
    expect(same.text).toContain('Bearer secret')
    const other = await fetchWith(to(302, 'https://other.example/end'), { headers })
    expect(other.text).toContain('"x-own":"yes"')
    expect(other.text).not.toMatch(/secret|c=1/)
  })

  it('turns a POST into a GET where the protocol says so', async () => {
    const init = { method: 'POST', body: 'sent' }
    expect((await fetchWith(to(303, '/end'), init)).text).toContain('"method":"GET"')
    expect((await fetchWith(to(302, '/end'), init)).text).toContain('"method":"GET"')
    expect((await fetchWith(to(307, '/echo'), init)).text).toBe('sent')
  })

  it('reads bodies up to the limit, and not one byte more', async () => {
    const url = 'https://service.example/bytes/5000'
    expect((await fetchWith(url, { maxBodyBytes: 5_000 })).text).toHaveLength(5_000)
    await expect(fetchWith(url, {}, { maxBodyBytes: 4_999 })).rejects.toMatchObject(refused(/larger than 4999 bytes/))
    await expect(fetchWith(url, { maxBodyBytes: 4_999 })).rejects.toMatchObject(refused(/larger than 4999 bytes/))
  })

  it('gives up after its time, and when it is told to', async () => {
    const hang = 'https://service.example/hang'
    const failed = { code: 'EGRESS_FAILED' }
    await expect(fetchWith(hang, { timeoutMs: 80 })).rejects.toMatchObject({ ...failed, message: /took too long/ })
    await expect(fetchWith(hang, { signal: AbortSignal.abort() })).rejects.toMatchObject(failed)
  })

  it('trusts only the authorities that the operator named', async () => {
    await expect(fetchWith('https://service.example/', {}, { extraCa: [] })).rejects.toMatchObject({
      code: 'EGRESS_FAILED',
    })
  })

  it('connects to a private address that is exempt', async () => {
    const exemptions = parseAllowPrivate(`127.0.0.1:${plain.port}`)
    const allowsAddress = (address: string, _host: string, port: number) => isExempt(exemptions, address, port)
    expect(await fetchWith(`http://127.0.0.1:${plain.port}/`, {}, { allowsAddress })).toMatchObject({ status: 200 })
    await expect(fetchWith(`http://127.0.0.1:${echo.port}/`, {}, { allowsAddress })).rejects.toMatchObject(
      refused(/not a public address/),
    )
  })
})
