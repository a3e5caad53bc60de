import net from 'node:net'
import tls from 'node:tls'
import {
  createFrameReader,
  decodeSocketFrame,
  encodeCredit,
  encodeOpen,
  encodeSocketFrame,
  maxSocketFrameBytes,
  socketChunkBytes,
  socketFrame,
  socketWindowBytes,
} from '@tenon/contract/wire'
import { replace } from './denied.js'

/** One stream as the host sees it, and the socket that the plugin sees. */
interface Stream {
  id: number
  socket: VirtualSocket
  /** Bytes that may still be sent before the host gives more credit. */
  credit: number
  /** Bytes that arrived and were not yet acknowledged. */
  unacknowledged: number
  onCredit: (() => void) | undefined
  onOpened: () => void
  onRefused: (error: Error) => void
}

type Done = (error?: Error | null) => void

/** The overridable parts of net.Socket that Node keeps without types. */
interface VirtualSocket extends Omit<
  net.Socket,
  'connecting' | '_read' | '_write' | '_writev' | '_final' | '_destroy'
> {
  connecting: boolean
  _read: () => void
  _write: (chunk: Buffer | string, encoding: BufferEncoding, done: Done) => void
  _writev: null
  _final: (done: Done) => void
  _destroy: (error: Error | null, done: Done) => void
  _unrefTimer?: () => void
}

interface Target {
  host?: string | undefined
  port?: number | string | undefined
  path?: string | undefined
}

const normalizeArgs = (net as unknown as { _normalizeArgs: (args: unknown[]) => [Target, (() => void) | null] })
  ._normalizeArgs

/**
 * Replaces `connect` of every socket by a request to the host over one inherited pipe. The host decides, resolves and
 * connects; here nothing ever touches the network. `fetch`, `http(s)`, `net` and `tls` all end up in these two functions.
 */
