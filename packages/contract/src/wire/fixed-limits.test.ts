import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { channelLimits, createChannel, UnsendableValue, verifyJsonBody } from './index.js'

const told = {
  maxFrameBytes: 8_000_000,
  maxRunnerMessageBytes: 8_000_000,
  maxRunnerMessageParts: 100_000,
  maxHostMessageBytes: 8_000_000,
  maxAttachmentBytes: 8_000_000,
  maxLinesPerSecond: 500,
  maxWholeFileBytes: 8_000_000,
}
const limits = channelLimits('runner', told)

/** What arrives when a value is sent, and in how many frames. */
async function carried(value: unknown, to = limits): Promise<{ received: unknown; frames: number }> {
  const stream = new PassThrough()
  let frames = 0
  const write = stream.write.bind(stream) as (bytes: Buffer, written?: () => void) => boolean
  stream.write = ((bytes: Buffer, written?: () => void) => (frames++, write(bytes, written))) as typeof stream.write
  const received = await new Promise((resolve, reject) => {
    createChannel({ stream, limits: to, onMessage: resolve, onViolation: reject }).send(value)
  })
  return { received, frames }
}

it('a file travels in pieces of 1,048,576 bytes, so that others pass in between', async () => {
  const framesOf = async (bytes: number) => (await carried(Buffer.alloc(bytes))).frames
  // The last frame is the message that names it.
  expect(await framesOf(1_048_576)).toBe(1 + 1)
  expect(await framesOf(1_048_577)).toBe(2 + 1)
})

it('a value that travels has 100 levels at most', async () => {
  const lists = (levels: number): unknown => (levels === 0 ? 1 : [lists(levels - 1)])
  const request = (levels: number) => ({ t: 'call', invocation: { body: lists(levels) } })
  expect((await carried(request(100))).received).toEqual(request(100))
  await expect(carried(request(101))).rejects.toThrow(UnsendableValue)
})

it('a value of 10,000 pieces is sent, and one of more is refused by its sender', async () => {
  const files = (count: number) => Array.from({ length: count }, () => Buffer.from('b'))
  // The message that names them is a piece as well.
  expect((await carried(files(10_000 - 1))).received).toHaveLength(9_999)
  await expect(carried(files(10_000))).rejects.toMatchObject({
    code: 'RESULT_TOO_LARGE',
    message: 'The value has 10000 pieces on the wire, which is more than can be sent.',
  })
})

it('a value from a child has 262,144 bytes at most where JSON is made of it, and as many as there may be elsewhere', async () => {
  const toHost = channelLimits('host', told)
  const json = async (...sizes: number[]) => {
    const { received } = await carried({ files: sizes.map((size) => Buffer.alloc(size, 'b')) }, toHost)
    expect((received as { files: Buffer[] }).files.map(({ length }) => length)).toEqual(sizes)
    return JSON.stringify(received)
  }
  expect(await json(262_143, 1)).toContain('"type":"Buffer"')
  await expect(json(262_144, 1)).rejects.toThrow('The value has more than 262,144 bytes in it')
  // From the host, which has nobody to harm.
  expect(JSON.stringify((await carried(Buffer.alloc(262_145))).received)).toContain('"type":"Buffer"')
})

it('a body in JSON has 100 levels and 500,000 parts at most', () => {
  const verify = (text: string) => verifyJsonBody(undefined, undefined, Buffer.from(text), 'utf-8')
  const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
  expect(() => verify(nested(100))).not.toThrow()
  expect(() => verify(nested(101))).toThrow(expect.objectContaining({ type: 'entity.too.deep' }))
  // The list around them is one, too.
  const lists = (count: number) =>
    `[${Array(count - 1)
      .fill('[]')
      .join(',')}]`
  expect(() => verify(lists(500_000))).not.toThrow()
  expect(() => verify(lists(500_001))).toThrow(expect.objectContaining({ type: 'entity.too.many.parts' }))
})
