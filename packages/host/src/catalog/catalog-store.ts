import type { Pool } from 'pg'

/** A manifest as it was fetched: its text, and what the server said of it. */
export interface CatalogCopy {
  manifest: string
  etag: string | undefined
  lastModified: string | undefined
  fetchedAt: Date
}

/** Keeps the last good copy of a manifest. */
export interface CatalogStore {
  load: (location: string) => Promise<CatalogCopy | undefined>
  save: (location: string, copy: CatalogCopy) => Promise<void>
  /** Notes that the copy was still current at this time. */
  confirm: (location: string, fetchedAt: Date) => Promise<void>
}

interface CatalogRow {
  manifest: string
  etag: string | null
  last_modified: string | null
  fetched_at: Date
}

/** A store in `tenon.catalog_copies`, shared by all replicas. */
export function createPostgresCatalogStore(pool: Pool): CatalogStore {
  return {
    async load(location) {
      const { rows } = await pool.query<CatalogRow>(
        'SELECT manifest, etag, last_modified, fetched_at FROM tenon.catalog_copies WHERE location = $1',
        [location],
      )
      return rows[0] === undefined ? undefined : toCopy(rows[0])
    },
    async save(location, { manifest, etag, lastModified, fetchedAt }) {
      await pool.query(
        `INSERT INTO tenon.catalog_copies (location, manifest, etag, last_modified, fetched_at)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (location) DO UPDATE SET manifest = EXCLUDED.manifest, etag = EXCLUDED.etag,
           last_modified = EXCLUDED.last_modified, fetched_at = EXCLUDED.fetched_at`,
        [location, manifest, etag ?? null, lastModified ?? null, fetchedAt],
      )
    },
    async confirm(location, fetchedAt) {
      await pool.query('UPDATE tenon.catalog_copies SET fetched_at = $2 WHERE location = $1', [location, fetchedAt])
    },
  }
}

function toCopy(row: CatalogRow): CatalogCopy {
  return {
    manifest: row.manifest,
    etag: row.etag ?? undefined,
    lastModified: row.last_modified ?? undefined,
    fetchedAt: row.fetched_at,
  }
}
