import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { PluginHostOptions } from '../plugin-host.js'
import { parseHostMap } from '../egress/index.js'

const address = 'service.example:8080'

/** What an entry asks for that connects to the service. */
export const asksForService = { permissions: { network: { hosts: [address] } } }

/** Code of a plugin. `connect()` says "done", or the code of what went wrong. */
export const connectCode = `
  import { get } from 'node:http'
  const connect = () => new Promise((resolve) =>
    get('http://${address}/', { agent: false }, (answer) => answer.resume().on('end', () => resolve('done')))
      .on('error', (error: any) => resolve(error.code)))`

/** What every plugin exports, for one that does nothing then. */
export const lifecycleCode = `
  export const install = async () => ({ success: true })
  export const uninstall = install
  export const metadata = {}`

export interface OutsideService {
  /** Of a host whose plugins may find the service. */
  options: Pick<PluginHostOptions, 'grantable' | 'egress'>
  close(): void
}

/** A service in the outside world, which answers whoever connects. */
export async function startOutsideService(): Promise<OutsideService> {
  const server = createServer((_request, response) => response.end('ok'))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    options: {
      grantable: { allowUndeclared: true },
      egress: { hostMap: parseHostMap(`${address}=127.0.0.1:${port}`) },
    },
    close: () => void server.close(),
  }
}
