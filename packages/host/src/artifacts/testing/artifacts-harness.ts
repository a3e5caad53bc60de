import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createTestDatabase } from '@tenon/embedded-postgres/testing'
import pg from 'pg'
import { createMigrator } from '../../migrations/index.js'
import {
  createArtifactStore,
  createArtifacts,
  resolveArtifactLimits,
  type Artifacts,
  type ArtifactsOptions,
} from '../index.js'
import { artifactsMigration } from '../migration.js'

export interface ArtifactsHarness {
  pool: pg.Pool
  /** A host of its own: the database is shared, the disk is not. */
  newHost: (location: string, options?: Partial<ArtifactsOptions>) => Promise<TestHost>
  close: () => Promise<void>
}

export interface TestHost {
  artifacts: Artifacts
  cacheDir: string
  /** What is left of builds. */
  leftovers: () => Promise<string[]>
}

/** Real Postgres, real disk. */
export async function createArtifactsHarness(): Promise<ArtifactsHarness> {
  const database = await createTestDatabase()
  const pool = new pg.Pool({ ...database.connection, max: 4 })
  await createMigrator({ pool, platform: [artifactsMigration], tenant: [] }).up()
  const folder = await mkdtemp(join(tmpdir(), 'tenon-artifacts-'))
  const npmCache = join(folder, 'shared-temp')
  let hosts = 0

  return {
    pool,
    async newHost(location, options = {}) {
      hosts += 1
      const cacheDir = join(folder, `cache-${hosts}`)
      const store = createArtifactStore({ pool, cacheDir, limits: resolveArtifactLimits(options.limits) })
      const artifacts = createArtifacts({ location, fetch, store, tempDir: npmCache, ...options })
      return { artifacts, cacheDir, leftovers: () => readdir(join(npmCache, 'builds')).catch(() => []) }
    },
    async close() {
      await pool.end()
      await database.drop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
