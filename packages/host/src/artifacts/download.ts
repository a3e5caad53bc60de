import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { TenonError, type ArtifactReference } from '@tenon/contract'
import { MarketplaceFileError, type MarketplaceFiles } from '../marketplace-files.js'
import type { ArtifactLimits } from './artifact-limits.js'

/**
 * Downloads a package to a file, as many bytes as the manifest says and no more.
 *
 * @throws TenonError ARTIFACT_TOO_LARGE, ARTIFACT_TRUNCATED, ARTIFACT_SIZE_MISMATCH, ARTIFACT_UNREACHABLE
 */
export async function downloadPackage(
  files: MarketplaceFiles,
  { path, size: expected }: ArtifactReference,
  to: string,
  plugin: string,
  limits: ArtifactLimits,
): Promise<void> {
  const limit = limits.maxPackedBytes
  if (expected > limit) throw new TenonError('ARTIFACT_TOO_LARGE', { plugin, limit })
  let actual = 0
  const counted = async function* (chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      actual += chunk.byteLength
      if (actual > expected)
        throw new TenonError('ARTIFACT_SIZE_MISMATCH', { plugin, actual: `${actual} or more`, expected })
      yield chunk
    }
  }
  try {
    const file = await files.open(path, { signal: AbortSignal.timeout(limits.downloadTimeoutMs), identity: true })
    if (file.status !== 'found') throw new MarketplaceFileError(`there is no ${path}`)
    await pipeline(counted(file.chunks), createWriteStream(to, { mode: 0o600 }))
  } catch (cause) {
    if (!(cause instanceof MarketplaceFileError)) throw cause
    if (actual > 0) throw new TenonError('ARTIFACT_TRUNCATED', { plugin, actual, expected }, { cause })
    throw new TenonError('ARTIFACT_UNREACHABLE', { plugin, cause: cause.message }, { cause })
  }
  if (actual < expected) throw new TenonError('ARTIFACT_TRUNCATED', { plugin, actual, expected })
}
