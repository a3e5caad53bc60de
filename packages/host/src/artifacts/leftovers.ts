import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { removeLargeFolder } from './large-folder.js'

/** Longer than any build can take: another replica on this machine may be using the same folder. */
const leftoverAgeMs = 60 * 60_000

/** Removes what builds of a process that was killed left behind. */
export async function removeLeftovers(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => [])
  for (const name of names) {
    const path = join(directory, name)
    const facts = await stat(path).catch(() => undefined)
    if (facts === undefined || Date.now() - facts.mtimeMs < leftoverAgeMs) continue
    await removeLargeFolder(path).catch(() => undefined)
  }
}
