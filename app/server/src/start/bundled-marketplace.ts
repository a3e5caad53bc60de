import { join } from 'node:path'
import { packMarketplace } from '@tenon/host/packing'
import type { Logger } from 'pino'
import { projectDir } from '../env.js'

/**
 * Packs the marketplace that comes with Tenon into the data directory, as far as it changed since the last time.
 *
 * @returns the path of its `plugins.json`
 */
export async function bundledMarketplace(dataDir: string, log: Logger): Promise<string> {
  const outDir = join(dataDir, 'marketplace')
  const { packed } = await packMarketplace({ marketplaceDir: join(projectDir, 'marketplace'), outDir })
  const changed = packed.filter(({ unchanged }) => !unchanged).map(({ key, version }) => `${key}@${version}`)
  if (changed.length > 0) log.info({ plugins: changed }, 'packed the bundled marketplace')
  return join(outDir, 'plugins.json')
}
