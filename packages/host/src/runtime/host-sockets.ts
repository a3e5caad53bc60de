import type net from 'node:net'
import type { Duplex } from 'node:stream'
import {
  createFrameTurns,
  decodeSocketFrame,
  encodeCredit,
  encodeSocketFrame,
  maxSocketFrameBytes,
  socketChunkBytes,
  socketFrame,
  socketWindowBytes,
  type TimeShare,
  WireViolation,
} from '@tenon/contract/wire'
import type { NetworkAccount } from './egress-meter.js'

/** One connection of a child: its number on the pipe and the real socket, once there is one. */
interface Stream {
  id: number
  upstream: net.Socket | undefined
  host: string
  port: number
  /** Set while it waits for one of the other connections to end. */
  waiting: NodeJS.Timeout | undefined
  /** Bytes sent to the child that it has not acknowledged. */
  unacknowledged: number
  /** Bytes of the child that the real socket has not taken yet. */
  received: number
  /** Set while the real socket takes some of them. */
  isWriting: boolean
  /** The others: as many as have come, in one place. */
  kept: { bytes: Buffer; length: number } | undefined
  /** Bytes that were taken and for which the child gets credit. */
  owed: number
}

export interface HostSockets {
  readonly open: number
  readonly bytesIn: number
  readonly bytesOut: number
  /** For how long nothing was read from the child, because its frames had had their share of time. */
  restedMs(): number
  /** Cuts every connection. */
  closeAll(): void
}

