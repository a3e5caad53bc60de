import { isJsonObject, valueAt, type Permissions } from '@tenon/contract'
import type { NetworkPolicy } from '../egress/index.js'

export interface Target {
  host: string
  port: number
}

interface NetworkPolicyOptions {
  /** Undefined for a plugin that declares nothing: then the hosts of its configuration, and no others. */
  permissions: Permissions['network'] | undefined
  configuration: Record<string, unknown>
  /** Private addresses that the operator opens to plugins. */
  isExempt: (address: string, port: number) => boolean
  /** The operator's consent that undeclared plugins may reach any public host. */
  undeclaredMayReachAnyHost?: boolean
}

/**
 * Where one call of a plugin may connect to: the hosts it declared, and exactly host and port of the configuration
 * fields it declared. A private address needs both the operator, who opens the range, and the admin, who configured it.
 */
export function networkPolicyFor({
  permissions,
  configuration,
  isExempt,
  undeclaredMayReachAnyHost,
}: NetworkPolicyOptions): NetworkPolicy {
  const configured = permissions
    ? permissions.fromConfiguration.flatMap((field) => targetOf(valueAt(configuration, `/${field}`)) ?? [])
    : targetsIn(configuration)
  const patterns = (permissions?.hosts ?? []).map(parsePattern)
  const isConfigured = (host: string, port: number) =>
    configured.some((target) => target.host === host && target.port === port)
  const isDeclared = (host: string, port: number) =>
    patterns.some((pattern) => pattern.port === port && matchesHost(pattern.host, host))
  const anyHost = permissions === undefined && undeclaredMayReachAnyHost === true
  return {
    allows: (host, port) => anyHost || isConfigured(host, port) || isDeclared(host, port),
    allowsAddress: (address, host, port) => isConfigured(host, port) && isExempt(address, port),
  }
}

export function parsePattern(pattern: string): Target {
  const [host = '', port = '443'] = pattern.split(':')
  return { host: host.toLowerCase(), port: Number(port) }
}

/** `*.` stands for exactly one label. */
export function matchesHost(pattern: string, host: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === host
  return host.slice(host.indexOf('.')) === pattern.slice(1) && host.indexOf('.') > 0
}

/** Host and port of an http(s) URL; undefined for anything else. */
export function targetOf(value: unknown): Target | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined
  const { protocol, hostname, port } = new URL(value)
  if (protocol !== 'https:' && protocol !== 'http:') return undefined
  const host = hostname
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
  return { host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) }
}

function targetsIn(value: unknown): Target[] {
  if (Array.isArray(value)) return value.flatMap(targetsIn)
  if (isJsonObject(value)) return Object.values(value).flatMap(targetsIn)
  const target = targetOf(value)
  return target ? [target] : []
}
