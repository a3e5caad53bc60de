/** What a plugin gets when it needs a permission that the organization has not granted. */
export interface PermissionDenied extends Error {
  name: 'PermissionDenied'
  code: 'PERMISSION_DENIED'
  /** As people grant it: `table:risks:insert`, `connection:workspace`, `publish:risk.imported`. */
  permission: string
}

/**
 * True for an error that says a permission is missing, so that a plugin can do without what it was not granted. A refused
 * connection to a host is not one: `fetch` fails with a cause whose code is EACCES.
 *
 * @since 0.1.0
 */
export function isPermissionDenied(error: unknown): error is PermissionDenied {
  return error instanceof Error && 'code' in error && error.code === 'PERMISSION_DENIED'
}
