import { TenonError, askedPermissions, type CatalogEntry } from '@tenon/contract'

/** What a person was shown of a plugin before they agreed to it. */
export interface Shown {
  version: string
  /** SHA-256 of its code, where that was known. */
  digest?: string | undefined
  /** Ids of all that it asks for; null for a plugin that declares nothing. */
  permissions: readonly string[] | null
}

/**
 * @param digest of the code that would run; undefined where it is not known before it is fetched
 * @throws TenonError CONSENT_OUTDATED when something else would run, or ask for something else, than what was shown
 */
export function assertShown(entry: CatalogEntry, digest: string | undefined, shown: Shown): void {
  const changes = changesSince(entry, digest, shown)
  if (changes.length === 0) return
  throw new TenonError('CONSENT_OUTDATED', {
    plugin: entry.displayName,
    version: entry.version,
    changes: changes.join('; '),
  })
}

function changesSince(entry: CatalogEntry, digest: string | undefined, shown: Shown): string[] {
  const asked = askedPermissions(entry)
  const known = shown.permissions ?? []
  const added = asked.filter(({ id }) => !known.includes(id))
  const hasCode = shown.digest === undefined || shown.digest === digest
  return [
    ...(shown.version === entry.version ? [] : [`it is at version ${entry.version} now`]),
    ...(hasCode || shown.version !== entry.version ? [] : ['its code is another one']),
    ...(added.length > 0 ? [`it asks for more: ${added.map(({ sentence }) => sentence).join('; ')}`] : []),
    ...(known.some((id) => !asked.some((one) => one.id === id)) ? ['it asks for less'] : []),
    ...declarationChange(entry, shown),
  ]
}

function declarationChange({ permissions }: CatalogEntry, shown: Shown): string[] {
  if (permissions === undefined && shown.permissions !== null) return ['it no longer declares what it needs']
  return permissions !== undefined && shown.permissions === null ? ['it declares what it needs now'] : []
}
