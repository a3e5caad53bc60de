import type { MaskedSecret } from '@tenon/contract'

/** True for what stands in an answer where a secret is. */
export function isMasked(value: unknown): value is MaskedSecret {
  return typeof value === 'object' && value !== null && '$secret' in value
}

/** Long enough for whatever a schema asks of the length of a secret. */
const standIn = '•'.repeat(64)

/**
 * A configuration as its schema describes it: a secret that is kept counts as one that was entered, and one that is
 * taken away as one that was not.
 */
export function withSecretsAsText(value: unknown): unknown {
  if (isMasked(value)) return standIn
  if (Array.isArray(value)) return value.map(withSecretsAsText)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, part]) => part !== null && part !== undefined)
  return Object.fromEntries(entries.map(([name, part]) => [name, withSecretsAsText(part)]))
}
