import ipaddr from 'ipaddr.js'

/** Private addresses that the operator opens: a range, and the ports in it. */
export interface AddressExemption {
  range: [ipaddr.IPv4 | ipaddr.IPv6, number]
  firstPort: number
  lastPort: number
}

/** Public by its number, yet a service of the machine that we run on. */
const cloudServices = new Set(['168.63.129.16'])
const globalIpv6 = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number]

/**
 * True for an address on the public internet. Loopback, private, link-local (cloud metadata), carrier-grade NAT,
 * multicast, and every form of IPv6 that wraps an IPv4 address are not.
 */
export function isPublicAddress(address: string): boolean {
  const parsed = parseAddress(address)
  if (!parsed || parsed.range() !== 'unicast' || cloudServices.has(parsed.toString())) return false
  return parsed.kind() === 'ipv4' || (parsed as ipaddr.IPv6).match(globalIpv6)
}

/** True when one of the exemptions covers this address and port. */
export function isExempt(exemptions: readonly AddressExemption[], address: string, port: number): boolean {
  const parsed = parseAddress(address)
  if (!parsed) return false
  return exemptions.some(({ range, firstPort, lastPort }) => {
    const [network, bits] = range
    return network.kind() === parsed.kind() && parsed.match(network, bits) && port >= firstPort && port <= lastPort
  })
}

/**
 * Reads `EGRESS_ALLOW_PRIVATE`, such as `127.0.0.1/32:5000-5999,10.0.0.0/8,[fd00::]/8:443`.
 * @throws Error that names the entry which is not a range.
 */
export function parseAllowPrivate(setting: string | undefined): AddressExemption[] {
  return entriesOf(setting).map(parseExemption)
}

function parseExemption(entry: string): AddressExemption {
  const [, bracketed, plain, bits, first, last] =
    /^(?:\[([0-9a-f:.]+)\]|([0-9.]+|[0-9a-f:]+(?=\/|$)))(?:\/(\d+))?(?::(\d+)(?:-(\d+))?)?$/i.exec(entry) ?? []
  const address = parseAddress(bracketed ?? plain ?? '')
  const widest = address?.kind() === 'ipv4' ? 32 : 128
  const prefix = bits === undefined ? widest : Number(bits)
  const firstPort = first === undefined ? 1 : Number(first)
  const lastPort = last !== undefined ? Number(last) : first !== undefined ? firstPort : 65_535
  if (!address || prefix > widest || firstPort < 1 || lastPort > 65_535 || firstPort > lastPort) {
    throw new Error(
      `EGRESS_ALLOW_PRIVATE: "${entry}" is not a range. Write it like 10.0.0.0/8 or 127.0.0.1/32:5000-5999.`,
    )
  }
  return { range: [address, prefix], firstPort, lastPort }
}

/** The entries of a comma-separated setting, without empty ones. */
export function entriesOf(setting: string | undefined): string[] {
  return (setting ?? '')
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

function parseAddress(address: string): ipaddr.IPv4 | ipaddr.IPv6 | undefined {
  try {
    return ipaddr.process(address)
  } catch {
    return undefined
  }
}