export function installVirtualSockets(pipe: net.Socket): void {
  const streams = new Map<number, Stream>()
  let nextStream = 1
  const send = (frame: Buffer) => void pipe.write(frame)
  const destroySocket = net.Socket.prototype._destroy

  const reader = createFrameReader(maxSocketFrameBytes)
  pipe.on('data', (bytes) => {
    reader.push(bytes)
    for (let body = reader.next(); body; body = reader.next()) {
      const { type, stream: id, payload } = decodeSocketFrame(body)
      const stream = streams.get(id)
      if (stream) receive(stream, type, payload)
    }
  })

  function receive(stream: Stream, type: number, payload: Buffer): void {
    stream.socket._unrefTimer?.()
    if (type === socketFrame.data) {
      stream.unacknowledged += payload.length
      if (stream.socket.push(payload)) acknowledge(stream)
    } else if (type === socketFrame.end) stream.socket.push(null)
    else if (type === socketFrame.reset) stream.socket.destroy(socketError('read', 'ECONNRESET'))
    else if (type === socketFrame.credit) {
      stream.credit += payload.readUInt32LE(0)
      const proceed = stream.onCredit
      stream.onCredit = undefined
      proceed?.()
    } else if (type === socketFrame.opened) stream.onOpened()
    else if (type === socketFrame.refused) stream.onRefused(refusalOf(payload))
  }

  function acknowledge(stream: Stream): void {
    if (stream.unacknowledged <= socketWindowBytes / 4) return
    send(encodeCredit(stream.id, stream.unacknowledged))
    stream.unacknowledged = 0
  }

  function connect(this: VirtualSocket, ...args: unknown[]): VirtualSocket {
    const [target, onConnect] = Array.isArray(args[0]) ? (args[0] as [Target, () => void]) : normalizeArgs(args)
    if (typeof onConnect === 'function') this.once('connect', onConnect)
    open(this, target)
    return this
  }

  function open(socket: VirtualSocket, target: Target): void {
    const host = String(target.host ?? 'localhost')
    const port = Number(target.port)
    const id = nextStream++
    let closed = false
    socket.connecting = true

    const stream: Stream = {
      id,
      socket,
      credit: socketWindowBytes,
      unacknowledged: 0,
      onCredit: undefined,
      onOpened() {
        socket.connecting = false
        socket.emit('connect')
        socket.emit('ready')
        if (!socket.isPaused()) socket.read(0)
      },
      onRefused(error) {
        streams.delete(id)
        socket.destroy(error)
      },
    }

    function write(bytes: Buffer, done: Done): void {
      let offset = 0
      const proceed = () => {
        while (offset < bytes.length) {
          if (closed) return done(socketError('write', 'EPIPE'))
          if (stream.credit <= 0) {
            stream.onCredit = proceed
            return
          }
          const size = Math.min(socketChunkBytes, bytes.length - offset, stream.credit)
          send(encodeSocketFrame(socketFrame.data, id, bytes.subarray(offset, offset + size)))
          stream.credit -= size
          offset += size
        }
        socket._unrefTimer?.()
        done()
      }
      proceed()
    }

    socket._writev = null
    socket._read = () => acknowledge(stream)
    socket._write = (chunk, encoding, done) => {
      if (socket.connecting) return void socket.once('connect', () => socket._write(chunk, encoding, done))
      write(typeof chunk === 'string' ? Buffer.from(chunk, encoding) : chunk, done)
    }
    socket._final = (done) => {
      if (socket.connecting) return void socket.once('connect', () => socket._final(done))
      send(encodeSocketFrame(socketFrame.end, id))
      done()
    }
    socket._destroy = (error, done) => {
      closed = true
      if (streams.delete(id)) send(encodeSocketFrame(socketFrame.reset, id))
      stream.onCredit?.()
      Reflect.apply(destroySocket, socket, [error, done])
    }

    const refusal = target.path ? socketError(`connect ${target.path}`, 'EACCES') : badTarget(host, port)
    if (refusal) return process.nextTick(() => socket.destroy(refusal))
    streams.set(id, stream)
    send(encodeOpen(id, host, port))
  }

  replace(net.Socket.prototype, 'connect', connect)
  replace(tls, 'connect', tlsOverVirtualSockets(tls.connect))
}

/** `tls.connect` that brings its own (virtual) socket; without one Node would make a native handle. */
function tlsOverVirtualSockets(connect: typeof tls.connect): (...args: unknown[]) => tls.TLSSocket {
  return (...args) => {
    const [target, onSecure] = normalizeArgs(args)
    const given = [args[0], args[1], args[2]].filter((arg) => typeof arg === 'object' && arg !== null)
    const options = Object.assign({}, target, ...given) as tls.ConnectionOptions & { path?: string }
    const callback = onSecure ?? undefined
    if (options.socket) return connect(options, callback)
    const { path, timeout, ...rest } = options
    const socket = net.connect(path ? { path } : { host: options.host ?? 'localhost', port: Number(options.port) })
    if (rest.servername === undefined && options.host && !net.isIP(options.host)) rest.servername = options.host
    const secure = connect({ ...rest, socket }, callback)
    if (timeout) secure.setTimeout(timeout)
    socket.on('error', (error) => secure.destroy(error))
    return secure
  }
}

function badTarget(host: string, port: number): Error | undefined {
  const good = Number.isInteger(port) && port > 0 && port < 65_536 && host.length > 0 && host.length <= 253
  return good ? undefined : socketError(`connect ${host.slice(0, 253)}:${port}`, 'EINVAL')
}

function refusalOf(payload: Buffer): Error {
  const [code = 'EACCES', message = '', permission = ''] = payload.toString('utf8').split('\n', 3)
  const error = Object.assign(new Error(message), { code, syscall: 'connect' })
  return permission === '' ? error : Object.assign(error, { name: 'PermissionDenied', permission })
}

function socketError(what: string, code: string): Error {
  const [syscall = what, ...target] = what.split(' ')
  return Object.assign(new Error([syscall, code, ...target].join(' ')), { code, syscall })
}
