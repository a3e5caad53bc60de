import { createHash, createHmac } from 'node:crypto'

/** Proof keys for code exchange (RFC 7636): who has seen the code on its way through the browser cannot use it. */
export interface ProofKeys {
  /** What the exchange is proved with. The state goes through the browser; the key that makes this of it does not. */
  verifierOf(state: string): string
  /** What is sent ahead, with the method S256. */
  challengeOf(state: string): string
}

/** @param key 32 random bytes of this installation, kept sealed */
export function createProofKeys(key: Buffer): ProofKeys {
  const verifierOf = (state: string) => createHmac('sha256', key).update(`pkce ${state}`).digest('base64url')
  return {
    verifierOf,
    challengeOf: (state) => createHash('sha256').update(verifierOf(state)).digest('base64url'),
  }
}
