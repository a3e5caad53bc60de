import type { CatalogEntry, Release } from '@tenon/contract'
import semver from 'semver'

/** Every version that an entry knows of, the newest first: with its notes, or only with the day of its package. */
export function releasesOf(entry: CatalogEntry): Release[] {
  const { releases = [], versions, version } = entry
  const known = new Map<string, Release>([[version, { version, notes: [] }]])
  for (const { version: packed, releasedAt, yanked } of versions) {
    if (!yanked) known.set(packed, { version: packed, notes: [], ...dayOf(releasedAt) })
  }
  for (const release of releases) known.set(release.version, { ...known.get(release.version), ...release })
  return [...known.values()].sort((a, b) => semver.rcompare(a.version, b.version))
}

/** What is new for who goes from one version to another; nothing for who goes back. */
export function releasesBetween(entry: CatalogEntry, from: string | null, to: string): Release[] {
  return releasesOf(entry).filter(
    ({ version }) => semver.lte(version, to) && (from === null ? version === to : semver.gt(version, from)),
  )
}

function dayOf(releasedAt: string | undefined): Pick<Release, 'date'> {
  const day = releasedAt?.slice(0, 10)
  return day !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(day) ? { date: day } : {}
}
