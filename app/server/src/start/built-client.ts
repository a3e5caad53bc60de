import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { projectDir } from '../env.js'

/** The folder of the built web client, when it was built. The API works without. */
export function builtClient(): string | undefined {
  const directory = join(projectDir, 'app', 'web', 'dist', 'client')
  return existsSync(join(directory, 'index.html')) ? directory : undefined
}
