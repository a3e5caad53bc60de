import { PassThrough } from 'node:stream'
import { describe, expect, it } from 'vitest'
import {
  type ChannelLimits,
  createChannel,
  createFrameReader,
  createTimeShare,
  type TimeShare,
  UnsendableValue,
  WireViolation,
} from './index.js'

const limits: ChannelLimits = {
  maxFrameBytes: 10_000,
  maxReceivedMessageBytes: 50_000,
  maxSentMessageBytes: 50_000,
  maxReceivedMessageParts: 5_000,
  maxSentMessageParts: 5_000,
  maxAttachmentBytes: 100_000,
  maxReceivedBytesInJson: 50_000,
  chunkBytes: 1_000,
}

/** What the other end receives when `value` is sent. */
async function carried(value: unknown, more: Partial<ChannelLimits> = {}): Promise<unknown> {
  const stream = new PassThrough()
  return new Promise((resolve, reject) => {
    const channel = createChannel({ stream, limits: { ...limits, ...more }, onMessage: resolve, onViolation: reject })
    try {
      channel.send(value)
    } catch (error) {
      reject(error instanceof Error ? error : new Error(String(error)))
    }
  })
}

/** What becomes of bytes that somebody wrote on the stream. */
async function received(...pieces: Buffer[]): Promise<unknown> {
  const stream = new PassThrough()
  return new Promise((resolve, reject) => {
    createChannel({ stream, limits, onMessage: resolve, onViolation: reject })
    for (const piece of pieces) stream.write(piece)
    stream.once('end', () => resolve('nothing'))
    setTimeout(() => stream.end(), 20)
  })
}

function frame(kind: number, body: string | Buffer): Buffer {
  const content = Buffer.concat([Buffer.from([kind]), Buffer.from(body as string)])
  const header = Buffer.alloc(4)
  header.writeUInt32LE(content.length)
  return Buffer.concat([header, content])
}

