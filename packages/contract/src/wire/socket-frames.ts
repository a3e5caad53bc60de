import { frameHeaderBytes, WireViolation } from './frames.js'

/**
 * The second pipe of a runner carries virtual sockets: bodies of one byte of type, four of stream number, and payload.
 * The runner numbers the streams; each direction of a stream may have `socketWindowBytes` under way before it must wait
 * for credit.
 */
export const socketFrame = {
  /** runner → host: two bytes of port, then the host name. */
  open: 1,
  /** host → runner. */
  opened: 2,
  /** host → runner: an error code, a line break, a sentence. */
  refused: 3,
  data: 4,
  end: 5,
  reset: 6,
  /** Four bytes: how many more bytes may be sent. */
  credit: 7,
} as const

export const socketWindowBytes = 256 * 1024
export const socketChunkBytes = 64 * 1024
export const maxSocketFrameBytes = socketChunkBytes + 16

export interface SocketFrame {
  type: number
  stream: number
  payload: Buffer
}

export function encodeSocketFrame(type: number, stream: number, payload?: Uint8Array): Buffer {
  const size = 5 + (payload?.length ?? 0)
  const frame = Buffer.allocUnsafe(frameHeaderBytes + size)
  frame.writeUInt32LE(size, 0)
  frame[frameHeaderBytes] = type
  frame.writeUInt32LE(stream, frameHeaderBytes + 1)
  if (payload) frame.set(payload, frameHeaderBytes + 5)
  return frame
}

/** @throws WireViolation when the body is too short to be one. */
export function decodeSocketFrame(body: Buffer): SocketFrame {
  if (body.length < 5) throw new WireViolation('a socket frame without a stream number arrived')
  return { type: body[0] as number, stream: body.readUInt32LE(1), payload: body.subarray(5) }
}

export function encodeCredit(stream: number, bytes: number): Buffer {
  const payload = Buffer.allocUnsafe(4)
  payload.writeUInt32LE(bytes, 0)
  return encodeSocketFrame(socketFrame.credit, stream, payload)
}

export function encodeOpen(stream: number, host: string, port: number): Buffer {
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(host))
  payload.writeUInt16LE(port, 0)
  payload.write(host, 2)
  return encodeSocketFrame(socketFrame.open, stream, payload)
}
