import { createHash, randomUUID } from 'node:crypto'
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'

/** V8's code caches of plugins, by digest, so that the first call after a restart need not compile everything again. */
export interface CodeCaches {
  find(digest: string): Promise<Buffer | undefined>
  /** Never throws: a cache that cannot be kept costs time, nothing else. */
  keep(digest: string, bytes: Buffer): Promise<void>
}

export const noCodeCaches: CodeCaches = { find: () => Promise.resolve(undefined), keep: () => Promise.resolve() }

/** Of code that nobody has loaded for so long, in milliseconds. */
const keptUnusedMs = 30 * 24 * 60 * 60_000
const checksumBytes = 32
/** V8 takes only what the same version made on the same kind of machine. */
const maker = `${process.versions.v8}-${process.arch}`

/** Files with a checksum before the cache: V8 checks only that a cache fits, not that all of it is there. */
export function createCodeCaches(directory: string): CodeCaches {
  const fileOf = (digest: string) => path.join(directory, `${digest}.${maker}.cache`)
  void removeUnused(directory).catch(() => undefined)

  return {
    async find(digest) {
      const content = await readFile(fileOf(digest)).catch(() => undefined)
      if (!content) return undefined
      const bytes = content.subarray(checksumBytes)
      if (!checksumOf(bytes).equals(content.subarray(0, checksumBytes))) return undefined
      const now = new Date()
      await utimes(fileOf(digest), now, now).catch(() => undefined)
      return bytes
    },
    async keep(digest, bytes) {
      const staged = path.join(directory, `${randomUUID()}.part`)
      try {
        await mkdir(directory, { recursive: true, mode: 0o700 })
        await writeFile(staged, Buffer.concat([checksumOf(bytes), bytes]), { mode: 0o600 })
        await rename(staged, fileOf(digest))
      } catch {
        await rm(staged, { force: true }).catch(() => undefined)
      }
    },
  }
}

const checksumOf = (bytes: Buffer): Buffer => createHash('sha256').update(bytes).digest()

async function removeUnused(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = path.join(directory, name)
    const { mtimeMs } = await stat(file)
    if (Date.now() - mtimeMs > keptUnusedMs) await rm(file, { force: true })
  }
}
