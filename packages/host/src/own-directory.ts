import { lstat, mkdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * The folder of this account for the cache of code and for builds, below the system's temporary one: builds must not
 * happen inside of a project. Hosts share it, and nothing in it is needed again after it was lost.
 *
 * @throws Error when somebody else has that folder.
 */
export async function ownDirectory(): Promise<string> {
  const directory = join(tmpdir(), `tenon-${process.getuid?.() ?? 'host'}`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const found = await lstat(directory)
  if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid())) {
    throw new Error(
      `${directory} belongs to somebody else. Remove it, or set dataDir to a folder outside of any project.`,
    )
  }
  return directory
}
