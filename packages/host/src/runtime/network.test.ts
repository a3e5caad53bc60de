import { setTimeout as sleep } from 'node:timers/promises'
import { createSecureServer } from 'node:http2'
import type { AddressInfo } from 'node:net'
import net from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serverTls, testAuthority } from '../egress/fixtures/certificates.js'
import {
  type LoopbackServer,
  startEchoServer,
  startHttpServer,
  startHttpsServer,
} from '../egress/fixtures/loopback-server.js'
import type { HostMap, NetworkPolicy } from '../egress/index.js'
import { functionCall, hostile, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import { createRuntime, type LogLine, type Runtime } from './index.js'

const plugin = targetOf(`
const http = require('http'), https = require('https'), net = require('net'), tls = require('tls'), http2 = require('http2')
const text = (stream) => new Promise((resolve, reject) => {
  let all = ''
  stream.setEncoding('utf8').on('data', (part) => (all += part)).on('end', () => resolve(all)).on('error', reject)
})
const failure = (error) => ({ code: error.code ?? error.cause?.code, message: error.cause?.message ?? error.message })
exports.install = () => ({})
exports.fetchText = async (url, init) => (await fetch(url, init)).text().catch(failure)
exports.fetchFailure = (url) => fetch(url).then((answer) => answer.status, failure)
exports.httpGet = (url) => new Promise((resolve, reject) =>
  (url.startsWith('https') ? https : http).get(url, (answer) => resolve(text(answer))).on('error', reject))
exports.rawTcp = (port, host, words) => {
  const socket = net.connect(port, host, () => socket.end(words))
  return text(socket)
}
exports.rawTls = (port, host) => {
  const socket = tls.connect({ port, host }, () => socket.end('GET /raw HTTP/1.0\\r\\n\\r\\n'))
  return text(socket)
}
exports.http2 = (authority) => new Promise((resolve, reject) => {
  const session = http2.connect(authority).on('error', reject)
  text(session.request({ ':path': '/two' })).then((answer) => { session.close(); resolve(answer) }, reject)
})
exports.connectFailure = (port, host) => new Promise((resolve) => {
  const socket = net.connect({ port, host }, () => { socket.destroy(); resolve('connected') })
  socket.on('error', (error) => resolve(failure(error)))
})
exports.upload = async (url, size) => {
  const body = Buffer.alloc(size, 'u')
  const answer = await fetch(url, { method: 'POST', body })
  return Buffer.from(await answer.arrayBuffer()).equals(body)
}
exports.slowly = async (url, pauseMs) => {
  const answer = await fetch(url)
  let bytes = 0
  for await (const part of answer.body) {
    bytes += part.length
    if (bytes < 300_000) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return bytes
}
exports.many = async (url, count) => (await Promise.all(Array.from({ length: count }, () => fetch(url).then((a) => a.text())))).length
const held = []
exports.hold = (port, host) => new Promise((resolve, reject) => {
  const socket = net.connect(port, host, () => resolve('held')).on('error', reject).on('close', () => (held.closed = true))
  held.push(socket)
})
exports.release = () => held.forEach((socket) => socket.destroy())
exports.heldClosed = () => held.closed === true
exports.timeout = (url) => fetch(url, { signal: AbortSignal.timeout(100) }).then(() => 'answered', (error) => error.name)
`)

let runtime: Runtime
let plain: LoopbackServer
let secure: LoopbackServer
let echo: LoopbackServer
let hostMap: HostMap
const exampleOnly: NetworkPolicy = { allows: (host) => host.endsWith('.example'), allowsAddress: () => false }
const lookup = async (host: string) => {
  const answers: Record<string, string[]> = {
    'private.example': ['10.1.2.3'],
    'half-private.example': ['93.184.216.34', '192.168.0.1'],
    'mapped.example': ['::ffff:127.0.0.1'],
    'metadata.example': ['169.254.169.254'],
    'here.example': ['127.0.0.1'],
  }
  const addresses = answers[host]
  if (!addresses) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
  return addresses.map((address) => ({ address, family: net.isIP(address) }))
}

beforeAll(async () => {
  ;[plain, secure, echo] = await Promise.all([startHttpServer(), startHttpsServer(), startEchoServer()])
  const at = ({ port }: LoopbackServer) => ({ host: '127.0.0.1', port })
  hostMap = new Map([
    ['service.example:80', at(plain)],
    ['service.example:443', at(secure)],
    ['raw.example:7000', at(echo)],
  ])
  runtime = createRuntime({ log: silentLog, hostMap, lookup, extraCa: [testAuthority()], limits: { warmRunners: 1 } })
})
afterAll(async () => {
  await runtime.stop()
  for (const server of [plain, secure, echo]) server.close()
})

const call = (name: string, ...args: unknown[]) =>
  runtime.call(plugin, functionCall(name, args, { network: exampleOnly }))

describe('unmodified clients reach an allowed host', () => {
  it('fetch', async () => {
    expect(await call('fetchText', 'https://service.example/a')).toContain('"url":"/a"')
    expect(await call('fetchText', 'http://service.example/b')).toContain('"url":"/b"')
  })

  it('http and https', async () => {
    expect(await call('httpGet', 'https://service.example/c')).toContain('"url":"/c"')
    expect(await call('httpGet', 'http://service.example/d')).toContain('"url":"/d"')
  })

  it('net and tls', async () => {
    expect(await call('rawTcp', 7000, 'raw.example', 'there and back')).toBe('there and back')
    expect(await call('rawTls', 443, 'service.example')).toContain('"url":"/raw"')
  })

  it('http2', async () => {
    const server = createSecureServer(serverTls(), (request, response) => response.end(`two ${request.url}`))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const map = new Map([['service.example:443', { host: '127.0.0.1', port: (server.address() as AddressInfo).port }]])
    const own = createRuntime({ log: silentLog, hostMap: map, extraCa: [testAuthority()], limits: { warmRunners: 0 } })
    const asked = functionCall('http2', ['https://service.example'], { network: exampleOnly })
    expect(await own.call(plugin, asked)).toBe('two /two')
    await own.stop()
    server.close()
  })

  it('with bodies many times the window, both ways', async () => {
    expect(await call('upload', 'https://service.example/echo', 5_000_000)).toBe(true)
    expect(await call('upload', 'http://service.example/echo', 5_000_000)).toBe(true)
    expect(await call('slowly', 'http://service.example/bytes/3000000', 20)).toBe(3_000_000)
  })

  it('with a hundred requests at once, 32 connections at a time', async () => {
    expect(await call('many', 'http://service.example/x', 100)).toBe(100)
  })

  it('and give up when they want to', async () => {
    expect(await call('timeout', 'http://service.example/hang')).toBe('TimeoutError')
  })
})

it('a plugin whose names are never answered leaves the places for looking up to the others', async () => {
  // As the system does it: two at a time, for everybody.
  const waiting: (() => void)[] = []
  let held = 0
  const twoPlaces = async (host: string) => {
    if (held === 2) await new Promise<void>((resolve) => waiting.push(resolve))
    held += 1
    if (host.endsWith('.silent.example')) await new Promise(() => {})
    held -= 1
    waiting.shift()?.()
    throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
  }
  const own = createRuntime({ log: silentLog, lookup: twoPlaces, limits: { warmRunners: 0, connectMs: 1_000 } })
  const from = (tenantId: string, host: string) =>
    own.call({ ...plugin, tenantId }, functionCall('connectFailure', [443, host], { network: exampleOnly }))
  const stuck = ['a', 'b', 'c', 'd'].map((name) => from('mallory', `${name}.silent.example`))
  await expect.poll(() => held).toBeGreaterThan(0)
  expect(await from('alice', 'gone.example')).toMatchObject({ code: 'ENOTFOUND' })
  for (const one of stuck) expect(await one).toMatchObject({ code: 'ETIMEDOUT' })
  await own.stop()
})

describe('a connection is refused as EACCES', () => {
  it.each([
    ['a host that is not allowed', 'elsewhere.com', 443],
    ['an address instead of a name', '127.0.0.1', 80],
    ['the cloud metadata service', '169.254.169.254', 80],
    ['a name for a private address', 'private.example', 443],
    ['a name with one private address among public ones', 'half-private.example', 443],
    ['a name for an IPv4 address in IPv6 clothes', 'mapped.example', 80],
    ['a name for the metadata service', 'metadata.example', 80],
  ])('to %s', async (_, host, port) => {
    const message = `connect EACCES ${host}:${port}`
    expect(await call('connectFailure', port, host)).toEqual({ code: 'EACCES', message })
    const url = `${port === 80 ? 'http' : 'https'}://${host}/`
    expect(await call('fetchFailure', url)).toEqual({ code: 'EACCES', message })
  })

  it('when an allowed host redirects there', async () => {
    const url = `http://service.example/to/302/${encodeURIComponent('http://elsewhere.com/')}`
    expect(await call('fetchFailure', url)).toEqual({ code: 'EACCES', message: 'connect EACCES elsewhere.com:80' })
  })

  it('and the plugin log says why', async () => {
    const lines: LogLine[] = []
    const onLog = (line: LogLine) => void lines.push(line)
    await runtime.call(plugin, functionCall('connectFailure', [443, 'elsewhere.com'], { network: exampleOnly, onLog }))
    expect(lines).toEqual([{ level: 'warn', text: 'connect EACCES elsewhere.com:443: not in the allow-list' }])
  })

  it('when the call brought no policy', async () => {
    const asked = functionCall('connectFailure', [443, 'service.example'])
    expect(await runtime.call(plugin, asked)).toMatchObject({ code: 'EACCES' })
  })
})

describe('the rules of a connection', () => {
  it('let a private address through that the policy exempts', async () => {
    const network: NetworkPolicy = {
      allows: (host, port) => host === 'here.example' && port === plain.port,
      allowsAddress: (address, host, port) => address === '127.0.0.1' && host === 'here.example' && port === plain.port,
    }
    const url = `http://here.example:${plain.port}/exempt`
    expect(await runtime.call(plugin, functionCall('fetchText', [url], { network }))).toContain('/exempt')
  })

  it('pass the resolver its own errors', async () => {
    expect(await call('connectFailure', 443, 'nowhere.example')).toMatchObject({ code: 'ENOTFOUND' })
  })

  it('cut what is open when no call is in flight any more', async () => {
    const own = createRuntime({ log: silentLog, hostMap, limits: { socketLingerMs: 50, warmRunners: 0 } })
    const network = exampleOnly
    expect(await own.call(plugin, functionCall('hold', [7000, 'raw.example'], { network }))).toBe('held')
    expect(own.status().processes[0]?.connections).toBe(1)
    await expect.poll(() => own.status().processes[0]?.connections).toBe(0)
    expect(await own.call(plugin, functionCall('heldClosed'))).toBe(true)
    await own.stop()
  })

  it('count connections: the one beyond the maximum waits, and fails when none comes free', async () => {
    const limits = { maxConnections: 2, connectMs: 200, warmRunners: 0 }
    const own = createRuntime({ log: silentLog, hostMap, limits })
    const open = (name: string) => own.call(plugin, functionCall(name, [7000, 'raw.example'], { network: exampleOnly }))
    expect(await open('hold')).toBe('held')
    expect(await open('connectFailure')).toBe('connected')
    expect(await open('hold')).toBe('held')
    expect(await open('connectFailure')).toEqual({ code: 'EMFILE', message: 'connect EMFILE raw.example:7000' })
    await own.stop()
  })

  it('keep what is open for socketLingerMs after a call, for the next one', async () => {
    const own = createRuntime({ log: silentLog, hostMap, limits: { socketLingerMs: 15_000, warmRunners: 0 } })
    await own.call(plugin, functionCall('hold', [7000, 'raw.example'], { network: exampleOnly }))
    await sleep(200)
    expect(await own.call(plugin, functionCall('heldClosed'))).toBe(false)
    await own.stop()
  })

  it('wait connectMs for a free one', async () => {
    const second = async (connectMs: number) => {
      const limits = { maxConnections: 1, connectMs, socketLingerMs: 15_000, warmRunners: 0 }
      const own = createRuntime({ log: silentLog, hostMap, limits })
      const call = (name: string) =>
        own.call(plugin, functionCall(name, [7000, 'raw.example'], { network: exampleOnly }))
      await call('hold')
      const waiting = call('connectFailure')
      await sleep(300)
      await call('release')
      const answer = await waiting
      await own.stop()
      return answer
    }
    expect(await second(15_000)).toBe('connected')
    expect(await second(100)).toMatchObject({ code: 'EMFILE' })
  })

  it('do not trust an authority that the operator did not name', async () => {
    const own = createRuntime({ log: silentLog, hostMap, limits: { warmRunners: 0 } })
    const asked = functionCall('fetchFailure', ['https://service.example/'], { network: exampleOnly })
    expect(await own.call(plugin, asked)).toMatchObject({ code: expect.stringMatching(/UNABLE_TO_|SELF_SIGNED/) })
    await own.stop()
  })
})

describe('a plugin that forges frames of its sockets', () => {
  it.each(['giant', 'unopened', 'reused', 'early', 'short', 'overrun'])('with "%s" is killed', async (which) => {
    const deaf = net.createServer((socket) => void socket.pause())
    await new Promise<void>((resolve) => deaf.listen(0, '127.0.0.1', resolve))
    const map = new Map([['service.example:443', { host: '127.0.0.1', port: (deaf.address() as AddressInfo).port }]])
    const own = createRuntime({ log: silentLog, hostMap: map, limits: { warmRunners: 0 } })
    const asked = functionCall('attack', [which], { network: exampleOnly })
    await expect(own.call(hostile('garbage-on-the-socket-pipe'), asked)).rejects.toMatchObject({
      code: 'PLUGIN_KILLED',
      message: expect.stringContaining('it broke the protocol'),
    })
    await own.stop()
    deaf.close()
  })
})
