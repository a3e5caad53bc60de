/**
 * Length-prefixed frames: 4 bytes of length (little endian), then that many bytes of body. The reader decides at the
 * header, so a peer that announces 4 GB, or sends garbage without an end, costs 4 bytes and not 4 GB.
 */
export const frameHeaderBytes = 4

/** A peer that does not keep to the protocol. The connection cannot be trusted after it. */
export class WireViolation extends Error {
  override readonly name = 'WireViolation'
}

/** Where a channel's bytes go and come from: the part of a Duplex that the wire needs. */
export interface WireStream {
  write(bytes: Uint8Array, written?: (error?: Error | null) => void): boolean
  on(event: 'data', listener: (bytes: Buffer) => void): unknown
  pause(): unknown
  resume(): unknown
}

export interface FrameReader {
  /** Takes bytes as they come. */
  push(bytes: Buffer): void
  /** The next complete body; undefined until more bytes have come. @throws WireViolation when a header asks for too much. */
  next(): Buffer | undefined
}

/** Cuts a byte stream into bodies of at most `maxFrameBytes`. */
export function createFrameReader(maxFrameBytes: number): FrameReader {
  const chunks: Buffer[] = []
  let available = 0
  let bodyBytes = -1

  function take(count: number): Buffer {
    available -= count
    const first = chunks[0] as Buffer
    if (first.length === count) {
      chunks.shift()
      return first
    }
    if (first.length > count) {
      chunks[0] = first.subarray(count)
      return first.subarray(0, count)
    }
    return takeAcrossChunks(count)
  }

  function takeAcrossChunks(count: number): Buffer {
    const joined = Buffer.allocUnsafe(count)
    let filled = 0
    while (filled < count) {
      const chunk = chunks[0] as Buffer
      const part = Math.min(chunk.length, count - filled)
      chunk.copy(joined, filled, 0, part)
      filled += part
      if (part === chunk.length) chunks.shift()
      else chunks[0] = chunk.subarray(part)
    }
    return joined
  }

  function readHeader(): void {
    bodyBytes = take(frameHeaderBytes).readUInt32LE(0)
    if (bodyBytes > maxFrameBytes) {
      throw new WireViolation(`a frame of ${bodyBytes} bytes was announced, the limit is ${maxFrameBytes}`)
    }
    if (bodyBytes === 0) throw new WireViolation('an empty frame was announced')
  }

  return {
    push(bytes) {
      chunks.push(bytes)
      available += bytes.length
    },
    next() {
      if (bodyBytes < 0 && available >= frameHeaderBytes) readHeader()
      if (bodyBytes < 0 || available < bodyBytes) return undefined
      const body = take(bodyBytes)
      bodyBytes = -1
      return body
    },
  }
}
