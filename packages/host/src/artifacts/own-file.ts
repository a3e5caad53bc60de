import { realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { ValidationException } from '@tenon/contract'

/**
 * Where a file of a marketplace really is; undefined when there is none. What a plugin's author calls a text of the plugin
 * must not be a link to something else that whoever packs it can read.
 *
 * @throws ValidationException for one that leads out of the marketplace
 */
export async function ownFile(marketplaceDir: string, path: string): Promise<string | undefined> {
  const found = await realpath(join(marketplaceDir, path)).catch(() => undefined)
  if (found === undefined) return undefined
  const way = relative(await realpath(marketplaceDir), found)
  if (way !== '..' && !way.startsWith(`..${sep}`)) return found
  throw new ValidationException(`${path} leads out of the marketplace: it is a link to another place.`, 'path', path)
}
