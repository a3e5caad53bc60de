/** What a plugin gets when it needs a permission that the organization has not granted. */
export interface PermissionDenied extends Error {
  name: 'PermissionDenied'
  /** EACCES for a connection to a host, as the libraries of Node know it. */
  code: 'PERMISSION_DENIED' | 'EACCES'
  /** As people grant it: `table:risks:insert`, `connection:workspace`, `publish:risk.imported`, `network:api.example.com:443`. */
  permission: string
}

/**
 * True for an error that says a permission is missing, so that a plugin can do without what it was not granted. Looks into
 * the causes too: `fetch` fails with an error of its own around that of the connection.
 *
 * @since 0.1.0
 */
export function isPermissionDenied(error: unknown): error is Error {
  return denialIn(error) !== undefined
}

/**
 * The permission that is missing, as people grant it; undefined for any other error.
 *
 * @example
 * ```ts
 * const rates = await fetch('https://rates.example.com/').catch((error) => {
 *   if (missingPermission(error) !== 'network:rates.example.com:443') throw error
 *   return undefined
 * })
 * ```
 * @since 0.1.0
 */
export function missingPermission(error: unknown): string | undefined {
  return denialIn(error)?.permission
}

function denialIn(error: unknown, depth = 3): PermissionDenied | undefined {
  if (!(error instanceof Error) || depth === 0) return undefined
  return error.name === 'PermissionDenied' ? (error as PermissionDenied) : denialIn(error.cause, depth - 1)
}
