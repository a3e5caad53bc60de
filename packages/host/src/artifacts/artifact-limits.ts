import { limit, type LimitsOf, limitsOf, minute } from '../limit-table.js'

/** What code may take until it can run. */
export const artifactLimitTable = {
  maxPackedBytes: limit(20_000_000, 'bytes', 'of a package as it is downloaded'),
  maxUnpackedBytes: limit(60_000_000, 'bytes', 'of a package when it is unpacked: a decompression bomb stops here'),
  fileTimeoutMs: limit(10_000, 'ms', 'for the download of one file'),
  downloadTimeoutMs: limit(minute, 'ms', 'for the download of one package'),
  maxSourceFiles: limit(50, 'files', 'that a source-only plugin may consist of'),
  maxSourceFileBytes: limit(5_000_000, 'bytes', 'of one source file, of the plugin or of a package that it uses'),
  npmTimeoutMs: limit(minute, 'ms', 'for `npm install`'),
  maxInstalledBytes: limit(300_000_000, 'bytes', 'of everything that npm installed'),
  bundleTimeoutMs: limit(30_000, 'ms', 'for one run of the bundler'),
  buildTimeoutMs: limit(2 * minute, 'ms', 'for all of it: fetching, installing and bundling'),
  concurrentBuilds: limit(2, 'builds', 'each keeps a processor busy'),
  sourceFreshMs: limit(
    5 * 24 * 60 * minute,
    'ms',
    'for which the build of a plugin without a digest counts as current',
  ),
  maxIconBytes: limit(256_000, 'bytes', 'of an icon'),
  memoryCacheSize: limit(50_000_000, 'characters', 'of code that is kept ready in memory'),
} as const

export type ArtifactLimits = LimitsOf<typeof artifactLimitTable>

export function resolveArtifactLimits(overrides: Partial<ArtifactLimits> = {}): ArtifactLimits {
  return limitsOf(artifactLimitTable, overrides)
}
