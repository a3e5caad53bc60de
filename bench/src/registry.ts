import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

/** A marketplace as it would lie on any web server, which counts what it is asked. */
export interface Registry {
  url: string
  /** Requests so far. */
  readonly requests: number
  close(): Promise<void>
}

/** Serves a folder on a free port of this machine. */
export async function startRegistry(directory: string): Promise<Registry> {
  let requests = 0
  const server = createServer((request, response) => {
    requests += 1
    const { pathname } = new URL(request.url ?? '/', 'http://registry')
    readFile(path.join(directory, path.normalize(pathname))).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests
    },
    async close() {
      server.closeAllConnections()
      await new Promise<void>((resolve) => void server.close(() => resolve()))
    },
  }
}
