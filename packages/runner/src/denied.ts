/** What a plugin gets for something that the sandbox does not have. */
export class SandboxDenial extends Error {
  override readonly name = 'SandboxDenial'
  readonly code = 'ERR_PLUGIN_DENIED'
}

/** A function that refuses, and says what was refused and what to use instead. */
export function denied(what: string, instead = ''): (...args: unknown[]) => never {
  return function refuse(): never {
    throw new SandboxDenial(`${what} is not available to plugins.${instead && ` ${instead}`}`)
  }
}

/**
 * Puts `value` in the place of a property. It stays writable: parts of Node that load later wrap such properties again,
 * and what was there before is gone either way.
 */
export function replace(target: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: true })
}