describe('a message', () => {
  it.each([
    ['plain JSON', { a: [1, 'two', true, null], b: { c: {} } }],
    ['dates', { at: new Date(0), bad: [new Date(Number.NaN)] }],
    ['big integers', [10n ** 30n, -1n]],
    ['undefined', { a: undefined, b: [undefined] }],
    ['numbers that JSON has no word for', [Number.NaN, Infinity, -Infinity]],
    ['keys that look like tags', { $: 'date', v: 1, inner: { $: { $: 'bytes' } } }],
    ['bytes', { empty: Buffer.alloc(0), small: Buffer.from('abc'), large: Buffer.alloc(5_500, 7) }],
    ['more text than one chunk', 'ä'.repeat(20_000)],
  ])('carries %s', async (_, value) => {
    expect(await carried(value)).toEqual(value)
  })

  it('carries what JSON carries of everything else', async () => {
    const value = { error: new TypeError('t'), json: { toJSON: () => 'j' }, call: () => 1, view: new Uint16Array([1]) }
    expect(await carried(value)).toEqual({
      error: { name: 'TypeError', message: 't' },
      json: 'j',
      view: Buffer.from([1, 0]),
    })
  })

  it('leaves out __proto__, also one spelled with escapes', async () => {
    const sent = await carried({ list: [JSON.parse('{"__proto__":{"polluted":1},"kept":1}')] })
    expect(sent).toEqual({ list: [{ kept: 1 }] })
    const forged = (await received(frame(1, '{"\\u005f_proto__":{"polluted":1},"kept":1}'))) as object
    expect(Object.getOwnPropertyNames(forged)).toEqual(['kept'])
  })

  it('may hold any number of brackets in texts and beside each other', async () => {
    const value = { text: '[{'.repeat(500), 'key [{"\\': '\\"[{', list: Array.from({ length: 500 }, () => [{}]) }
    expect(await carried(value)).toEqual(value)
  })

  it('is refused when it is circular', async () => {
    const value: { self?: unknown } = {}
    value.self = value
    await expect(carried(value)).rejects.toThrow(UnsendableValue)
  })

  it('may be as large as the limit, and not larger', async () => {
    const text = 'x'.repeat(limits.maxSentMessageBytes - 2)
    expect(await carried(text)).toBe(text)
    await expect(carried(`${text}x`)).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' })
    expect(await carried(`${text}x`, { maxSentMessageBytes: 60_000, maxReceivedMessageBytes: 60_000 })).toBe(`${text}x`)
  })

  describe('that is large may be made of as many parts as the limit, and not more', () => {
    const room = { maxSentMessageBytes: 1_000_000, maxReceivedMessageBytes: 1_000_000 }
    const many = <Item>(count: number, item: (index: number) => Item) =>
      Array.from({ length: count }, (_, at) => item(at))
    const objectOf = (count: number) => Object.fromEntries(many(count, (at) => [`key number ${at}`, 1]))

    it.each<[string, number, (count: number) => unknown]>([
      ['lists', 4_999, (count) => many(count, () => [])],
      ['objects', 4_999, (count) => many(count, () => ({}))],
      ['lists in lists', 2_499, (count) => many(count, () => [[]])],
      ['different short texts', 4_999, (count) => many(count, (at) => `t${at}`)],
      ['different short texts of letters that take several bytes', 4_999, (count) => many(count, (at) => `äöü漢${at}`)],
      ['different short texts of escapes', 4_999, (count) => many(count, (at) => `\u0001\n\u0002"\u0003${at}`)],
      ['different keys of one object', 999, objectOf],
      ['different keys of objects', 833, (count) => many(count, (at) => ({ [`k${at}`]: 1 }))],
      // Five for the first, and for each other one as an object and as a key.
      ['objects with numbers for keys', 2_497, (count) => many(count, () => ({ 2024: 1 }))],
      [
        'texts, and keys that say the same',
        832,
        (count) => [many(count, (at) => `k${at}`), Object.fromEntries(many(count, (at) => [`k${at}`, 1]))],
      ],
    ])('%s', async (_, most, of) => {
      expect(await carried(of(most), room)).toEqual(of(most))
      await expect(carried(of(most + 1), room)).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' })
      const byHost = carried(of(most + 1), { ...room, maxSentMessageParts: Infinity })
      await expect(byHost).rejects.toThrow('a message of more than 5000 parts arrived')
    })

    it('and as many rows with the same keys, numbers and long texts as there is room for', async () => {
      const rows = many(4_900, (at) => ({ id: at, open: true, title: `Supplier number ${at} of many`, level: 'high' }))
      expect(await carried(rows, room)).toEqual(rows)
    })

    it('says what to do', async () => {
      await expect(
        carried(
          many(5_001, () => []),
          room,
        ),
      ).rejects.toThrow('Send it in pages, or as a file.')
    })
  })

  it('may have as many bytes beside it as the limit, and not more', async () => {
    expect(await carried(Buffer.alloc(limits.maxAttachmentBytes))).toHaveLength(limits.maxAttachmentBytes)
    await expect(carried(Buffer.alloc(limits.maxAttachmentBytes + 1))).rejects.toMatchObject({
      code: 'RESULT_TOO_LARGE',
    })
  })

  it('may have both: the most text, and the most bytes beside it', async () => {
    const value = { text: 'x'.repeat(limits.maxSentMessageBytes - 200), bytes: Buffer.alloc(limits.maxAttachmentBytes) }
    expect(await carried(value)).toEqual(value)
  })

  it('may have thousands of small values of bytes, and is refused by its sender when there are too many', async () => {
    const room = {
      maxSentMessageBytes: 1_000_000,
      maxReceivedMessageBytes: 1_000_000,
      maxReceivedMessageParts: 50_000,
      maxSentMessageParts: 50_000,
    }
    const bytes = (count: number) => Array.from({ length: count }, () => Buffer.from('b'))
    expect(await carried(bytes(9_000), room)).toHaveLength(9_000)
    await expect(carried(bytes(10_001), room)).rejects.toMatchObject({ code: 'RESULT_TOO_LARGE' })
  })

  it('comes in pieces that fit into a frame, however small that is', async () => {
    const value = { text: 'x'.repeat(20_000), bytes: Buffer.alloc(20_000, 1) }
    expect(await carried(value, { maxFrameBytes: 500 })).toEqual(value)
  })
})

describe('a message with bytes beside it', () => {
  it('keeps them when putting it together sends another one', async () => {
    const stream = new PassThrough()
    const arrived: unknown[] = []
    const both = new Promise((resolve, reject) => {
      const onMessage = (message: unknown) => arrived.push(message) === 2 && resolve(arrived)
      const channel = createChannel({ stream, limits, onMessage, onViolation: reject })
      const inner = { toJSON: () => (channel.send(Buffer.from('of the inner')), 'put together') }
      channel.send([Buffer.from('of the outer'), inner, Buffer.from('of the outer, too')])
    })
    expect(await both).toEqual([
      Buffer.from('of the inner'),
      [Buffer.from('of the outer'), 'put together', Buffer.from('of the outer, too')],
    ])
  })

  it('holds no more of the memory than they are, whatever came along with them', async () => {
    const text = Buffer.alloc(9_000, ' ')
    const small = frame(2, Buffer.from([7, 0, 0, 0, 1, 2, 3]))
    const message = frame(1, '{"$":"bytes","v":7,"size":3}')
    const bytes = (await received(Buffer.concat([small, message, text]))) as Buffer
    expect(bytes).toEqual(Buffer.from([1, 2, 3]))
    expect(bytes.buffer.byteLength).toBeLessThan(100)
  })
})

