import type { VerifiedArtifact } from '@tenon/contract'

/** The artifacts that were used last, up to a number of characters of code. */
export function createMemoryCache(maxSize: number) {
  const kept = new Map<string, VerifiedArtifact>()
  let size = 0

  function drop(digest: string): void {
    size -= lengthOf(kept.get(digest))
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
      if (lengthOf(artifact) > maxSize) return artifact
      kept.set(artifact.digest, artifact)
      size += lengthOf(artifact)
      for (const oldest of kept.keys()) {
        if (size <= maxSize) break
        drop(oldest)
      }
      return artifact
    },
  }
}

function lengthOf(artifact: VerifiedArtifact | undefined): number {
  if (artifact === undefined) return 0
  return artifact.code.length + (artifact.files.ui?.length ?? 0) + (artifact.files.uiStyle?.length ?? 0)
}
