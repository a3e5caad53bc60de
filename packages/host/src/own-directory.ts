import { lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * The folder of this account for the cache of code and for builds, below the system's temporary one: builds must not
 * happen inside of a project. Nothing in it is needed again after it was lost.
 *
 * @param name tells folders apart; hosts that give none share one
 * @throws Error when somebody else has that folder
 * @since 0.1.0
 */
export async function ownDirectory(name = String(process.getuid?.() ?? 'host')): Promise<string> {
  const directory = join(tmpdir(), `tenon-${name}`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const found = await lstat(directory)
  if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid())) {
    throw new Error(
      `${directory} belongs to somebody else. Remove it, or choose a folder of data outside of any project.`,
    )
  }
  return directory
}