describe('a violation is', () => {
  it.each([
    ['an announced frame above the limit', Buffer.from([0x11, 0x27, 0, 0])],
    ['an empty frame', Buffer.alloc(4)],
    ['a frame of an unknown kind', frame(7, 'x')],
    ['text that is not JSON', frame(1, '{')],
    ['a tag that means nothing', frame(1, '{"$":"function","v":"x"}')],
    ['a big integer that is none', frame(1, '{"$":"bigint","v":"0x1"}')],
    ['an attachment that never came', frame(1, '{"$":"bytes","v":1,"size":3}')],
    ['an attachment without a number', frame(2, 'ab')],
    ['nesting without end', frame(1, '['.repeat(4_000) + '"$"' + ']'.repeat(4_000))],
    ['lists in lists without a tag among them', frame(1, `${'['.repeat(205)}${']'.repeat(205)}`)],
    ['objects in objects beside long texts', frame(1, `["]\\\\\\"]",${'{"a":'.repeat(205)}1${'}'.repeat(205)}]`)],
    ['a large message without its size', frame(3, 'abc')],
  ])('%s', async (_, bytes) => {
    await expect(received(bytes)).rejects.toThrow(WireViolation)
  })

  it('an attachment of another size than the message says', async () => {
    const attachment = frame(2, Buffer.from([1, 0, 0, 0, 9, 9]))
    await expect(received(attachment, frame(1, '{"$":"bytes","v":1,"size":3}'))).rejects.toThrow(WireViolation)
    expect(await received(attachment, frame(1, '{"$":"bytes","v":1,"size":2}'))).toEqual(Buffer.from([9, 9]))
  })

  it('a text with more bytes than the limit, whatever its characters', async () => {
    const text = (characters: number) => {
      const bytes = Buffer.from(JSON.stringify('ä'.repeat(characters)))
      const size = Buffer.alloc(8)
      size.writeUInt32LE(1)
      size.writeUInt32LE(bytes.length, 4)
      const pieces = Array.from({ length: Math.ceil(bytes.length / 9_000) }, (_, piece) =>
        frame(2, Buffer.concat([Buffer.from([1, 0, 0, 0]), bytes.subarray(piece * 9_000, (piece + 1) * 9_000)])),
      )
      return [...pieces, frame(3, size)]
    }
    expect(await received(...text(24_999))).toHaveLength(24_999)
    await expect(received(...text(25_000))).rejects.toThrow('a message of 50002 bytes arrived')
  })

  it('pieces without bytes that wait for a message which never comes', async () => {
    const piece = (id: number) => frame(2, Buffer.from([id % 100, 0, 0, 0]))
    const pieces = (count: number) => Buffer.concat(Array.from({ length: count }, (_, id) => piece(id)))
    expect(await received(pieces(10_000))).toBe('nothing')
    await expect(received(pieces(10_001))).rejects.toThrow('too many pieces')
  })

  it('bytes that wait for a message which never comes', async () => {
    const piece = (id: number) => frame(2, Buffer.concat([Buffer.from([id, 0, 0, 0]), Buffer.alloc(9_000)]))
    await expect(received(...Array.from({ length: 17 }, (_, id) => piece(id)))).rejects.toThrow('too many bytes')
  })
})

it('puts frames together again however the bytes are cut', () => {
  const bodies = ['a', 'bcd', 'e'.repeat(300), 'f']
  const bytes = Buffer.concat(
    bodies.map((body) => {
      const header = Buffer.alloc(4)
      header.writeUInt32LE(body.length)
      return Buffer.concat([header, Buffer.from(body)])
    }),
  )
  for (const size of [1, 2, 3, 5, 7, 64, 1_000]) {
    const seen: string[] = []
    const reader = createFrameReader(300)
    for (let i = 0; i < bytes.length; i += size) {
      reader.push(bytes.subarray(i, i + size))
      for (let body = reader.next(); body; body = reader.next()) seen.push(body.toString())
    }
    expect(seen).toEqual(bodies)
  }
})

it('takes a frame of exactly the limit, refuses one byte more at its header', () => {
  const header = Buffer.alloc(4)
  header.writeUInt32LE(301)
  const next = (limit: number) => {
    const reader = createFrameReader(limit)
    reader.push(header)
    return reader.next()
  }
  expect(() => next(300)).toThrow(WireViolation)
  expect(next(301)).toBeUndefined()
})

describe('a frame', () => {
  it('that comes byte by byte is put together as soon as it is there', { timeout: 10_000 }, () => {
    const size = 1_000_000
    const reader = createFrameReader(size)
    const byte = Buffer.from([1])
    const header = Buffer.alloc(4)
    header.writeUInt32LE(size)
    reader.push(header)
    let early = 0
    for (let sent = 0; sent < size; sent++) {
      if (reader.next()) early += 1
      reader.push(byte)
    }
    expect(reader.next()?.equals(Buffer.alloc(size, 1))).toBe(true)
    expect(early).toBe(0)
  })
})

