import { createHash } from 'node:crypto'
import { lstat, mkdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { StartError } from './start-error.js'

/**
 * The folder for the plugin host's cache and builds. Builds must not happen inside of a project, whose packages and
 * settings the tools of a build would find; then a folder below the system's temporary one is used. Nothing in it is
 * needed again after it was lost.
 *
 * @throws StartError when somebody else has that folder.
 */
export async function hostDirectory(dataDir: string): Promise<string> {
  if (!(await isInsideProject(dataDir))) return join(dataDir, 'host')
  const name = createHash('sha256').update(dataDir).digest('hex').slice(0, 16)
  const directory = join(tmpdir(), `tenon-${name}`)
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const found = await lstat(directory)
  if (!found.isDirectory() || (process.getuid && found.uid !== process.getuid())) {
    throw new StartError(
      `${directory} belongs to somebody else. Remove it, or set TENON_DATA_DIR to a folder outside of any project.`,
    )
  }
  return directory
}

async function isInsideProject(directory: string): Promise<boolean> {
  const isProject = await stat(join(directory, 'package.json')).then(
    () => true,
    () => false,
  )
  if (isProject) return true
  const parent = dirname(directory)
  return parent !== directory && isInsideProject(parent)
}
