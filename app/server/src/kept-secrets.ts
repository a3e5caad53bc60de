import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import type { Settings } from './env.js'

export interface Secrets {
  /** The first key seals, all of them open. */
  secretKeys: string[]
  jwtSecret: string
}

const keptSchema = z.object({ secretKey: z.string().min(32), jwtSecret: z.string().min(32) })
type Kept = z.infer<typeof keptSchema>

/**
 * The secrets of the settings; what is absent there is generated once and kept in the data directory, readable by its
 * owner alone. Production never gets here without secrets of its own, see `parseSettings`.
 *
 * @throws Error when the kept file exists but is damaged: generating anew would make every sealed value unreadable.
 */
export async function resolveSecrets(
  settings: Pick<Settings, 'dataDir' | 'secretKeys' | 'jwtSecret'>,
  log: { warn(fields: object, message: string): void },
): Promise<Secrets> {
  const { secretKeys, jwtSecret } = settings
  if (secretKeys && jwtSecret) return { secretKeys, jwtSecret }
  const file = join(settings.dataDir, 'secrets.json')
  const kept = (await readKept(file)) ?? (await generate(settings.dataDir, file, log))
  return { secretKeys: secretKeys ?? [kept.secretKey], jwtSecret: jwtSecret ?? kept.jwtSecret }
}

async function readKept(file: string): Promise<Kept | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return keptSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new Error(`${file} is damaged. Restore it from a backup, or set TENON_SECRET_KEY and JWT_SECRET.`, { cause })
  }
}

/** Written beside and linked into place, so that two servers that start together agree on one file. */
async function generate(
  dataDir: string,
  file: string,
  log: { warn(fields: object, message: string): void },
): Promise<Kept> {
  // Others may pass through but not look: started by root, Postgres runs under an account of its own.
  await mkdir(dataDir, { recursive: true, mode: 0o711 })
  const secrets: Kept = { secretKey: newSecret(), jwtSecret: newSecret() }
  const draft = `${file}.${randomBytes(6).toString('hex')}`
  await writeFile(draft, JSON.stringify(secrets, null, 2), { mode: 0o600, flag: 'wx' })
  try {
    await link(draft, file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    return (await readKept(file)) ?? secrets
  } finally {
    await rm(draft, { force: true })
  }
  log.warn({ file }, 'generated secrets for local use; keep this file with your backups')
  return secrets
}

function newSecret(): string {
  return randomBytes(48).toString('base64url')
}
