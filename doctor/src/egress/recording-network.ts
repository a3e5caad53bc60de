import { createSocket, type Socket } from 'node:dgram'
import http from 'node:http'
import net, { type AddressInfo } from 'node:net'
import type { Dial, Lookup } from '@tenon/host'

/** A connection that the wall let pass. */
export interface Dialled {
  address: string
  port: number
}

/** A request that arrived. */
export interface Received {
  method: string
  url: string
  headers: http.IncomingHttpHeaders
}

/**
 * A network that exists on paper only. Names resolve as the table says; what is let through is written down, and leads
 * to one server on this machine if the address is one of the public ones of the table, and nowhere if it is not. No packet
 * leaves the machine, whatever an attack achieves.
 */
export interface RecordingNetwork {
  lookup: Lookup
  dial: Dial
  /** Since the last `forget`. */
  dialled: Dialled[]
  received: Received[]
  /** Connections and datagrams that came to the traps past `dial`: from a socket that should not exist. */
  trapped: string[]
  /** On 127.0.0.1, one TCP and one UDP port. */
  trapPorts: { tcp: number; udp: number }
  forget(): void
  close(): Promise<void>
}

/** Of `service.example` and names below `wild.example`, and of everybody else. */
export const publicAddress = { service: '93.184.216.34', wild: '93.184.216.35', others: '93.184.216.66' }
const reachable = new Set(Object.values(publicAddress))

const names: Record<string, string[]> = {
  'service.example': [publicAddress.service],
  'other.example': [publicAddress.others],
  'private.example': ['10.1.2.3'],
  'mixed.example': [publicAddress.service, '10.0.0.1'],
  'mixed-six.example': [publicAddress.service, '::1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'metadata.example': ['169.254.169.254'],
  'loopback.example': ['127.0.0.1'],
  'zone.example': ['fe80::1%eth0'],
  'translated.example': ['64:ff9b::a00:1'],
  'nobody.example': [],
  'nonsense.example': ['not an address'],
  'decimal.example': ['2130706433'],
  'exempt.example': ['127.0.0.1'],
  localhost: ['127.0.0.1', '::1'],
}

export async function createRecordingNetwork(): Promise<RecordingNetwork> {
  const asked = new Map<string, number>()
  const dialled: Dialled[] = []
  const received: Received[] = []
  const trapped: string[] = []
  const server = http.createServer((request, response) => {
    const { method = '', url = '', headers } = request
    received.push({ method, url, headers })
    const [, verb, status, target = ''] = url.split('/')
    if (verb === 'to') response.writeHead(Number(status), { location: decodeURIComponent(target) }).end()
    else response.end(JSON.stringify({ method, url, headers }))
  })
  const port = await listen(server)
  const trap = net.createServer((socket) => {
    trapped.push('a TCP connection')
    socket.end()
  })
  const tcp = await listen(trap)
  const udpTrap = createSocket('udp4').on('message', () => trapped.push('a UDP datagram'))
  await new Promise<void>((resolve) => udpTrap.bind(0, '127.0.0.1', resolve))

  return {
    dialled,
    received,
    trapped,
    trapPorts: { tcp, udp: udpTrap.address().port },
    lookup: async (host) => {
      const times = (asked.get(host) ?? 0) + 1
      asked.set(host, times)
      const addresses = addressesOf(host, times)
      if (!addresses) throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: 'ENOTFOUND' })
      return addresses.map((address) => ({ address, family: net.isIP(address) }))
    },
    dial: async (address, targetPort) => {
      dialled.push({ address, port: targetPort })
      if (!reachable.has(address)) {
        throw Object.assign(new Error(`connect ECONNREFUSED ${address}`), { code: 'ECONNREFUSED' })
      }
      const socket = net.connect({ host: '127.0.0.1', port, allowHalfOpen: true })
      await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
      return socket
    },
    forget() {
      for (const list of [dialled, received, trapped]) list.length = 0
    },
    async close() {
      server.closeAllConnections()
      await Promise.all([closed(server), closed(trap), closed(udpTrap)])
    },
  }
}

/** What a resolver would say. Names that begin with `rebinding` are public the first time and private ever after. */
function addressesOf(host: string, times: number): string[] | undefined {
  if (host.startsWith('rebinding')) return [times === 1 ? publicAddress.service : '127.0.0.1']
  if (host.startsWith('turning')) return [times === 1 ? publicAddress.service : '169.254.169.254']
  if (Object.hasOwn(names, host)) return names[host]
  if (/^[^.]+\.wild\.example$/.test(host)) return [publicAddress.wild]
  if (host.endsWith('.example')) return [publicAddress.others]
  // As the C library reads numbers: 0x7f.1, 0177.0.0.1, 2130706433 and the like.
  if (/^(0x[0-9a-f]+|\d+)(\.(0x[0-9a-f]+|\d+)){0,3}$/.test(host)) return ['127.0.0.1']
  return undefined
}

async function listen(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

function closed(server: net.Server | Socket): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
