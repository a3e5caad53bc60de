import type { CatalogEntry, OperatorCeiling } from '@tenon/contract'

/**
 * The values that a plugin finds in `process.env`: what it asks for, of what the operator allows this plugin, as far as
 * it is set.
 */
export function environmentFor(
  { key, permissions }: CatalogEntry,
  { environment = {} }: Pick<OperatorCeiling, 'environment'>,
): Record<string, string> {
  // Asked again at each call: what the operator allowed when it was installed may be over.
  const allowed = Object.hasOwn(environment, key) ? (environment[key] ?? []) : []
  const names = (permissions?.environment ?? []).filter((name) => allowed.includes(name))
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = process.env[name]
      return value === undefined ? [] : [[name, value] as const]
    }),
  )
}
