import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'

export interface Passwords {
  hash(password: string): Promise<string>
  /** Takes as long when there is no hash as when there is one, so that nobody can find out which addresses have users. */
  verify(passwordHash: string | undefined, password: string): Promise<boolean>
}

/** Argon2id with the parameters of the library (19 MiB, 2 passes), which are those that OWASP recommends. */
export function createPasswords(): Passwords {
  const decoy = hash(randomBytes(16).toString('hex'))
  return {
    hash: (password) => hash(password),
    async verify(passwordHash, password) {
      const matches = await verify(passwordHash ?? (await decoy), password)
      return matches && passwordHash !== undefined
    },
  }
}
