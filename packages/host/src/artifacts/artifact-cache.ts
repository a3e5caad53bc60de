import { randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { ArchiveError, createMeter, readArchive, type ReadArchive } from './archive.js'

export interface AdoptedArchive {
  digest: string
  /** Undefined when the digest is another one than expected: then nothing was kept. */
  archive: ReadArchive | undefined
}

/** Packages on disk, uncompressed, each under its own digest. A file that is there is whole: it was renamed into place. */
export interface ArtifactCache {
  /**
   * Unpacks a gzip archive and keeps it if its digest is the expected one and its form is right.
   *
   * @returns the actual digest, and the archive when it was kept.
   * @throws ArchiveError when it is not gzip, passes the limit, or contains what has no place in a package.
   */
  adopt: (packedFile: string, expectedDigest?: string) => Promise<AdoptedArchive>
  /** The package, verified again while it is read; undefined when it is not here or was damaged. */
  open: (digest: string) => Promise<ReadArchive | undefined>
  /** A name for a file that is about to be written beside the packages. */
  temporaryFile: () => Promise<string>
}

export function createArtifactCache(directory: string, maxUnpackedBytes: number): ArtifactCache {
  const fileOf = (digest: string): string => join(directory, `${digest}.tar`)

  async function temporaryFile(): Promise<string> {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    return join(directory, `${randomUUID()}.part`)
  }

  return {
    temporaryFile,

    async adopt(packedFile, expectedDigest) {
      const staged = await temporaryFile()
      try {
        const digest = await unzip(packedFile, staged, maxUnpackedBytes)
        if (digest !== (expectedDigest ?? digest)) return { digest, archive: undefined }
        const archive = await readArchive(createReadStream(staged), maxUnpackedBytes)
        await rename(staged, fileOf(digest))
        return { digest, archive }
      } finally {
        await rm(staged, { force: true })
      }
    },

    async open(digest) {
      const file = fileOf(digest)
      if ((await stat(file).catch(() => undefined)) === undefined) return undefined
      const archive = await readArchive(createReadStream(file), maxUnpackedBytes).catch(ignoreArchiveError)
      if (archive?.digest === digest) return archive
      await rm(file, { force: true })
      return undefined
    },
  }
}

async function unzip(from: string, to: string, maxBytes: number): Promise<string> {
  const meter = createMeter(maxBytes)
  try {
    await pipeline(createReadStream(from), createGunzip(), meter.stream, createWriteStream(to, { mode: 0o600 }))
  } catch (cause) {
    throw isZlibError(cause) ? new ArchiveError('it is not a gzip archive', { cause }) : cause
  }
  return meter.digest()
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}

function ignoreArchiveError(error: unknown): undefined {
  if (!(error instanceof ArchiveError)) throw error
}
