import { relativePathSchema, type CatalogEntry } from '@tenon/contract'
import { openMarketplaceFiles, readBytes, type Fetch, type MarketplaceFiles } from '../marketplace-files.js'
import type { ArtifactLimits } from './artifact-limits.js'

/** An image. Serve it with this content type, `nosniff` and a policy that runs nothing: SVG is the author's text. */
export interface Icon {
  bytes: Uint8Array
  contentType: string
}

const keptIcons = 200
const iconFreshMs = 60 * 60_000
const missingIconFreshMs = 60_000

/** Icons by what their bytes are: what a server calls them is the attacker's word. */
const imageTypes: [contentType: string, matches: (bytes: Buffer) => boolean][] = [
  ['image/png', (bytes) => bytes.subarray(0, 8).equals(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))],
  ['image/jpeg', (bytes) => bytes.subarray(0, 3).equals(Buffer.from([0xff, 0xd8, 0xff]))],
  ['image/gif', (bytes) => /^GIF8[79]a/.test(bytes.subarray(0, 6).toString('latin1'))],
  ['image/webp', (bytes) => /^RIFF.{4}WEBP/s.test(bytes.subarray(0, 12).toString('latin1'))],
  ['image/x-icon', (bytes) => bytes.subarray(0, 4).equals(Buffer.from([0, 0, 1, 0]))],
  [
    'image/svg+xml',
    (bytes) =>
      /^\s*(<\?xml[^>]*>\s*|<!--(?:(?!-->)[^])*-->\s*|<!doctype svg[^>]*>\s*)*<svg[\s/>]/i.test(
        bytes.subarray(0, 2000).toString(),
      ),
  ],
]

/** Fetches icons through the host and keeps them for a while; a browser never contacts what a manifest names. */
export function createIconSource(files: MarketplaceFiles, fetch: Fetch, limits: ArtifactLimits) {
  const kept = new Map<string, { icon: Promise<Icon | undefined>; until: number }>()

  function keep(address: string): Promise<Icon | undefined> {
    const icon = read(address).catch(() => undefined)
    const slot = { icon, until: Date.now() + iconFreshMs }
    kept.set(address, slot)
    void icon.then((found) => {
      if (found === undefined) slot.until = Date.now() + missingIconFreshMs
    })
    const [oldest] = kept.keys()
    if (kept.size > keptIcons && oldest !== undefined) kept.delete(oldest)
    return icon
  }

  async function read(address: string): Promise<Icon | undefined> {
    const signal = AbortSignal.timeout(limits.fileTimeoutMs)
    const file = /^https?:/i.test(address)
      ? await openMarketplaceFiles(address, fetch).openManifest({ signal })
      : await files.open(address, { signal })
    if (file.status !== 'found') return undefined
    const bytes = await readBytes(file.chunks, limits.maxIconBytes, () => new Error('the icon is too large'))
    const contentType = imageTypes.find(([, matches]) => matches(bytes))?.[0]
    return contentType === undefined ? undefined : { bytes, contentType }
  }

  return {
    /** S10: the icon of an entry; undefined when it has none that can be shown. */
    async icon(entry: CatalogEntry): Promise<Icon | undefined> {
      const address = addressOf(entry)
      const slot = kept.get(address)
      return slot !== undefined && slot.until > Date.now() ? slot.icon : keep(address)
    },
  }
}

/** An http(s) URL as it is, `/assets/x.svg` from the root of the marketplace, anything else from the plugin's folder. */
function addressOf({ iconUrl = 'icon.svg', pluginPath }: CatalogEntry): string {
  if (/^https?:/i.test(iconUrl)) return iconUrl
  const path = iconUrl.startsWith('/') ? iconUrl.slice(1) : `${pluginPath}/${iconUrl}`
  return relativePathSchema.safeParse(path).success ? path : `${pluginPath}/icon.svg`
}
