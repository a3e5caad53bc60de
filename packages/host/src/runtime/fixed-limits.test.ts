import { Duplex } from 'node:stream'
import type net from 'node:net'
import {
  encodeOpen,
  encodeSocketFrame,
  maxSocketFrameBytes,
  socketFrame,
  type WireViolation,
} from '@tenon/contract/wire'
import { afterAll, describe, expect, it } from 'vitest'
import { functionCall, silentLog, targetOf } from './fixtures/plugin-under-test.js'
import { createHostSockets } from './host-sockets.js'
import { createRuntime, type LogLine } from './index.js'
import { parseRouteAnswer } from './message-schemas.js'

const runtime = createRuntime({ log: silentLog, limits: { warmRunners: 0 } })
afterAll(() => runtime.stop({ drainMs: 0 }))

describe('a line of the log', () => {
  const plugin = targetOf(`exports.install = () => ({})
    exports.say = (length) => console.log('x'.repeat(length))
    exports.forge = async (length) => {
      const { Duplex } = require('stream')
      const write = Duplex.prototype.write
      const pipe = await new Promise((resolve) => {
        Duplex.prototype.write = function (...args) {
          Duplex.prototype.write = write
          resolve(this)
          return write.apply(this, args)
        }
        console.log('this line goes through the pipe')
      })
      const body = Buffer.from('\\x01' + JSON.stringify({ t: 'log', level: 'info', text: 'x'.repeat(length) }))
      const header = Buffer.alloc(4)
      header.writeUInt32LE(body.length)
      pipe.write(Buffer.concat([header, body]))
    }`)
  const linesOf = async (name: string, length: number) => {
    const lines: LogLine[] = []
    await runtime.call(plugin, functionCall(name, [length], { onLog: (line) => void lines.push(line) }))
    return lines.map(({ text }) => text.replace(/x+/, ({ length }) => `${length} x`))
  }

  it('has 8,000 characters at most: the child cuts it', async () => {
    expect(await linesOf('say', 8_000)).toEqual(['8000 x'])
    expect(await linesOf('say', 8_001)).toEqual(['8000 x…'])
  })

  it('that its child did not cut ends it', async () => {
    // One more for the sign that something is missing.
    await linesOf('forge', 8_000 + 1)
    await expect(linesOf('forge', 8_002)).rejects.toMatchObject({ code: 'PLUGIN_KILLED' })
  })
})