/** The host's end of a child's virtual sockets: opens what `connect` allows and carries the bytes, window by window. */
export function createHostSockets(options: {
  pipe: Duplex
  maxConnections: number
  /** How long a connection beyond the maximum may wait for another to end, and how many may. */
  maxWaitMs: number
  maxWaiting: number
  connect: (host: string, port: number) => Promise<net.Socket>
  /** Whose connections and bytes these are. */
  account: () => NetworkAccount
  /** After so long, frames that have arrived wait until everybody else had a turn. Default: never. */
  longestTurnMs?: number
  /** What may be spent on the child's frames. Default: all of the time. */
  share?: TimeShare
  onViolation: (violation: WireViolation) => void
}): HostSockets {
  const { pipe } = options
  const streams = new Map<number, Stream>()
  let lastOpened = 0
  let isFull = false
  let active = 0
  let bytesIn = 0
  let bytesOut = 0

  function send(frame: Buffer): void {
    if (pipe.destroyed || pipe.write(frame) || isFull) return
    // A child that does not read its pipe is not read either; its frames pile up on its own side.
    isFull = true
    turns.pause()
    pipe.once('drain', () => {
      isFull = false
      turns.resume()
    })
  }

  function take(body: Buffer): void {
    const { type, stream: id, payload } = decodeSocketFrame(body)
    if (type === socketFrame.open) return open(id, payload)
    if (id > lastOpened) throw new WireViolation('a frame for a socket that was never opened arrived')
    const stream = streams.get(id)
    if (stream) receive(stream, type, payload)
  }

  pipe.on('error', () => undefined)
  pipe.on('close', () => {
    turns.stop()
    closeAll()
  })
  const turns = createFrameTurns({
    stream: pipe,
    maxFrameBytes: maxSocketFrameBytes,
    longestTurnMs: options.longestTurnMs,
    share: options.share,
    take,
    onViolation(violation) {
      closeAll()
      options.onViolation(violation)
    },
  })

  function open(id: number, payload: Buffer): void {
    if (id <= lastOpened || payload.length < 3) throw new WireViolation('a socket was opened under a used number')
    lastOpened = id
    const port = payload.readUInt16LE(0)
    const host = payload.toString('utf8', 2)
    const stream: Stream = {
      id,
      upstream: undefined,
      host,
      port,
      waiting: undefined,
      unacknowledged: 0,
      received: 0,
      isWriting: false,
      kept: undefined,
      owed: 0,
    }
    streams.set(id, stream)
    if (active < options.maxConnections) connect(stream)
    else wait(stream)
  }

  /** A client that opens a hundred connections at once is served in turns, as by a browser. */
  function wait(stream: Stream): void {
    const giveUp = () => {
      stream.waiting = undefined
      fail(stream, 'EMFILE', `connect EMFILE ${stream.host.slice(0, 253)}:${stream.port}`)
    }
    if (streams.size - active > options.maxWaiting) giveUp()
    else stream.waiting = setTimeout(giveUp, options.maxWaitMs)
  }

  function connect(stream: Stream): void {
    const enough = options.account().open()
    if (enough !== undefined) {
      fail(stream, 'EDQUOT', `connect EDQUOT ${stream.host.slice(0, 253)}:${stream.port}: ${enough}`)
      return serveNext()
    }
    active++
    options.connect(stream.host, stream.port).then(
      (upstream) => {
        upstream.once('close', leave)
        if (streams.has(stream.id)) join(stream, upstream)
        else upstream.destroy()
      },
      (error: Error & { code?: string; permission?: string }) => {
        leave()
        fail(stream, error.code ?? 'ECONNREFUSED', error.message, error.permission)
      },
    )
  }

  function leave(): void {
    active--
    serveNext()
  }

  function serveNext(): void {
    const next = [...streams.values()].find(({ waiting }) => waiting !== undefined)
    if (!next) return
    clearTimeout(next.waiting)
    next.waiting = undefined
    connect(next)
  }

  /** @param permission what is missing, when a permission would have opened the connection */
  function fail(stream: Stream, code: string, message: string, permission = ''): void {
    if (!streams.delete(stream.id)) return
    const sentence = message.replaceAll('\n', ' ').slice(0, 500)
    const payload = [code, sentence, permission].join('\n')
    send(encodeSocketFrame(socketFrame.refused, stream.id, Buffer.from(payload)))
  }

  function join(stream: Stream, upstream: net.Socket): void {
    stream.upstream = upstream
    upstream.on('data', (bytes) => sendData(stream, upstream, bytes))
    upstream.on('end', () => streams.has(stream.id) && send(encodeSocketFrame(socketFrame.end, stream.id)))
    upstream.on('error', () => reset(stream))
    upstream.on('close', () => {
      if (upstream.readableEnded) streams.delete(stream.id)
      else reset(stream)
    })
    send(encodeSocketFrame(socketFrame.opened, stream.id))
  }

  function sendData(stream: Stream, upstream: net.Socket, bytes: Buffer): void {
    bytesIn += bytes.length
    if (!options.account().count('in', bytes.length)) return reset(stream)
    for (let offset = 0; offset < bytes.length; offset += socketChunkBytes) {
      send(encodeSocketFrame(socketFrame.data, stream.id, bytes.subarray(offset, offset + socketChunkBytes)))
    }
    stream.unacknowledged += bytes.length
    if (stream.unacknowledged >= socketWindowBytes) upstream.pause()
  }

  function reset(stream: Stream): void {
    if (streams.delete(stream.id)) send(encodeSocketFrame(socketFrame.reset, stream.id))
    drop(stream)
  }

  function drop(stream: Stream): void {
    clearTimeout(stream.waiting)
    stream.waiting = undefined
    stream.upstream?.destroy()
  }

  function receive(stream: Stream, type: number, payload: Buffer): void {
    if (type === socketFrame.reset) {
      streams.delete(stream.id)
      drop(stream)
    } else if (!stream.upstream) throw new WireViolation('bytes for a socket that is not open yet arrived')
    else if (type === socketFrame.data) forward(stream, stream.upstream, payload)
    else if (type === socketFrame.end) finish(stream, stream.upstream)
    else if (type === socketFrame.credit && payload.length === 4) {
      stream.unacknowledged = Math.max(0, stream.unacknowledged - payload.readUInt32LE(0))
      if (stream.unacknowledged < socketWindowBytes) stream.upstream.resume()
    } else throw new WireViolation(`a socket frame of the unknown type ${type} arrived`)
  }

  function forward(stream: Stream, upstream: net.Socket, payload: Buffer): void {
    bytesOut += payload.length
    if (!options.account().count('out', payload.length)) return reset(stream)
    stream.received += payload.length
    if (stream.received > socketWindowBytes) throw new WireViolation('more bytes than the window of a socket arrived')
    if (upstream.destroyed || upstream.writableEnded || payload.length === 0) return
    if (stream.isWriting) keep(stream, payload)
    else write(stream, upstream, payload)
  }

  /** A piece that waits costs hundreds of bytes by itself, and may be a single one: so they wait as one. */
  function keep(stream: Stream, payload: Buffer): void {
    stream.kept ??= { bytes: Buffer.allocUnsafeSlow(socketWindowBytes), length: 0 }
    stream.kept.length += payload.copy(stream.kept.bytes, stream.kept.length)
  }

  function writeKept(stream: Stream, upstream: net.Socket): void {
    const { kept } = stream
    stream.kept = undefined
    if (kept && !upstream.destroyed) write(stream, upstream, kept.bytes.subarray(0, kept.length))
  }

  function write(stream: Stream, upstream: net.Socket, bytes: Buffer): void {
    stream.isWriting = true
    upstream.write(bytes, () => {
      stream.isWriting = false
      stream.received -= bytes.length
      stream.owed += bytes.length
      writeKept(stream, upstream)
      if (stream.owed < socketWindowBytes / 4 || !streams.has(stream.id)) return
      send(encodeCredit(stream.id, stream.owed))
      stream.owed = 0
    })
  }

  function finish(stream: Stream, upstream: net.Socket): void {
    writeKept(stream, upstream)
    upstream.end()
  }

  function closeAll(): void {
    for (const stream of [...streams.values()]) reset(stream)
  }

  return {
    get open() {
      return streams.size
    },
    get bytesIn() {
      return bytesIn
    },
    get bytesOut() {
      return bytesOut
    },
    restedMs: turns.restedMs,
    closeAll,
  }
}
