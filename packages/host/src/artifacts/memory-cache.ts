import type { VerifiedArtifact } from '@tenon/contract'

/** The artifacts that were used last, up to a number of characters of code. */
export function createMemoryCache(maxSize: number) {
  const kept = new Map<string, VerifiedArtifact>()
  let size = 0

  function drop(digest: string): void {
    size -= kept.get(digest)?.code.length ?? 0
    kept.delete(digest)
  }

  return {
    get(digest: string): VerifiedArtifact | undefined {
      const artifact = kept.get(digest)
      if (artifact === undefined) return undefined
      kept.delete(digest)
      kept.set(digest, artifact)
      return artifact
    },
    keep(artifact: VerifiedArtifact): VerifiedArtifact {
      drop(artifact.digest)
      if (artifact.code.length > maxSize) return artifact
      kept.set(artifact.digest, artifact)
      size += artifact.code.length
      for (const oldest of kept.keys()) {
        if (size <= maxSize) break
        drop(oldest)
      }
      return artifact
    },
  }
}
