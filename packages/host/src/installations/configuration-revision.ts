import { createHash } from 'node:crypto'
import type { Installation } from './installation-store.js'

/**
 * Names what was saved: of a secret, when and by whom. Neither its value is part of it, which could then be guessed, nor its
 * seal, which is another one after a rotation of keys.
 */
export function configurationRevisionOf({ configuration }: Pick<Installation, 'configuration'>): string {
  const text = JSON.stringify(configuration, (name, value: unknown) => (name === '$sealed' ? '' : value))
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
