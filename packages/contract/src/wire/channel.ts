import { decodeValue, encodeValue, UnsendableValue } from './codec.js'
import { createFrameTurns } from './frame-turns.js'
import { frameHeaderBytes, type WireStream, WireViolation } from './frames.js'
import { canExceed, findExcess } from './text-shape.js'
import type { TimeShare } from './time-share.js'
import { type ChannelLimits, wireConstants } from './wire-limits.js'

/** First byte of a body. */
const kind = { message: 1, attachment: 2, largeMessage: 3 } as const
const attachmentHeaderBytes = 1 + 4
/** Of the text: a tag makes two levels of one. */
const maxLevels = 2 * (wireConstants.maxDepth + wireConstants.envelopeLevels)

export interface Channel {
  /**
   * Encodes and sends. `written` runs when the bytes have left this process.
   * @throws UnsendableValue when the message is circular or larger than the limits.
   */
  send(message: unknown, written?: () => void): void
  /** Hands over nothing more until `resume`, and stops reading: the peer's writes pile up in its own process. */
  pause(): void
  resume(): void
  /** Hands over what has arrived, paused or not, however long that takes; for when the peer has ended. */
  flush(): void
  /** For how many milliseconds in all it has read nothing because the peer had had its share of time. */
  restedMs(): number
}

/**
 * Messages over a byte stream, in both directions. After a violation nothing more is read; `onViolation` is called
 * once and is expected to end the peer.
 */
export function createChannel(options: {
  stream: WireStream
  limits: ChannelLimits
  /** After so long, messages that have arrived wait for the next turn of the event loop. Default: never. */
  longestTurnMs?: number
  /** What may be spent on what arrives; beyond it, reading rests. Default: all of the time. */
  share?: TimeShare
  /** `bytes` is what the message had on the wire, with its attachments. */
  onMessage: (message: unknown, bytes: number) => void
  onViolation: (violation: WireViolation) => void
}): Channel {
  const { stream, limits } = options
  // A text that is larger than one piece waits there too, beside its attachments.
  const waiting = createAttachmentStore(limits.maxAttachmentBytes + limits.maxReceivedMessageBytes)
  const chunkBytes = Math.max(1, Math.min(limits.chunkBytes, limits.maxFrameBytes - attachmentHeaderBytes))
  let nextAttachment = 1

  function take(body: Buffer): void {
    if (body[0] === kind.message) receive(body.subarray(1))
    else if (body[0] === kind.attachment) waiting.add(body)
    else if (body[0] === kind.largeMessage) receive(waiting.takeLarge(body))
    else throw new WireViolation(`a frame of the unknown kind ${body[0]} arrived`)
  }

  function receive(text: Buffer): void {
    if (text.length > limits.maxReceivedMessageBytes) {
      throw new WireViolation(
        `a message of ${text.length} bytes arrived, the limit is ${limits.maxReceivedMessageBytes}`,
      )
    }
    const excess = findExcess(text, { maxLevels, maxParts: limits.maxReceivedMessageParts })
    if (excess === 'levels') throw new WireViolation('a message is nested too deep')
    if (excess) throw new WireViolation(`a message of more than ${limits.maxReceivedMessageParts} parts arrived`)
    let bytes = text.length
    const detach = (id: number, size: number) => {
      bytes += size
      return waiting.take(id, size)
    }
    const message = decodeValue(text.toString('utf8'), detach, limits.maxReceivedBytesInJson)
    options.onMessage(message, bytes)
  }

  const turns = createFrameTurns({
    stream,
    maxFrameBytes: limits.maxFrameBytes,
    longestTurnMs: options.longestTurnMs,
    share: options.share,
    take,
    onViolation: options.onViolation,
  })

  function sendAttachment(id: number, bytes: Uint8Array): void {
    let offset = 0
    do {
      const part = bytes.subarray(offset, offset + chunkBytes)
      const frame = Buffer.allocUnsafe(frameHeaderBytes + attachmentHeaderBytes + part.length)
      frame.writeUInt32LE(attachmentHeaderBytes + part.length, 0)
      frame[frameHeaderBytes] = kind.attachment
      frame.writeUInt32LE(id, frameHeaderBytes + 1)
      frame.set(part, frameHeaderBytes + attachmentHeaderBytes)
      stream.write(frame)
      offset += part.length
    } while (offset < bytes.length)
  }

  const piecesOf = (bytes: number) => Math.max(1, Math.ceil(bytes / chunkBytes))

  function sendLarge(bytes: Buffer, written?: () => void): void {
    const id = nextAttachment++
    sendAttachment(id, bytes)
    const body = Buffer.allocUnsafe(frameHeaderBytes + 1 + 8)
    body.writeUInt32LE(1 + 8, 0)
    body[frameHeaderBytes] = kind.largeMessage
    body.writeUInt32LE(id, frameHeaderBytes + 1)
    body.writeUInt32LE(bytes.length, frameHeaderBytes + 5)
    stream.write(body, written)
  }

  return {
    send(message, written) {
      // Attachments are only sent once the whole message is known to be sendable.
      const attachments = new Map<number, Uint8Array>()
      let attachedBytes = 0
      let pieces = 0
      const text = encodeValue(message, (bytes) => {
        attachedBytes += bytes.byteLength
        pieces += piecesOf(bytes.byteLength)
        // Putting a value together may send another message meanwhile: the number is taken now.
        const id = nextAttachment++
        attachments.set(id, bytes)
        return id
      })
      const textBytes = Buffer.byteLength(text)
      if (textBytes > limits.maxSentMessageBytes) throw tooLarge(`${textBytes} bytes`)
      if (attachedBytes > limits.maxAttachmentBytes) throw tooLarge(`${attachedBytes} bytes`)
      if (pieces + piecesOf(textBytes) > wireConstants.maxWaitingPieces) throw tooLarge(`${pieces} pieces`)
      const frame = Buffer.allocUnsafe(frameHeaderBytes + 1 + textBytes)
      frame.writeUInt32LE(1 + textBytes, 0)
      frame[frameHeaderBytes] = kind.message
      frame.write(text, frameHeaderBytes + 1)
      const encoded = frame.subarray(frameHeaderBytes + 1)
      const maxParts = limits.maxSentMessageParts
      if (canExceed(encoded, maxParts) && findExcess(encoded, { maxLevels, maxParts })) throw tooManyParts(maxParts)
      for (const [id, bytes] of attachments) sendAttachment(id, bytes)
      if (textBytes > chunkBytes) sendLarge(encoded, written)
      else stream.write(frame, written)
    },
    pause: turns.pause,
    resume: turns.resume,
    flush: turns.flush,
    restedMs: turns.restedMs,
  }
}

