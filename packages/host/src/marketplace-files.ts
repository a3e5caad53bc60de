import { createReadStream } from 'node:fs'
import { realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { relativePathSchema } from '@tenon/contract'

export const maxRedirects = 5

/** The signature of the global `fetch`. The host passes its egress module's. */
export type Fetch = typeof globalThis.fetch

export interface OpenOptions {
  signal: AbortSignal
  /** What an earlier answer carried, to ask only for something newer. */
  etag?: string | undefined
  lastModified?: string | undefined
  /** Asks for the bytes as they are stored, where the digest or the size of the file matters. */
  identity?: boolean
}

/** An answer. The chunks of a found file must be read or returned from. */
export type MarketplaceFile =
  | { status: 'found'; chunks: AsyncIterable<Uint8Array>; etag: string | undefined; lastModified: string | undefined }
  | { status: 'unchanged' }
  | { status: 'missing' }

/** The files of one marketplace: a web server or a local folder. Nothing outside of it can be named. */
export interface MarketplaceFiles {
  /** Where the manifest is, for people. */
  readonly location: string
  openManifest: (options: OpenOptions) => Promise<MarketplaceFile>
  /** @throws MarketplaceFileError; `path` is relative to the folder of the manifest and is checked again here. */
  open: (path: string, options: OpenOptions) => Promise<MarketplaceFile>
}

/** A file that could not be had. `refusedTarget` is set when a redirect led somewhere that is not followed. */
export class MarketplaceFileError extends Error {
  override readonly name = 'MarketplaceFileError'
  readonly refusedTarget: string | undefined

  constructor(message: string, options: { cause?: unknown; refusedTarget?: string } = {}) {
    super(message, options)
    this.refusedTarget = options.refusedTarget
  }
}

/** @param location an http(s) URL of a manifest, or a local path of a manifest or of its folder (C11). */
export function openMarketplaceFiles(location: string, fetch: Fetch): MarketplaceFiles {
  return /^https?:\/\//i.test(location) ? remoteFiles(location, fetch) : localFiles(location)
}

/**
 * The bytes of a file, never more than `maxBytes` of them in memory.
 *
 * @throws what `tooLarge` makes as soon as the limit is passed.
 */
export async function readBytes(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  tooLarge: () => Error,
): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.byteLength
    if (size > maxBytes) throw tooLarge()
    parts.push(chunk)
  }
  return Buffer.concat(parts, size)
}

function remoteFiles(location: string, fetch: Fetch): MarketplaceFiles {
  const manifestUrl = new URL(location)
  return {
    location,
    openManifest: (options) => request(manifestUrl, fetch, options),
    // S16: the base is the URL of the manifest without its last segment.
    open: async (path, options) => request(new URL(checkedPath(path), new URL('.', manifestUrl)), fetch, options),
  }
}

async function request(url: URL, fetch: Fetch, options: OpenOptions): Promise<MarketplaceFile> {
  const answer = await followRedirects(url, fetch, options)
  if (answer.status === 200 && answer.body !== null) {
    return {
      status: 'found',
      chunks: bodyChunks(answer.body),
      etag: answer.headers.get('etag') ?? undefined,
      lastModified: answer.headers.get('last-modified') ?? undefined,
    }
  }
  await answer.body?.cancel().catch(() => undefined)
  if (answer.status === 304) return { status: 'unchanged' }
  if (answer.status === 404 || answer.status === 410) return { status: 'missing' }
  throw new MarketplaceFileError(`the server answered ${answer.status}`)
}

/** Redirects are followed by hand: only to http(s), and never from https to http. */
async function followRedirects(start: URL, fetch: Fetch, options: OpenOptions): Promise<Response> {
  let url = start
  for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
    const answer = await fetchOnce(url, fetch, options)
    const target = answer.headers.get('location')
    if (answer.status < 300 || answer.status > 399 || answer.status === 304 || target === null) return answer
    await answer.body?.cancel().catch(() => undefined)
    url = allowedTarget(url, target)
  }
  throw new MarketplaceFileError(`more than ${maxRedirects} redirects`, { refusedTarget: url.href })
}

async function fetchOnce(url: URL, fetch: Fetch, options: OpenOptions): Promise<Response> {
  const headers = {
    ...(options.etag === undefined ? {} : { 'if-none-match': options.etag }),
    ...(options.lastModified === undefined ? {} : { 'if-modified-since': options.lastModified }),
    ...(options.identity === true ? { 'accept-encoding': 'identity' } : {}),
  }
  try {
    return await fetch(url.href, { redirect: 'manual', signal: options.signal, headers })
  } catch (cause) {
    throw new MarketplaceFileError(describeFailure(cause), { cause })
  }
}

function allowedTarget(from: URL, target: string): URL {
  const url = URL.canParse(target, from.href) ? new URL(target, from) : undefined
  const downgrade = from.protocol === 'https:' && url?.protocol !== 'https:'
  if (url === undefined || downgrade || !/^https?:$/.test(url.protocol)) {
    throw new MarketplaceFileError('a redirect leads where it must not', { refusedTarget: target.slice(0, 300) })
  }
  return url
}

async function* bodyChunks(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } catch (cause) {
    throw new MarketplaceFileError(describeFailure(cause), { cause })
  }
}

function localFiles(location: string): MarketplaceFiles {
  const path = resolve(location.startsWith('file:') ? fileURLToPath(location) : location)
  const isManifest = path.endsWith('.json')
  const folder = isManifest ? dirname(path) : path
  const manifest = isManifest ? basename(path) : 'plugins.json'
  return {
    location,
    openManifest: (options) => openLocal(folder, manifest, options),
    open: async (relative, options) => openLocal(folder, checkedPath(relative), options),
  }
}

async function openLocal(folder: string, path: string, options: OpenOptions): Promise<MarketplaceFile> {
  const found = await findLocal(folder, path)
  if (found === undefined) return { status: 'missing' }
  const facts = await stat(found)
  if (!facts.isFile()) return { status: 'missing' }
  const etag = `"${facts.mtimeMs}-${facts.size}"`
  if (etag === options.etag) return { status: 'unchanged' }
  const chunks = createReadStream(found, { signal: options.signal })
  return { status: 'found', chunks, etag, lastModified: undefined }
}

/** A marketplace is a stranger's folder even when it lies here: a link in it must not lead out of it. */
async function findLocal(folder: string, path: string): Promise<string | undefined> {
  try {
    const [root, found] = await Promise.all([realpath(folder), realpath(join(folder, path))])
    if (found.startsWith(root + sep)) return found
  } catch (cause) {
    if (isMissing(cause)) return undefined
    throw new MarketplaceFileError(describeFailure(cause), { cause })
  }
  throw new MarketplaceFileError(`${path} leads out of the marketplace`)
}

function checkedPath(path: string): string {
  if (relativePathSchema.safeParse(path).success) return path
  throw new MarketplaceFileError(`"${path.slice(0, 100)}" is not a path inside a marketplace`)
}

function isMissing(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return code === 'ENOENT' || code === 'ENOTDIR'
}

/** What went wrong, without the stack of causes that fetch wraps around it. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return 'no complete answer in time'
  const inner: unknown = error.cause
  return inner instanceof Error && inner.message !== '' ? inner.message : error.message
}
