import type * as z from 'zod'
import { canonicalJson } from './canonical-json.js'
import { catalogEntrySchema, type CatalogEntry } from './catalog.js'

/**
 * What a package says of itself, in `manifest.json` inside the archive. The digest of a package covers it, so an
 * organization consents to exactly these permissions when it installs exactly this code.
 */
export const artifactManifestSchema = catalogEntrySchema.pick({
  key: true,
  version: true,
  permissions: true,
  contributes: true,
  engines: true,
})

export type ArtifactManifest = z.infer<typeof artifactManifestSchema>

/** Texts that come with the code, for people. */
export interface ArtifactFiles {
  /** SVG. Still the plugin author's text: serve it as an image, never inline. */
  icon?: string
  /** Markdown. */
  readme?: string
  /** Markdown. */
  changelog?: string
  /** Script of a UI of its own, for the browser. */
  ui?: string
  /** Style sheet of that UI. */
  uiStyle?: string
}

declare const verified: unique symbol

/**
 * Code whose bytes are known: the only thing that a plugin process can be started with. Nothing but the artifacts stage
 * of the host can make one, so that unverified code cannot reach a process by mistake.
 *
 * @since 0.1.0
 */
export interface VerifiedArtifact {
  readonly [verified]: true
  /** SHA-256 of the canonical, uncompressed archive, in hexadecimal. */
  readonly digest: string
  readonly pluginKey: string
  readonly version: string
  /** One CommonJS file. */
  readonly code: string
  /** What was packed with the code, and thereby consented to. */
  readonly manifest: ArtifactManifest
  /** Bytes of the uncompressed archive. */
  readonly size: number
  readonly files: Readonly<ArtifactFiles>
}

/** The part of a marketplace entry that its package must repeat. */
export function artifactManifestOf(entry: CatalogEntry): ArtifactManifest {
  const { key, version, permissions, contributes, engines } = entry
  return {
    key,
    version,
    ...(permissions === undefined ? {} : { permissions }),
    ...(contributes === undefined ? {} : { contributes }),
    ...(engines === undefined ? {} : { engines }),
  }
}

/** The parts in which a package says something else than the marketplace; empty when they agree. */
export function manifestDifferences(packed: ArtifactManifest, shown: ArtifactManifest): (keyof ArtifactManifest)[] {
  const parts = ['key', 'version', 'permissions', 'contributes', 'engines'] as const
  return parts.filter((part) => canonicalJson(packed[part]) !== canonicalJson(shown[part]))
}
