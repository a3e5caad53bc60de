import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { ownDirectory } from '@tenon/host'
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
  return ownDirectory(name).catch((error: Error) => {
    throw new StartError(`${error.message} TENON_DATA_DIR says where that is.`, { cause: error })
  })
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
