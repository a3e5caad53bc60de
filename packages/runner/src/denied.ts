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

/** Puts `value` in the place of a property for good. */
export function replace(target: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: false, configurable: false, enumerable: false })
}

/** Puts `value` in the place of a property that plugins or their libraries may wrap again. */
export function substitute(target: object, key: PropertyKey, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, configurable: true, enumerable: true })
}