const tooLarge = (size: string) =>
  new UnsendableValue(`The value has ${size} on the wire, which is more than can be sent.`, 'RESULT_TOO_LARGE')

const tooManyParts = (most: number) =>
  new UnsendableValue(
    `The value is made of more than ${most} parts: each list, each object and each different short text is one, each ` +
      'different key is five, and a number as a key is one each time. Send it in pages, or as a file.',
    'RESULT_TOO_LARGE',
  )

function createAttachmentStore(maxBytes: number) {
  const parts = new Map<number, { chunks: Buffer[]; bytes: number }>()
  let total = 0
  let pieces = 0

  function take(id: number, size: number): Buffer {
    const entry = parts.get(id)
    if (!entry || entry.bytes !== size) throw new WireViolation('a message names an attachment that did not arrive')
    parts.delete(id)
    total -= entry.bytes
    pieces -= entry.chunks.length
    return entry.chunks.length === 1 ? (entry.chunks[0] as Buffer) : Buffer.concat(entry.chunks)
  }

  return {
    take,
    add(body: Buffer): void {
      if (body.length < attachmentHeaderBytes) throw new WireViolation('an attachment without a number arrived')
      const chunk = withoutRest(body.subarray(attachmentHeaderBytes))
      total += chunk.length
      if (total > maxBytes) throw new WireViolation('too many bytes of attachments are waiting')
      if (++pieces > wireConstants.maxWaitingPieces)
        throw new WireViolation('too many pieces of attachments are waiting')
      const id = body.readUInt32LE(1)
      const entry = parts.get(id) ?? { chunks: [], bytes: 0 }
      entry.chunks.push(chunk)
      entry.bytes += chunk.length
      parts.set(id, entry)
    },
    takeLarge(body: Buffer): Buffer {
      if (body.length !== 1 + 8) throw new WireViolation('a large message without its size arrived')
      return take(body.readUInt32LE(1), body.readUInt32LE(5))
    },
  }
}

/** A part of what was read keeps all of it in memory: one byte could keep a whole read, and thousands may wait. */
function withoutRest(part: Buffer): Buffer {
  if (part.length * 2 >= part.buffer.byteLength) return part
  const copy = Buffer.allocUnsafeSlow(part.length)
  part.copy(copy)
  return copy
}
