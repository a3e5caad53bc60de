import { open, readFile, rm } from 'node:fs/promises'
import type { ArtifactManifest } from '@tenon/contract'
import type { Pool } from 'pg'
import { ArchiveError, type ReadArchive } from './archive.js'
import { createArtifactCache, type ArtifactCache } from './artifact-cache.js'
import type { ArtifactLimits } from './artifact-limits.js'

/** The driver turns a piece from text to bytes in one go, which must not hold the event loop. */
const pieceBytes = 1_000_000

/** What a source-only entry was resolved to, and when. */
export interface Resolution {
  digest: string
  resolvedAt: Date
}

/** Packages by digest: in Postgres for good, on disk for speed. Both are verified whenever they are read. */
export interface ArtifactStore {
  /** The package, or undefined when it is not stored. */
  open: (digest: string) => Promise<ReadArchive | undefined>
  /** Takes a gzip archive to disk. @throws ArchiveError */
  adopt: ArtifactCache['adopt']
  /** Writes an adopted archive, once its contents were found good, for every replica. */
  publish: (packedFile: string, digest: string, manifest: ArtifactManifest) => Promise<void>
  resolution: (source: string) => Promise<Resolution | undefined>
  saveResolution: (source: string, resolution: Resolution) => Promise<void>
  /** A name for a file that is about to be adopted. */
  temporaryFile: () => Promise<string>
}

export interface ArtifactStoreOptions {
  pool: Pool
  /** A folder of the host's own. */
  cacheDir: string
  limits: Pick<ArtifactLimits, 'maxUnpackedBytes'>
}

export function createArtifactStore({ pool, cacheDir, limits }: ArtifactStoreOptions): ArtifactStore {
  const cache = createArtifactCache(cacheDir, limits.maxUnpackedBytes)

  async function fetchFromDatabase(digest: string): Promise<ReadArchive | undefined> {
    const { rows } = await pool.query<{ size: number }>(
      'SELECT octet_length(bytes) AS size FROM tenon.artifacts WHERE digest = $1',
      [digest],
    )
    if (rows[0] === undefined) return undefined
    const file = await cache.temporaryFile()
    try {
      await writePieces(pool, digest, rows[0].size, file)
      const adopted = await cache.adopt(file, digest).catch(ignoreArchiveError)
      return adopted?.archive
    } finally {
      await rm(file, { force: true })
    }
  }

  return {
    adopt: cache.adopt,
    temporaryFile: cache.temporaryFile,
    open: async (digest) => (await cache.open(digest)) ?? (await fetchFromDatabase(digest)),

    async publish(packedFile, digest, manifest) {
      const packed = await readFile(packedFile)
      await pool.query(
        `INSERT INTO tenon.artifacts (digest, plugin_key, version, bytes, manifest) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (digest) DO NOTHING`,
        [digest, manifest.key, manifest.version, packed, JSON.stringify(manifest)],
      )
    },

    async resolution(source) {
      const { rows } = await pool.query<{ digest: string; resolved_at: Date }>(
        'SELECT digest, resolved_at FROM tenon.artifact_resolutions WHERE source = $1',
        [source],
      )
      return rows[0] === undefined ? undefined : { digest: rows[0].digest, resolvedAt: rows[0].resolved_at }
    },

    async saveResolution(source, { digest, resolvedAt }) {
      await pool.query(
        `INSERT INTO tenon.artifact_resolutions (source, digest, resolved_at) VALUES ($1, $2, $3)
         ON CONFLICT (source) DO UPDATE SET digest = EXCLUDED.digest, resolved_at = EXCLUDED.resolved_at`,
        [source, digest, resolvedAt],
      )
    },
  }
}

async function writePieces(pool: Pool, digest: string, size: number, to: string): Promise<void> {
  const file = await open(to, 'w', 0o600)
  try {
    for (let offset = 0; offset < size; offset += pieceBytes) {
      const { rows } = await pool.query<{ piece: Buffer }>(
        'SELECT substring(bytes FROM $2::int FOR $3::int) AS piece FROM tenon.artifacts WHERE digest = $1',
        [digest, offset + 1, pieceBytes],
      )
      if (rows[0] !== undefined) await file.write(rows[0].piece)
    }
  } finally {
    await file.close()
  }
}

/** Damaged bytes in the database are the same as none: the digest decides. */
function ignoreArchiveError(error: unknown): undefined {
  if (!(error instanceof ArchiveError)) throw error
}
