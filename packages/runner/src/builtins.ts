import asyncHooks from 'node:async_hooks'
import { constants as cryptoConstants } from 'node:crypto'
import { constants as fileConstants } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { denied } from './denied.js'

/**
 * Everything of Node that a plugin may require. All of it is loaded before the plugin, so that no loader has to stay
 * reachable behind `require`.
 */
export function builtinModules(): Map<string, unknown> {
  return new Map<string, unknown>([
    ...wholeModules.map((name) => [name, process.getBuiltinModule(name)] as const),
    ...Object.entries({
      async_hooks: onlyContextTracking(),
      constants: { ...os.constants.errno, ...os.constants.signals, ...fileConstants, ...cryptoConstants },
      dns: dnsFacade(),
      'dns/promises': dnsPromises(),
      os: osFacade(),
      'path/posix': path.posix,
      'path/win32': path.win32,
      tty: ttyFacade(),
    }),
    ...refusedModules.map((name) => [name, refusingModule(name)] as const),
    ['fs', refusingModule('fs', { constants: fileConstants, promises: refusingModule('fs.promises') })],
    ['fs/promises', refusingModule('fs/promises', { constants: fileConstants })],
  ])
}

/** What a plugin gets as it is. Not imported: what a bundle makes of 25 imports takes some milliseconds at each start. */
const wholeModules = [
  'assert',
  'assert/strict',
  'buffer',
  'crypto',
  'diagnostics_channel',
  'events',
  'http',
  'http2',
  'https',
  'net',
  'path',
  'perf_hooks',
  'punycode',
  'querystring',
  'stream',
  'stream/consumers',
  'stream/promises',
  'stream/web',
  'string_decoder',
  'timers',
  'timers/promises',
  'tls',
  'url',
  'util',
  'util/types',
  'zlib',
] as const

/** Names that bundles merely import: they load, and refuse when something of them is used. */
const refusedModules = [
  'child_process',
  'cluster',
  'dgram',
  'domain',
  'inspector',
  'inspector/promises',
  'module',
  'readline',
  'readline/promises',
  'repl',
  'sqlite',
  'trace_events',
  'v8',
  'vm',
  'wasi',
  'worker_threads',
]

/** Members that libraries read, not call, while they load. */
const quietMembers: Record<string, unknown> = { isMainThread: true, isMaster: true, isPrimary: true, threadId: 0 }

function refusingModule(name: string, members: Record<string, unknown> = {}): unknown {
  const target: Record<PropertyKey, unknown> = { ...members }
  return new Proxy(target, {
    get(_, member) {
      if (typeof member === 'symbol' || member === '__esModule' || member === 'then') return target[member]
      if (Object.hasOwn(quietMembers, member)) return quietMembers[member]
      target[member] ??= member === 'default' ? undefined : denied(`${name}.${member}`)
      return target[member]
    },
  })
}

/** Hooks and resources would hand out native handles; following a context through callbacks is harmless. */
function onlyContextTracking(): unknown {
  const { AsyncLocalStorage, AsyncResource, executionAsyncId, triggerAsyncId } = asyncHooks
  const hook = { enable: () => hook, disable: () => hook }
  return {
    AsyncLocalStorage,
    AsyncResource,
    executionAsyncId,
    triggerAsyncId,
    createHook: () => hook,
    executionAsyncResource: () => ({}),
  }
}

const noAddress = (name: string) =>
  Object.assign(new Error(`queryA ENOTFOUND ${name}`), { code: 'ENOTFOUND', hostname: name, syscall: 'queryA' })

/** Names are resolved by the host when a socket opens; a question to a name server could carry data out. */
function dnsFacade(): unknown {
  const fail = (...args: unknown[]) => {
    const callback = args.at(-1)
    if (typeof callback === 'function') process.nextTick(callback, noAddress(String(args[0])))
  }
  return { ...dnsFunctions(fail), promises: dnsPromises(), ADDRCONFIG: 1024, V4MAPPED: 2048, ALL: 256 }
}

function dnsPromises(): unknown {
  return dnsFunctions((name: unknown) => Promise.reject(noAddress(String(name))))
}

function dnsFunctions(fail: (...args: unknown[]) => unknown): Record<string, unknown> {
  const records = ['', '4', '6', 'Any', 'Caa', 'Cname', 'Mx', 'Naptr', 'Ns', 'Ptr', 'Soa', 'Srv', 'Txt']
  class Resolver {}
  const functions: Record<string, unknown> = { lookup: fail, lookupService: fail, reverse: fail, Resolver }
  for (const record of records) functions[`resolve${record}`] = fail
  Object.assign(Resolver.prototype, functions, { setServers: () => undefined, cancel: () => undefined })
  return Object.assign(functions, { getServers: () => [], setServers: denied('dns.setServers') })
}

/** Enough for libraries that ask about their surroundings; nothing of the machine shows. */
function osFacade(): unknown {
  return {
    EOL: '\n',
    devNull: '/dev/null',
    constants: os.constants,
    arch: () => process.arch,
    platform: () => process.platform,
    type: () => 'Linux',
    release: () => '',
    version: () => '',
    machine: () => '',
    endianness: () => os.endianness(),
    hostname: () => 'plugin',
    homedir: () => '/',
    tmpdir: () => '/tmp',
    cpus: () => [],
    availableParallelism: () => 1,
    loadavg: () => [0, 0, 0],
    totalmem: () => 512 * 1024 * 1024,
    freemem: () => 256 * 1024 * 1024,
    uptime: () => process.uptime(),
    networkInterfaces: () => ({}),
    userInfo: () => ({ uid: -1, gid: -1, username: 'plugin', homedir: '/', shell: null }),
    getPriority: () => 0,
    setPriority: denied('os.setPriority'),
  }
}

function ttyFacade(): unknown {
  class ReadStream {}
  class WriteStream {}
  return { isatty: () => false, ReadStream, WriteStream }
}
