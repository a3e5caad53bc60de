import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import tar from 'tar-stream'

/** A package of the registry: its package.json, and its other files. */
export interface RegistryPackage {
  manifest?: Record<string, unknown>
  files?: Record<string, string>
  /** Symbolic links in its archive: name to target. */
  links?: Record<string, string>
}

export interface NpmRegistry {
  url: string
  requests: string[]
  /** Until it is set to true again every request fails. */
  available: boolean
  close: () => Promise<void>
}

/** A registry on this machine that speaks as much of npm's protocol as `npm install` needs. */
export async function startNpmRegistry(packages: Record<string, RegistryPackage>): Promise<NpmRegistry> {
  const requests: string[] = []
  const registry = { url: '', requests, available: true, close: async () => undefined } as NpmRegistry
  const archives = new Map<string, Buffer>()
  for (const [name, contents] of Object.entries(packages)) archives.set(name, await archiveOf(name, contents))

  const server = createServer((request, response) => {
    const path = decodeURIComponent((request.url ?? '').slice(1))
    requests.push(path)
    const name = path.replace(/\.tgz$/, '')
    const archive = archives.get(name)
    // npm asks again for minutes after a 5xx.
    if (!registry.available) response.writeHead(403).end()
    else if (archive === undefined) response.writeHead(404).end('{}')
    else if (path.endsWith('.tgz')) response.end(archive)
    else response.end(JSON.stringify(packument(name, packages[name] ?? {}, archive, registry.url)))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  registry.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  registry.close = async () => {
    server.closeAllConnections()
    await new Promise((closed) => server.close(closed))
  }
  return registry
}

function manifestOf(name: string, { manifest }: RegistryPackage): Record<string, unknown> {
  return { name, version: '1.0.0', ...manifest }
}

function packument(name: string, contents: RegistryPackage, archive: Buffer, url: string): unknown {
  const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`
  const dist = { tarball: `${url}${name}.tgz`, integrity }
  const manifest = manifestOf(name, contents)
  return {
    name,
    'dist-tags': { latest: manifest.version },
    versions: { [String(manifest.version)]: { ...manifest, dist } },
  }
}

async function archiveOf(name: string, contents: RegistryPackage): Promise<Buffer> {
  const pack = tar.pack()
  const files = { 'package.json': JSON.stringify(manifestOf(name, contents)), ...contents.files }
  for (const [path, text] of Object.entries(files)) pack.entry({ name: `package/${path}` }, text)
  for (const [path, linkname] of Object.entries(contents.links ?? {})) {
    pack.entry({ name: `package/${path}`, type: 'symlink', linkname })
  }
  pack.finalize()
  const chunks: Buffer[] = []
  for await (const chunk of pack) chunks.push(chunk as Buffer)
  return gzipSync(Buffer.concat(chunks))
}
