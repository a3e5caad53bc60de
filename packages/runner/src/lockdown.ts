import dgram from 'node:dgram'
import { EventEmitter } from 'node:events'
import Module from 'node:module'
import net from 'node:net'
import tls from 'node:tls'
import crypto from 'node:crypto'
import v8 from 'node:v8'
import { denied, replace } from './denied.js'

/**
 * Takes away, inside the process, what the permission model leaves: native sockets, other processes, V8's switches and
 * Node's loader. Runs once, after everything that the runner needs is loaded and before any line of a plugin.
 */
export function lockDown(pipe: net.Socket): void {
  refuseNativeSockets(pipe)
  refuseProcessPowers()
  refuseEngineSwitches()
  refuseLoader()
}

/** Gives the plugin's world its `process` and `console`. */
export function replaceGlobals(globals: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false })
  }
}

/** Every network API of Node ends in these three kinds of handle, also one that is reached by a road not thought of. */
function refuseNativeSockets(pipe: net.Socket): void {
  const pipePrototype = prototypeOfHandle(pipe)
  refuseAll(net.Server.prototype, 'net.Server', ['listen'])
  refuseAll(pipePrototype, 'pipe', ['connect', 'bind', 'listen', 'open', 'fchmod'])
  refuseAll(tcpPrototype(), 'tcp', ['connect', 'connect6', 'bind', 'bind6', 'listen', 'open'])
  refuseAll(udpPrototype(), 'udp', ['send', 'send6', 'bind', 'bind6', 'connect', 'connect6', 'open'])
}

function prototypeOfHandle(owner: object): object {
  const handle = (owner as { _handle?: object })._handle
  if (!handle) throw new Error('this version of Node hides its socket handles')
  return Object.getPrototypeOf(handle) as object
}

/** A socket makes its handle as soon as it is told to connect, and goes on in the next turn: by then this one is gone. */
function tcpPrototype(): object {
  const socket = new net.Socket()
  socket.on('error', () => undefined)
  socket.connect({ host: '127.0.0.1', port: 1 })
  const prototype = prototypeOfHandle(socket)
  socket.destroy()
  return prototype
}

function udpPrototype(): object {
  const socket = dgram.createSocket('udp4')
  const state = Object.getOwnPropertySymbols(socket)
    .map((symbol) => (socket as unknown as Record<symbol, { handle?: object } | undefined>)[symbol])
    .find((value) => typeof value === 'object' && value !== null && 'handle' in value)
  if (!state?.handle) throw new Error('this version of Node hides its datagram handles')
  const prototype = Object.getPrototypeOf(state.handle) as object
  socket.close()
  return prototype
}

function refuseProcessPowers(): void {
  const powers = [
    ...['kill', '_kill', 'dlopen', 'binding', '_linkedBinding', 'abort', 'execve', 'chdir', 'umask'],
    ...['setuid', 'setgid', 'seteuid', 'setegid', 'setgroups', 'initgroups', 'loadEnvFile', 'openStdin'],
    ...['_debugProcess', '_debugEnd', '_startProfilerIdleNotifier', '_stopProfilerIdleNotifier', '_rawDebug'],
    ...['_getActiveHandles', '_getActiveRequests', 'getActiveResourcesInfo', 'getBuiltinModule', 'reallyExit'],
    ...['setSourceMapsEnabled', 'setUncaughtExceptionCaptureCallback', 'ref', 'unref'],
  ]
  refuseAll(process, 'process', powers)
  for (const key of ['mainModule', 'channel', 'report', 'moduleLoadList', 'stdin']) replaceIfPossible(process, key)
  // Node's own `path` asks for it; the name of the real directory is nobody's business, and may be closed to this process.
  replace(process, 'cwd', () => '/')
  // Otherwise a patched EventEmitter.prototype.emit would be handed the real process as its `this`.
  replace(process, 'emit', EventEmitter.prototype.emit.bind(process))
}

function refuseEngineSwitches(): void {
  refuseAll(v8, 'v8', [
    ...['setFlagsFromString', 'writeHeapSnapshot', 'getHeapSnapshot', 'setHeapSnapshotNearHeapLimit'],
    ...['takeCoverage', 'stopCoverage', 'startupSnapshot', 'queryObjects', 'promiseHooks'],
  ])
  refuseAll(crypto, 'crypto', ['setEngine', 'setFips'])
}

function refuseLoader(): void {
  refuseAll(Module, 'module', [
    ...['_load', '_resolveFilename', '_findPath', '_extensions', 'createRequire', 'runMain', 'register'],
    ...['registerHooks', 'syncBuiltinESMExports', '_preloadModules', 'enableCompileCache', 'findPackageJSON'],
  ])
  refuseAll(Module.prototype, 'module', ['require', 'load', '_compile'])
}

function refuseAll(target: object, name: string, members: string[]): void {
  for (const member of members) if (member in target) replace(target, member, denied(`${name}.${member}`))
}

function replaceIfPossible(target: object, key: string): void {
  try {
    replace(target, key, undefined)
  } catch {
    // Not configurable in this version: it is one that only reads.
  }
}

/** Makes the operator's own certificate authorities count wherever the plugin speaks TLS without naming its own. */
export function trustExtraAuthorities(certificates: string[]): void {
  if (certificates.length === 0) return
  const create = tls.createSecureContext
  replace(tls, 'createSecureContext', (options: tls.SecureContextOptions = {}) => {
    const context = create(options)
    const native = context.context as { addCACert(pem: string): void }
    if (!options.ca) for (const certificate of certificates) native.addCACert(certificate)
    return context
  })
}
