import { createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { RequestListener } from 'node:http'
import { createCertificate } from './certificate.js'

/** A server that listens on 127.0.0.1. */
export interface Listener {
  /** Scheme, address and port, without a slash at the end. */
  readonly url: string
  /** PEM to trust; only when the server speaks TLS. */
  readonly caCertificate?: string
  /** Ends the server and every connection to it, those that hang included. */
  close(): Promise<void>
}

export interface ListenOptions {
  /** 0 (default): any free port. */
  readonly port?: number | undefined
  /** Names for which a self-signed certificate is made; absent: plain HTTP. */
  readonly tlsNames?: readonly [string, ...string[]] | undefined
}

/** Starts `answer` on 127.0.0.1. Rejects when the port is taken. */
export async function listen(answer: RequestListener, { port = 0, tlsNames }: ListenOptions = {}): Promise<Listener> {
  const pair = tlsNames && (await createCertificate(tlsNames))
  const server = pair ? createHttpsServer({ key: pair.key, cert: pair.certificate }, answer) : createHttpServer(answer)

  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: actualPort } = server.address() as AddressInfo

  return {
    url: `${pair ? 'https' : 'http'}://127.0.0.1:${actualPort}`,
    ...(pair && { caCertificate: pair.certificate }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
