/** Limits of the artifacts stage; each can be set where the host is composed. */
export interface ArtifactLimits {
  /** Size of a package as it is downloaded. */
  maxPackedBytes: number
  /** Size of a package when it is unpacked: a decompression bomb stops here. */
  maxUnpackedBytes: number
  /** Time for the download of one file (S59), and of one package. */
  fileTimeoutMs: number
  downloadTimeoutMs: number
  /** Files that a source-only plugin may consist of. */
  maxSourceFiles: number
  /** Size of one source file, of the plugin or of a package that it uses. */
  maxSourceFileBytes: number
  /** S58: time for `npm install`. */
  npmTimeoutMs: number
  /** Size of everything that npm installed. */
  maxInstalledBytes: number
  /** Time for one run of the bundler. */
  bundleTimeoutMs: number
  /** Time for all of it: fetching, installing and bundling. */
  buildTimeoutMs: number
  /** Builds at the same time; each keeps a processor busy. */
  concurrentBuilds: number
  /** C12: how long the resolution of an unsigned, source-only plugin counts as current. */
  sourceFreshMs: number
  /** Size of an icon. */
  maxIconBytes: number
  /** Code that is kept ready in memory, in characters. */
  memoryCacheSize: number
}

export const artifactLimits: ArtifactLimits = {
  maxPackedBytes: 20_000_000,
  maxUnpackedBytes: 60_000_000,
  fileTimeoutMs: 10_000,
  downloadTimeoutMs: 60_000,
  maxSourceFiles: 50,
  maxSourceFileBytes: 5_000_000,
  npmTimeoutMs: 60_000,
  maxInstalledBytes: 300_000_000,
  bundleTimeoutMs: 30_000,
  buildTimeoutMs: 120_000,
  concurrentBuilds: 2,
  sourceFreshMs: 5 * 24 * 60 * 60_000,
  maxIconBytes: 256_000,
  memoryCacheSize: 50_000_000,
}