describe('more messages than fit into a turn of the event loop', () => {
  const body = (number: number) => frame(1, JSON.stringify(number))
  const flood = Buffer.concat(Array.from({ length: 100 }, (_, number) => body(number)))

  /** A channel to which each message is a millisecond of work. */
  function busyChannel(stream: PassThrough, afterwards = () => {}, share?: TimeShare) {
    const seen: unknown[] = []
    const onMessage = (message: unknown) => {
      seen.push(message)
      const end = performance.now() + 1
      while (performance.now() < end);
      afterwards()
    }
    const channel = createChannel({
      stream,
      limits,
      longestTurnMs: 5,
      ...(share ? { share } : {}),
      onMessage,
      onViolation: (error) => seen.push(error),
    })
    return { channel, seen }
  }

  it('leave turns to others, and come in their order', async () => {
    const stream = new PassThrough()
    const { seen } = busyChannel(stream)
    const seenInTurns: number[] = []
    stream.write(flood)
    while (seen.length < 100) {
      await new Promise((resolve) => setImmediate(resolve))
      seenInTurns.push(seen.length)
    }
    expect(seenInTurns.filter((count) => count > 0 && count < 100).length).toBeGreaterThan(5)
    stream.write(body(100))
    await expect.poll(() => seen).toEqual(Array.from({ length: 101 }, (_, number) => number))
  })

  it('are all handed over when the peer has ended', async () => {
    const stream = new PassThrough()
    const { channel, seen } = busyChannel(stream)
    stream.write(flood)
    while (!stream.isPaused()) await new Promise((resolve) => setImmediate(resolve))
    expect(seen.length).toBeLessThan(100)
    channel.flush()
    expect(seen).toHaveLength(100)
  })

  it('do not go on where nobody wants to read', async () => {
    const stream = new PassThrough()
    const { channel, seen } = busyChannel(stream)
    stream.write(flood)
    while (!stream.isPaused()) await new Promise((resolve) => setImmediate(resolve))
    channel.pause()
    const before = seen.length
    stream.write(body(100))
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(seen).toHaveLength(before)
    channel.resume()
    await expect.poll(() => seen).toEqual(Array.from({ length: 101 }, (_, number) => number))
  })

  it('are all handed over when the peer has ended, also where they make the reader want no more', async () => {
    const stream = new PassThrough()
    const { channel, seen } = busyChannel(stream, () => channel.pause())
    stream.write(flood)
    await new Promise((resolve) => setTimeout(resolve, 30))
    expect(seen).toEqual([0])
    channel.flush()
    expect(seen).toHaveLength(100)
  })

  it('are read more slowly when they take more than their share of time, and nothing is lost', async () => {
    const stream = new PassThrough()
    const spent: number[] = []
    let restMs = 20
    const share = { spend: (milliseconds: number) => (spent.push(milliseconds), restMs) }
    const { channel, seen } = busyChannel(stream, undefined, share)
    stream.write(flood)
    await expect.poll(() => channel.restedMs()).toBeGreaterThan(0)
    expect(seen.length).toBeLessThan(100)
    restMs = 0
    await expect.poll(() => seen).toEqual(Array.from({ length: 100 }, (_, number) => number))
    // A rest after the first turn, and each of the others had a part of the messages, which are a millisecond each.
    expect(spent.reduce((total, milliseconds) => total + milliseconds)).toBeGreaterThanOrEqual(100)
    expect(spent.length).toBeGreaterThan(1)
  })

  it('are all handed over when the peer has ended, also where its share of time is used up', async () => {
    const stream = new PassThrough()
    const { channel, seen } = busyChannel(stream, undefined, createTimeShare(10))
    stream.write(flood)
    await expect.poll(() => channel.restedMs()).toBeGreaterThan(0)
    expect(seen.length).toBeLessThan(100)
    channel.flush()
    expect(seen).toHaveLength(100)
  })

  it('wait for whoever paused, also where a rest ends meanwhile', async () => {
    const stream = new PassThrough()
    const { channel, seen } = busyChannel(stream, undefined, createTimeShare(100))
    stream.write(flood)
    stream.write(flood)
    await expect.poll(() => channel.restedMs()).toBeGreaterThan(0)
    channel.pause()
    const before = seen.length
    const rested = channel.restedMs()
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(seen).toHaveLength(before)
    expect(channel.restedMs()).toBeGreaterThanOrEqual(rested)
    channel.resume()
    await expect.poll(() => seen.length, { timeout: 10_000 }).toBe(200)
  })
})
