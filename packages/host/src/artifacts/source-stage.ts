import { mkdir, mkdtemp, realpath, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { relativePathSchema, TenonError } from '@tenon/contract'
import { MarketplaceFileError, readBytes, type MarketplaceFiles } from '../marketplace-files.js'
import type { ArtifactLimits } from './artifact-limits.js'
import { startDeadline } from '../egress/deadline.js'
import { removeLargeFolder } from './large-folder.js'
import { candidatesOf } from './source-paths.js'

/** Candidates of imports that are asked for, found or not: a remote marketplace answers each with a request. */
export const maxRequests = 300

/** A folder outside of any project, in which the files of one plugin are collected. It is gone after the build. */
export interface SourceStage {
  /** Its real path. */
  readonly directory: string
  /** Fetches one file of the marketplace; false when it does not exist. */
  fetchFile: (path: string) => Promise<boolean>
  /** Fetches what an import may mean. @throws TenonError SOURCE_REFUSED when there is nothing there. */
  fetchImport: (importer: string, path: string) => Promise<void>
  /** The text of a file that is looked at but not staged, or undefined. */
  readText: (path: string) => Promise<string | undefined>
  remove: () => Promise<void>
}

export interface SourceStageOptions {
  tempDir: string
  files: MarketplaceFiles
  /** For messages. */
  plugin: string
  limits: ArtifactLimits
  signal: AbortSignal
}

export async function createSourceStage(options: SourceStageOptions): Promise<SourceStage> {
  const { tempDir, files, plugin, limits } = options
  await mkdir(tempDir, { recursive: true, mode: 0o700 })
  const directory = await realpath(await mkdtemp(join(tempDir, 'build-')))
  await mkdir(join(directory, 'out'))
  const staged = new Set<string>()
  let requests = 0

  const refuse = (reason: string, cause?: unknown): TenonError =>
    new TenonError('SOURCE_REFUSED', { plugin, reason }, { cause })

  async function read(path: string): Promise<Buffer | undefined> {
    requests += 1
    if (requests > maxRequests) throw refuse(`its imports need more than ${maxRequests} requests`)
    const { signal, clear } = startDeadline(limits.fileTimeoutMs, options.signal)
    try {
      const file = await files.open(path, { signal })
      if (file.status !== 'found') return undefined
      const tooLarge = (): Error => refuse(`${path} is larger than ${limits.maxSourceFileBytes} bytes`)
      return await readBytes(file.chunks, limits.maxSourceFileBytes, tooLarge)
    } catch (error) {
      if (!(error instanceof MarketplaceFileError)) throw error
      throw new TenonError('ARTIFACT_UNREACHABLE', { plugin, cause: `${path}: ${error.message}` }, { cause: error })
    } finally {
      clear()
    }
  }

  async function fetchFile(path: string): Promise<boolean> {
    if (staged.has(path)) return true
    const bytes = await read(path)
    if (bytes === undefined) return false
    staged.add(path)
    if (staged.size > limits.maxSourceFiles) throw refuse(`it has more than ${limits.maxSourceFiles} files`)
    const target = join(directory, 'source', path)
    await mkdir(dirname(target), { recursive: true })
    await writeFile(target, bytes)
    return true
  }

  return {
    directory,
    fetchFile,
    async fetchImport(importer, path) {
      if (!relativePathSchema.safeParse(path).success)
        throw refuse(`${importer} imports "${path}", which is not a plain path`)
      for (const candidate of candidatesOf(path)) if (await fetchFile(candidate)) return
      throw refuse(`${importer} imports "${path}", which is not in the marketplace`)
    },
    readText: async (path) => (await read(path))?.toString('utf8'),
    remove: () => removeLargeFolder(directory),
  }
}
