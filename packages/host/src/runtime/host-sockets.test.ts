import { Duplex } from 'node:stream'
import type net from 'node:net'
import {
  decodeSocketFrame,
  encodeOpen,
  encodeSocketFrame,
  socketFrame,
  type TimeShare,
  type WireViolation,
} from '@tenon/contract/wire'
import { expect, it } from 'vitest'
import { createHostSockets } from './host-sockets.js'

const nextTurn = () => new Promise((resolve) => setImmediate(resolve))

/** The host's end of one connection of a child, to a server that takes what it is sent when `take` is called. */
async function connection({ share }: { share?: TimeShare } = {}) {
  const violations: string[] = []
  const types: number[] = []
  const written: { bytes: Buffer; done: () => void }[] = []
  let blocked: (() => void) | undefined
  let isBlocked = false
  const pipe = new Duplex({
    read: () => undefined,
    highWaterMark: 1,
    write(frame: Buffer, _encoding, done) {
      types.push(decodeSocketFrame(frame.subarray(4)).type)
      if (isBlocked) blocked = done
      else done()
    },
  })
  const upstream = new Duplex({
    read: () => undefined,
    write: (bytes: Buffer, _encoding, done) => void written.push({ bytes, done }),
  })
  const sockets = createHostSockets({
    pipe,
    maxConnections: 1,
    maxWaitMs: 60_000,
    maxWaiting: 1,
    ...(share ? { share } : {}),
    connect: () => Promise.resolve(upstream as net.Socket),
    account: () => ({ open: () => undefined, count: () => true }),
    onViolation: ({ message }: WireViolation) => violations.push(message),
  })
  const fromChild = async (...frames: Buffer[]) => {
    pipe.push(Buffer.concat(frames))
    await nextTurn()
  }
  await fromChild(encodeOpen(1, 'service.example', 443))
  return {
    fromChild,
    sockets,
    pipe,
    upstream,
    violations,
    types,
    written,
    block: () => void (isBlocked = true),
    unblock() {
      isBlocked = false
      blocked?.()
    },
  }
}

const data = (text: string) => encodeSocketFrame(socketFrame.data, 1, Buffer.from(text))
const times = (count: number, frame: Buffer) => Array.from({ length: count }, () => frame)

it('keeps small pieces for a side that does not read as bytes, and not each for itself', async () => {
  const { fromChild, upstream, written, types } = await connection()
  await fromChild(data('a'), ...times(10_000, data('b')), data('c'))
  await expect.poll(() => written.length).toBe(1)
  // Only the first of them is on its way.
  expect(upstream.writableLength).toBe(1)
  written[0]?.done()
  await expect.poll(() => written.length).toBe(2)
  expect(written.map(({ bytes }) => bytes.toString())).toEqual(['a', `${'b'.repeat(10_000)}c`])
  written[1]?.done()
  await fromChild(data('d'))
  await expect.poll(() => written.at(-1)?.bytes.toString()).toBe('d')
  expect(types).not.toContain(socketFrame.reset)
})

it('keeps nothing of pieces without a byte', async () => {
  const { fromChild, upstream, written } = await connection()
  await fromChild(...times(1_000, data('')), data('a'), ...times(1_000, data('')))
  await nextTurn()
  expect(written.map(({ bytes }) => bytes.toString())).toEqual(['a'])
  expect(upstream.writableLength).toBe(1)
})

it('sends what it has kept before it ends the connection, and takes nothing afterwards', async () => {
  const { fromChild, upstream, written } = await connection()
  await fromChild(data('a'), data('b'), data('c'), encodeSocketFrame(socketFrame.end, 1), data('too late'))
  expect(upstream.writableEnded).toBe(true)
  for (let at = 0; at < 2; at++) {
    await expect.poll(() => written.length).toBe(at + 1)
    written[at]?.done()
  }
  await expect.poll(() => upstream.writableFinished).toBe(true)
  expect(written.map(({ bytes }) => bytes.toString())).toEqual(['a', 'bc'])
})

it('gives credit for all of what was taken', async () => {
  const { fromChild, written, types, violations } = await connection()
  const piece = encodeSocketFrame(socketFrame.data, 1, Buffer.alloc(60_000))
  for (let sent = 0; sent < 20; sent++) {
    await fromChild(piece)
    for (const { done } of written.splice(0)) done()
  }
  await nextTurn()
  expect(violations).toEqual([])
  expect(types).toContain(socketFrame.credit)
})

it('takes no frame of a child that does not read its own', async () => {
  const { fromChild, pipe, types, block, unblock } = await connection()
  block()
  const refused = (id: number) => encodeOpen(id, 'service.example', 443)
  // One is connected and one may wait; each of the others is answered.
  await fromChild(...Array.from({ length: 100 }, (_, at) => refused(at + 2)))
  await nextTurn()
  // The answer that is on its way, and one more.
  expect(pipe.writableLength).toBeLessThan(200)
  unblock()
  await expect.poll(() => types.filter((type) => type === socketFrame.refused).length).toBeGreaterThan(95)
})

it('reads more slowly from a child whose frames take more than their share of time', async () => {
  let restMs = 50
  const { fromChild, sockets, written } = await connection({ share: { spend: () => restMs } })
  await fromChild(data('a'))
  await expect.poll(() => sockets.restedMs()).toBeGreaterThan(0)
  restMs = 0
  await expect.poll(() => written.map(({ bytes }) => bytes.toString())).toEqual(['a'])
})
