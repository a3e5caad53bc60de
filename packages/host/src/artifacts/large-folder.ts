import { opendir, rm, rmdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'

interface Found {
  path: string
  isFile: boolean
  isDirectory: boolean
}

/**
 * Everything in a folder, the contents of a folder before itself, one after the other. What npm installs is thousands of
 * files: Node's own recursive functions go through all of them at once, and hold the event loop for 100 ms and more.
 */
export async function* walkLargeFolder(directory: string): AsyncGenerator<Found> {
  for await (const entry of await opendir(directory)) {
    const path = join(directory, entry.name)
    const isDirectory = entry.isDirectory()
    if (isDirectory) yield* walkLargeFolder(path)
    yield { path, isDirectory, isFile: entry.isFile() }
  }
}

/** Removes a folder with everything in it; links are removed, not followed. It need not exist. */
export async function removeLargeFolder(directory: string): Promise<void> {
  try {
    for await (const { path, isDirectory } of walkLargeFolder(directory))
      await (isDirectory ? rmdir(path) : unlink(path))
  } catch {
    // Whatever could not be removed, or was not there, is left to the last step, which also says what is wrong.
  }
  await rm(directory, { recursive: true, force: true, maxRetries: 3 })
}