describe('a connection', () => {
  /** The host's end of one connection of a child, to a server that takes nothing. */
  async function connection() {
    const violations: string[] = []
    const frames: Buffer[] = []
    const pipe = new Duplex({
      read: () => undefined,
      write: (frame: Buffer, _encoding, done) => (frames.push(frame), done()),
    })
    const upstream = new Duplex({ read: () => undefined, write: () => undefined })
    createHostSockets({
      pipe,
      maxConnections: 1,
      maxWaitMs: 1_000,
      maxWaiting: 1,
      connect: () => Promise.resolve(upstream as net.Socket),
      account: () => ({ open: () => undefined, count: () => true }),
      onViolation: ({ message }: WireViolation) => violations.push(message),
    })
    const fromChild = async (frame: Buffer) => {
      pipe.push(frame)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await fromChild(encodeOpen(1, 'service.example', 443))
    frames.splice(0)
    return { fromChild, upstream, violations, frames }
  }
  const data = (bytes: number) => encodeSocketFrame(socketFrame.data, 1, Buffer.alloc(bytes))

  it('has 262,144 bytes of the child under way at most', async () => {
    const { fromChild, violations } = await connection()
    for (let sent = 0; sent < 262_144; sent += 65_536) await fromChild(data(65_536))
    expect(violations).toEqual([])
    await fromChild(data(1))
    expect(violations).toEqual(['more bytes than the window of a socket arrived'])
  })

  it('is not read any more when 262,144 bytes of the other side are under way to the child', async () => {
    const { upstream } = await connection()
    upstream.push(Buffer.alloc(262_144 - 1))
    await expect.poll(() => upstream.readableLength).toBe(0)
    expect(upstream.isPaused()).toBe(false)
    upstream.push(Buffer.alloc(1))
    await expect.poll(() => upstream.isPaused()).toBe(true)
  })

  it('carries pieces of 65,536 bytes at most', async () => {
    const { upstream, frames } = await connection()
    upstream.push(Buffer.alloc(65_536))
    await expect.poll(() => frames.map(({ length }) => length)).toEqual([data(65_536).length])
    upstream.push(Buffer.alloc(65_537))
    await expect.poll(() => frames.slice(1).map(({ length }) => length)).toEqual([data(65_536).length, data(1).length])
  })

  it('takes no larger pieces of the child either', async () => {
    const { fromChild, violations } = await connection()
    await fromChild(data(65_536))
    expect(violations).toEqual([])
    await fromChild(data(65_536 + 12))
    expect(violations).toEqual([`a frame of ${maxSocketFrameBytes + 1} bytes was announced, the limit is 65552`])
  })
})

describe('an answer of a route', () => {
  const answer = (more: object) => parseRouteAnswer({ status: 200, data: 1, ...more })

  it('has 262,144 bytes at most in its data, and as many as there may be in its file', () => {
    const bytes = (count: number) => Buffer.alloc(count)
    expect(answer({ data: [bytes(262_143), { one: bytes(1) }] })).toMatchObject({ status: 200 })
    expect(() => answer({ data: [bytes(262_144), { one: bytes(1) }] })).toThrow('too many bytes in data')
    expect(answer({ data: 1, buffer: bytes(262_145) }).buffer).toHaveLength(262_145)
  })

  it('names its file, and what is in it, with 255 characters at most', () => {
    for (const field of ['filename', 'contentType']) {
      expect(answer({ [field]: 'x'.repeat(255) })).toMatchObject({ [field]: 'x'.repeat(255) })
      expect(() => answer({ [field]: 'x'.repeat(256) })).toThrow(field)
    }
  })
})

describe('a plugin', () => {
  const load = (code: string) =>
    runtime.call(
      targetOf(`exports.install = () => ({}); exports.hello = () => 'hello'; const work = () => 1; ${code}`),
      functionCall('hello'),
    )
  const failing = (reason: string) => ({
    code: 'PLUGIN_LOAD_FAILED',
    message: expect.stringContaining(reason) as string,
  })

  it.each(['router', 'events', 'connections', 'jobs'])('has 500 %s at most', async (kind) => {
    const many = (count: number) =>
      `exports.${kind} = Object.fromEntries(Array.from({ length: ${count} }, (_, at) => ['GET /' + at, work]))`
    expect(await load(many(500))).toBe('hello')
    const what = kind === 'router' ? 'routes' : kind
    await expect(load(many(501))).rejects.toMatchObject(failing(`The plugin has more than 500 ${what}.`))
  })

  it('says 64,000 characters of itself at most', async () => {
    const said = (characters: number) => `exports.metadata = { a: 'x'.repeat(${characters} - '{"a":""}'.length) }`
    expect(await load(said(64_000))).toBe('hello')
    const reason = 'The plugin has metadata of more than 64,000 characters.'
    await expect(load(said(64_001))).rejects.toMatchObject(failing(reason))
    // What is no record says nothing.
    expect(await load('exports.metadata = [1, 2]')).toBe('hello')
  })

  const forgedReport = (more: string) => `
    const { Duplex } = require('stream')
    const { write } = Duplex.prototype
    Duplex.prototype.write = function (...args) {
      Duplex.prototype.write = write
      const report = { generation: 'tenon', exports: ['hello'], routes: [], routeRoles: {}, events: [], connections: [], jobs: [] }
      const frame = (...parts) => {
        const body = Buffer.concat(parts)
        const header = Buffer.alloc(4)
        header.writeUInt32LE(body.length)
        return Buffer.concat([header, body])
      }
      const message = (value) => frame(Buffer.from([1]), Buffer.from(JSON.stringify(value)))
      ${more}
      return write.apply(this, args)
    }
    console.log('this line goes through the pipe')`

  it('that says more of itself, and whose child says so, ends it', async () => {
    const forged = (characters: number) =>
      targetOf(
        `exports.install = () => ({})
        ${forgedReport(`const metadata = { a: 'x'.repeat(${characters} - '{"a":""}'.length) }
          this.write(message({ t: 'loaded', report: { ...report, metadata } }))`)}`,
      )
    // That of the child itself comes second, and ends it.
    expect(JSON.stringify((await runtime.inspect(forged(64_000))).metadata)).toHaveLength(64_000)
    await expect(runtime.inspect(forged(64_001))).rejects.toMatchObject(failing('(report.metadata)'))
  })

  it('has no code cache kept that is not of its code', async () => {
    const forged = (bytes: number) =>
      targetOf(
        `exports.install = () => ({})
        ${forgedReport(`const piece = Buffer.alloc(${bytes})
          this.write(frame(Buffer.from([2, 255, 0, 0, 0]), piece))
          this.write(message({ t: 'loaded', report, codeCache: { $: 'bytes', v: 255, size: piece.length } }))`)}`,
      )
    expect((await runtime.inspect(forged(1_000_000))).codeCache).toHaveLength(1_000_000)
    expect((await runtime.inspect(forged(1_100_000))).codeCache).toBeUndefined()
  })

  it('names what it has with 200 characters at most', async () => {
    const named = (characters: number) => `exports['x'.repeat(${characters})] = work`
    expect(await load(named(200))).toBe('hello')
    const reason = 'The plugin has functions with names of more than 200 characters.'
    await expect(load(named(201))).rejects.toMatchObject(failing(reason))
  })
})
