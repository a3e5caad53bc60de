import type { CatalogEntry } from '@tenon/contract'

/** An entry with what is searched in it, in lower case. */
export interface SearchableEntry {
  entry: CatalogEntry
  names: string[]
  tags: string[]
  text: string
}

export function makeSearchable(entry: CatalogEntry): SearchableEntry {
  return {
    entry,
    names: [entry.displayName, entry.name, entry.key].map((name) => name.toLowerCase()),
    tags: entry.tags.map((tag) => tag.toLowerCase()),
    text: entry.description.toLowerCase(),
  }
}

/** Entries that contain the query, whatever its case: in a name first, then in a tag, then in the description (S30). */
export function searchEntries(entries: readonly SearchableEntry[], query: string): CatalogEntry[] {
  const wanted = query.trim().toLowerCase()
  if (wanted === '') return []
  return entries
    .map((searchable) => ({ entry: searchable.entry, rank: rankOf(searchable, wanted) }))
    .filter(({ rank }) => rank > 0)
    .sort((a, b) => b.rank - a.rank || compareText(a.entry.displayName, b.entry.displayName))
    .map(({ entry }) => entry)
}

function rankOf({ names, tags, text }: SearchableEntry, wanted: string): number {
  if (names.includes(wanted)) return 6
  if (names.some((name) => name.startsWith(wanted))) return 5
  if (names.some((name) => name.includes(wanted))) return 4
  if (tags.includes(wanted)) return 3
  if (tags.some((tag) => tag.includes(wanted))) return 2
  return text.includes(wanted) ? 1 : 0
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
