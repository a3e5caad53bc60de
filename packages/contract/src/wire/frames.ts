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
  /** What has come and was not looked at yet. */
  const chunks: Buffer[] = []
  const header = createVessel(Buffer.alloc(frameHeaderBytes))
  /** Of a frame that has come in part. */
  let body: Vessel | undefined

  /** Takes what has come; true when the vessel is full. */
  function fill(vessel: Vessel): boolean {
    while (!vessel.isFull && chunks.length > 0) {
      const chunk = chunks[0] as Buffer
      const taken = vessel.add(chunk)
      if (taken === chunk.length) chunks.shift()
      else chunks[0] = chunk.subarray(taken)
    }
    return vessel.isFull
  }

  function announcedBytes(): number {
    const bytes = header.empty().readUInt32LE(0)
    if (bytes > maxFrameBytes) {
      throw new WireViolation(`a frame of ${bytes} bytes was announced, the limit is ${maxFrameBytes}`)
    }
    if (bytes === 0) throw new WireViolation('an empty frame was announced')
    return bytes
  }

  /** All of it, when it has come in one piece. */
  function takeWhole(bytes: number): Buffer | undefined {
    const first = chunks[0]
    if (!first || first.length < bytes) return undefined
    if (first.length === bytes) chunks.shift()
    else chunks[0] = first.subarray(bytes)
    return first.subarray(0, bytes)
  }

  return {
    push: (bytes) => void chunks.push(bytes),
    next() {
      if (!body) {
        if (!fill(header)) return undefined
        const bytes = announcedBytes()
        const whole = takeWhole(bytes)
        if (whole) return whole
        // At once, and not a list of what comes: a peer that sends byte by byte would make that a long one.
        body = createVessel(Buffer.allocUnsafe(bytes))
      }
      if (!fill(body)) return undefined
      const full = body.empty()
      body = undefined
      return full
    },
  }
}

type Vessel = ReturnType<typeof createVessel>

/** So many bytes, as they come. */
function createVessel(bytes: Buffer) {
  let filled = 0
  return {
    get isFull() {
      return filled === bytes.length
    },
    /** Answers how many of these fitted. */
    add(more: Buffer): number {
      const taken = more.copy(bytes, filled)
      filled += taken
      return taken
    },
    empty(): Buffer {
      filled = 0
      return bytes
    },
  }
}
