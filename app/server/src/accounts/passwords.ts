import { randomBytes } from 'node:crypto'
import { hash, verify } from '@node-rs/argon2'
import { TenonError } from '@tenon/contract'

export interface Passwords {
  hash(password: string): Promise<string>
  /** Takes as long when there is no hash as when there is one, so that nobody can find out which addresses have users. */
  verify(passwordHash: string | undefined, password: string): Promise<boolean>
}

/** Every one takes 19 MiB and a thread of the four that reading files and looking up names need as well. */
const maxAtWork = 2
/** More would wait longer than people do. */
const maxWaiting = 100

/**
 * Argon2id with the parameters of the library (19 MiB, 2 passes), which are those that OWASP recommends. A few at a
 * time; hash() and verify() throw TenonError LOGIN_LIMIT when too many wait already.
 */
export function createPasswords(): Passwords {
  const inTurn = createTurns()
  const decoy = inTurn(() => hash(randomBytes(16).toString('hex')))
  return {
    hash: (password) => inTurn(() => hash(password)),
    async verify(passwordHash, password) {
      const expected = passwordHash ?? (await decoy)
      const matches = await inTurn(() => verify(expected, password))
      return matches && passwordHash !== undefined
    },
  }
}

function createTurns() {
  const waiting: (() => void)[] = []
  let atWork = 0
  return async <Result>(work: () => Promise<Result>): Promise<Result> => {
    if (atWork < maxAtWork) atWork++
    else {
      if (waiting.length >= maxWaiting) throw new TenonError('LOGIN_LIMIT', { seconds: 1 })
      // Whoever is done hands its place on, so that nobody can take it in between.
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else atWork--
    }
  }
}
