import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

/** A marketplace as it would lie on any web server, with the paths that were fetched from it. */
export interface MarketplaceServer {
  url: string
  requests: string[]
  close(): Promise<void>
}

/** Serves a folder over HTTP on a free port of this machine. */
export async function startMarketplaceServer(directory: string): Promise<MarketplaceServer> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    const file = path.join(directory, path.normalize(decodeURIComponent(pathname)))
    requests.push(pathname)
    stat(file).then(
      (found) => {
        if (!found.isFile()) return response.writeHead(404).end()
        response.writeHead(200, { 'content-length': found.size })
        return createReadStream(file).pipe(response)
      },
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  }
}
