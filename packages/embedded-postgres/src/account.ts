import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, stat } from 'node:fs/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.js'
import { errorCode } from './error-code.js'

/** The operating-system account that the server runs under. */
export interface Account {
  uid: number
  gid: number
  name: string
}

/**
 * Postgres refuses to run as root, so root hands it to the first existing account of `preferred`, postgres, nobody.
 * A cluster that exists already keeps its owner. Undefined: the server runs as whoever we are.
 * @throws EmbeddedPostgresError ACCOUNT_MISSING
 */
export async function chooseAccount(clusterDir: string, preferred: string | undefined): Promise<Account | undefined> {
  if (process.geteuid?.() !== 0) return undefined
  const owner = await stat(clusterDir).catch(() => undefined)
  if (owner && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, name: `uid ${owner.uid}` }
  const accounts = parsePasswd(await readFile('/etc/passwd', 'utf8'))
  for (const name of [preferred, 'postgres', 'nobody']) {
    const account = accounts.find((candidate) => candidate.name === name && candidate.uid !== 0)
    if (account) return account
  }
  throw new EmbeddedPostgresError(
    'ACCOUNT_MISSING',
    'PostgreSQL does not run as root, and neither "postgres" nor "nobody" exists here. Set EMBEDDED_PG_USER to an ordinary account, or start as an ordinary user.',
  )
}

/** Whether the account may execute that file (or pass that directory), all its parent directories included. */
export async function canExecute(account: Account | undefined, file: string): Promise<boolean> {
  if (process.platform === 'win32') return true
  try {
    const options = { cwd: '/', stdio: 'ignore', ...asAccount(account) } as const
    const [status] = (await once(spawn('/bin/sh', ['-c', '[ -x "$1" ]', 'sh', file], options), 'exit')) as [
      number | null,
    ]
    return status === 0
  } catch (error) {
    if (!account || errorCode(error) !== 'EPERM') throw error
    throw new EmbeddedPostgresError(
      'ACCOUNT_MISSING',
      `PostgreSQL does not run as root, and this root may not switch to the account ${account.name}. Start as an ordinary user, or grant the capabilities SETUID, SETGID and CHOWN.`,
      { cause: error },
    )
  }
}

/** The part of the options of `spawn` that switches the account. */
export function asAccount(account: Account | undefined): { uid?: number; gid?: number } {
  return account ? { uid: account.uid, gid: account.gid } : {}
}

function parsePasswd(text: string): Account[] {
  return text.split('\n').map((line) => {
    const [name = '', , uid = '', gid = ''] = line.split(':')
    return { name, uid: Number(uid), gid: Number(gid) }
  })
}
