import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseManifest, type CatalogEntry } from '@tenon/contract'

type Answer = string | Uint8Array | ((request: IncomingMessage, response: ServerResponse) => void)

export interface MarketplaceServer {
  /** URL of its plugins.json. */
  location: string
  /** What it answers, by path without the first slash. Everything else is 404. */
  files: Map<string, Answer>
  /** Paths in the order in which they were asked for. */
  requests: string[]
  close: () => Promise<void>
}

/** A marketplace on this machine, with these files. */
export async function startMarketplace(files: Record<string, Answer> = {}): Promise<MarketplaceServer> {
  const answers = new Map(Object.entries(files))
  const requests: string[] = []
  const server = createServer((request, response) => {
    const path = (request.url ?? '').slice(1)
    requests.push(path)
    const answer = answers.get(path)
    if (typeof answer === 'function') answer(request, response)
    else if (answer === undefined) response.writeHead(404).end()
    else response.end(answer)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  return {
    location: `http://127.0.0.1:${(server.address() as AddressInfo).port}/plugins.json`,
    files: answers,
    requests,
    close: async () => {
      server.closeAllConnections()
      await new Promise((closed) => server.close(closed))
    },
  }
}

/** A valid entry, as the catalog would give it. */
export function catalogEntry(changes: Record<string, unknown> = {}): CatalogEntry {
  const manifest = parseManifest({
    plugins: [
      {
        key: 'sample',
        name: 'sample',
        displayName: 'Sample',
        description: 'A sample',
        version: '1.0.0',
        category: 'ml_ops',
        isOfficial: true,
        isPublished: true,
        requiresConfiguration: false,
        installationType: 'standard',
        pluginPath: 'plugins/sample',
        entryPoint: 'index.ts',
        ...changes,
      },
    ],
  })
  const [entry] = manifest.entries
  if (entry === undefined) throw new Error(JSON.stringify(manifest.problems))
  return entry
}

/** Runs a bundle the way a runner does, with what the runner provides. */
export function loadBundle(code: string, provided: Record<string, unknown> = {}): Record<string, unknown> {
  const module = { exports: {} as Record<string, unknown> }
  const require = (name: string): unknown => {
    if (name in provided) return provided[name]
    throw new Error(`Cannot find module '${name}'`)
  }
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const run = new Function('module', 'exports', 'require', code) as (...args: unknown[]) => void
  run(module, module.exports, require)
  return module.exports
}
