import { createHash } from 'node:crypto'
import type { Installation } from './installation-store.js'

/** Names what is stored: secrets are sealed in it, so it tells nothing of them. */
export function configurationRevisionOf({ configuration }: Pick<Installation, 'configuration'>): string {
  return createHash('sha256').update(JSON.stringify(configuration)).digest('hex').slice(0, 32)
}
