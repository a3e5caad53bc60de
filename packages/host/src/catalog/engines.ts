import type { CatalogEntry } from '@tenon/contract'
import semver from 'semver'

/** Why an entry does not run on this version of Tenon; empty when it does, or says nothing about it. */
export function engineRefusals(entry: Pick<CatalogEntry, 'engines'>, hostVersion: string): string[] {
  const range = entry.engines?.tenon
  if (range === undefined) return []
  if (semver.validRange(range) === null) return [`asks for the Tenon version "${range}", which is not a version range`]
  const runs = semver.satisfies(hostVersion, range, { includePrerelease: true })
  return runs ? [] : [`asks for Tenon ${range}, and this is ${hostVersion}`]
}
