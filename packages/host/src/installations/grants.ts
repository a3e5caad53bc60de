import { askedPermissions, type CatalogEntry } from '@tenon/contract'

interface Listed {
  ids: ReadonlySet<string>
  text: string
}

/** By the entry, whose permissions are listed once: they are asked for with each call and each use. */
const listed = new WeakMap<CatalogEntry, Listed>()

function listOf(entry: CatalogEntry): Listed {
  const known = listed.get(entry)
  if (known) return known
  const ids = askedPermissions(entry).map(({ id }) => id)
  const list = { ids: new Set(ids), text: ids.toSorted().join(' ') }
  listed.set(entry, list)
  return list
}

export const asksFor = (entry: CatalogEntry, permission: string): boolean => listOf(entry).ids.has(permission)

/** What a plugin may, as one text; of an entry with what is granted only. */
export const grantsOf = (manifest: CatalogEntry): string => listOf(manifest).text
