import { setImmediate as nextTurn } from 'node:timers/promises'
import { openManifest, TenonError, type Manifest } from '@tenon/contract'
import { parseSliceMs } from './catalog-limits.js'
import { makeSearchable, type SearchableEntry } from './search.js'

/** A manifest in the form in which it is asked. Unpublished entries are not in it (S14). */
export interface Contents {
  entries: SearchableEntry[]
  byKey: Map<string, SearchableEntry>
  manifest: Manifest
}

/**
 * Reads a manifest without holding the event loop for long.
 *
 * @throws TenonError MANIFEST_NOT_JSON, MANIFEST_INVALID; the latter also when not one entry of several is valid, for
 *   that is a broken release rather than a decision to offer nothing.
 */
export async function readManifest(text: string, location: string, maxPlugins: number): Promise<Contents> {
  const reader = openManifest(text, location, { maxPlugins })
  let sliceStart = performance.now()
  while (reader.readNext()) {
    if (performance.now() - sliceStart < parseSliceMs) continue
    await nextTurn()
    sliceStart = performance.now()
  }
  const { manifest } = reader
  const firstError = manifest.problems.find(
    ({ severity, path }) => severity === 'error' && !path.startsWith('categories'),
  )
  if (manifest.entries.length === 0 && firstError !== undefined) {
    throw new TenonError('MANIFEST_INVALID', { location, cause: `no entry is valid; ${describe(firstError)}` })
  }
  const entries = manifest.entries.filter(({ isPublished }) => isPublished).map(makeSearchable)
  return { manifest, entries, byKey: new Map(entries.map((searchable) => [searchable.entry.key, searchable])) }
}

function describe({ index, path, message }: Manifest['problems'][number]): string {
  return `plugins[${index}]${path === '' ? '' : `.${path}`}: ${message}`
}
