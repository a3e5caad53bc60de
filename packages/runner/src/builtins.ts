import assert from 'node:assert'
import assertStrict from 'node:assert/strict'
import asyncHooks from 'node:async_hooks'
import buffer from 'node:buffer'
import crypto from 'node:crypto'
import diagnosticsChannel from 'node:diagnostics_channel'
import events from 'node:events'
import fs from 'node:fs'
import http from 'node:http'
import http2 from 'node:http2'
import https from 'node:https'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import perfHooks from 'node:perf_hooks'
import punycode from 'node:punycode'
import querystring from 'node:querystring'
import stream from 'node:stream'
import streamConsumers from 'node:stream/consumers'
import streamPromises from 'node:stream/promises'
import streamWeb from 'node:stream/web'
import stringDecoder from 'node:string_decoder'
import timers from 'node:timers'
import timersPromises from 'node:timers/promises'
import tls from 'node:tls'
import url from 'node:url'
import util from 'node:util'
import utilTypes from 'node:util/types'
import zlib from 'node:zlib'
import { denied } from './denied.js'

/**
 * Everything of Node that a plugin may require. All of it is loaded before the plugin, so that no loader has to stay
 * reachable behind `require`.
 */
export function builtinModules(): Map<string, unknown> {
  return new Map<string, unknown>([
    ...Object.entries({
      assert,
      'assert/strict': assertStrict,
      async_hooks: onlyContextTracking(),
      buffer,
      constants: { ...os.constants.errno, ...os.constants.signals, ...fs.constants, ...crypto.constants },
      crypto,
      diagnostics_channel: diagnosticsChannel,
      dns: dnsFacade(),
      'dns/promises': dnsPromises(),
      events,
      http,
      http2,
      https,
      net,
      os: osFacade(),
      path,
      'path/posix': path.posix,
      'path/win32': path.win32,
      perf_hooks: perfHooks,
      punycode,
      querystring,
      stream,
      'stream/consumers': streamConsumers,
      'stream/promises': streamPromises,
      'stream/web': streamWeb,
      string_decoder: stringDecoder,
      timers,
      'timers/promises': timersPromises,
      tls,
      tty: ttyFacade(),
      url,
      util,
      'util/types': utilTypes,
      zlib,
    }),
    ...refusedModules.map((name) => [name, refusingModule(name)] as const),
    ['fs', refusingModule('fs', { constants: fs.constants, promises: refusingModule('fs.promises') })],
    ['fs/promises', refusingModule('fs/promises', { constants: fs.constants })],
  ])
}

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
