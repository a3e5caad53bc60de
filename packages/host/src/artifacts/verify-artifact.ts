import {
  artifactManifestOf,
  artifactManifestSchema,
  manifestDifferences,
  TenonError,
  type ArtifactManifest,
  type CatalogEntry,
  type VerifiedArtifact,
} from '@tenon/contract'
import type { ReadArchive } from './archive.js'

/**
 * The one place that makes a `VerifiedArtifact`: from an archive whose digest was compared with the one that was asked
 * for. Its manifest must be readable, for it is what an organization consents to.
 *
 * @throws TenonError ARTIFACT_DIGEST_MISMATCH, ARTIFACT_UNSAFE
 */
export function verifyArtifact(archive: ReadArchive, expectedDigest: string, plugin: string): VerifiedArtifact {
  const { digest, size, code, files } = archive
  if (digest !== expectedDigest) {
    throw new TenonError('ARTIFACT_DIGEST_MISMATCH', { plugin, actual: digest, expected: expectedDigest })
  }
  const parsed = artifactManifestSchema.safeParse(archive.manifest)
  if (!parsed.success) {
    const issue = parsed.error.issues[0]
    const reason = `its manifest.json is not valid: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`
    throw new TenonError('ARTIFACT_UNSAFE', { plugin, reason })
  }
  const manifest: ArtifactManifest = parsed.data
  if (manifest.contributes?.ui !== undefined && files.ui === undefined) {
    throw new TenonError('ARTIFACT_UNSAFE', {
      plugin,
      reason: 'it says that it brings a UI, and there is no ui.js in it',
    })
  }
  const artifact = { digest, size, code, files, manifest, pluginKey: manifest.key, version: manifest.version }
  return Object.freeze(artifact) as unknown as VerifiedArtifact
}

/**
 * Compares a package with what the marketplace shows of it. Of an older version the marketplace shows the number only.
 *
 * @throws TenonError ARTIFACT_MANIFEST_MISMATCH
 */
export function assertMatchesEntry(artifact: VerifiedArtifact, entry: CatalogEntry, version: string): void {
  const shown = { ...artifactManifestOf(entry), version }
  const isCurrent = version === entry.version
  const different = manifestDifferences(artifact.manifest, shown).filter(
    (part) => isCurrent || part === 'key' || part === 'version',
  )
  if (different.length === 0) return
  throw new TenonError('ARTIFACT_MANIFEST_MISMATCH', { plugin: entry.displayName, reason: different.join(', ') })
}
