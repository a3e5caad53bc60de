import dns from 'node:dns/promises'
import net from 'node:net'
import { permissionIds } from '@tenon/contract'
import { isPublicAddress } from './addresses.js'
import type { HostMap } from './host-map.js'

/** Where somebody may connect to. */
export interface NetworkPolicy {
  /** May this host and port be asked for at all? `host` is lower case, without a final dot. */
  allows(host: string, port: number): boolean
  /** May this address be used although it is not public? */
  allowsAddress(address: string, host: string, port: number): boolean
}

/** All addresses of a name; rejects with a `code` such as ENOTFOUND. */
export type Lookup = (host: string) => Promise<{ address: string; family: number }[]>

/** Opens a connection; rejects with a `code` when it cannot be had within the time. */
export type Dial = (address: string, port: number, timeoutMs: number) => Promise<net.Socket>

export interface ConnectRules extends NetworkPolicy {
  lookup?: Lookup | undefined
  /** Opens a connection to an address that was checked. Default: TCP. */
  dial?: Dial | undefined
  hostMap?: HostMap | undefined
  /** Longest time for resolving and connecting. */
  connectTimeoutMs: number
}

/** A connection that the rules refuse. `code` is EACCES, or EINVAL for what is not a host and port. */
export class EgressRefusal extends Error {
  override readonly name = 'EgressRefusal'
  readonly code: string
  /** Why, for logs; the message is what a refused `connect` says. */
  readonly reason: string
  /** What would have had to be granted; undefined for what no grant could open. */
  readonly permission: string | undefined

  constructor(
    host: string,
    port: number,
    { reason, code = 'EACCES', permission }: { reason: string; code?: string; permission?: string },
  ) {
    super(`connect ${code} ${host}:${port}`)
    this.code = code
    this.reason = reason
    this.permission = permission
  }
}

export const systemLookup: Lookup = (host) => dns.lookup(host, { all: true, verbatim: true })

export const noNetwork: NetworkPolicy = { allows: () => false, allowsAddress: () => false }

/**
 * Opens a TCP connection under the rules. The name is resolved once, every address of it must be acceptable, and the
 * connection goes to an address that was checked: a name that answers differently the second time gains nothing.
 * @throws EgressRefusal when refused; errors of the network keep their code.
 */
export async function connectChecked(host: string, port: number, rules: ConnectRules): Promise<net.Socket> {
  const name = normalizeHost(host)
  if (!isTarget(name, port))
    throw new EgressRefusal(host.slice(0, 253), port, { reason: 'not a host and port', code: 'EINVAL' })
  if (!rules.allows(name, port)) {
    const permission = permissionIds.host(`${name}:${port}`)
    throw new EgressRefusal(name, port, { reason: 'not in the allow-list', permission })
  }
  const deadline = Date.now() + rules.connectTimeoutMs
  const dial = rules.dial ?? connectTo
  const mapped = rules.hostMap?.get(`${name}:${port}`)
  if (mapped) return dial(mapped.host, mapped.port, rules.connectTimeoutMs)
  const addresses = await within(checkedAddresses(name, port, rules), deadline, `${name}:${port}`)
  return dialFirst(addresses, port, deadline, dial)
}

/** Lower case, without brackets and without the dot at the end of a full name. */
export function normalizeHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
}

function isTarget(host: string, port: number): boolean {
  return /^[a-z0-9._:-]{1,253}$/.test(host) && Number.isInteger(port) && port > 0 && port < 65_536
}

async function checkedAddresses(host: string, port: number, rules: ConnectRules): Promise<string[]> {
  const lookup = rules.lookup ?? systemLookup
  const addresses = net.isIP(host) ? [host] : (await lookup(host)).map(({ address }) => address)
  if (addresses.length === 0) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
  const refused = addresses.find((address) => !isPublicAddress(address) && !rules.allowsAddress(address, host, port))
  if (refused) throw new EgressRefusal(host, port, { reason: `it is at ${refused}, which is not a public address` })
  return addresses
}

/** Tries the addresses in turn, as a client with one broken address family has to. */
async function dialFirst(addresses: string[], port: number, deadline: number, dial: Dial): Promise<net.Socket> {
  let failure: unknown
  for (const address of addresses.slice(0, 4)) {
    try {
      return await dial(address, port, Math.max(1, deadline - Date.now()))
    } catch (error) {
      failure = error
    }
  }
  throw failure
}

function connectTo(host: string, port: number, timeoutMs: number): Promise<net.Socket> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, allowHalfOpen: true, noDelay: true })
    const timer = setTimeout(() => fail(timeoutError(`${host}:${port}`)), timeoutMs)
    const fail = (error: Error) => {
      clearTimeout(timer)
      socket.destroy()
      reject(error)
    }
    socket.once('error', fail)
    socket.once('connect', () => {
      clearTimeout(timer)
      socket.removeListener('error', fail)
      resolve(socket)
    })
  })
}

function within<T>(work: Promise<T>, deadline: number, target: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(timeoutError(target)), Math.max(1, deadline - Date.now()))
    work.then(resolve, reject).finally(() => clearTimeout(timer))
  })
}

function timeoutError(target: string): Error {
  return Object.assign(new Error(`connect ETIMEDOUT ${target}`), { code: 'ETIMEDOUT' })
}
