import { randomBytes } from 'node:crypto'
import { link, mkdir, readFile, readdir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { EmbeddedPostgresError } from './embedded-postgres-error.js'
import { errorCode } from './error-code.js'
import { type ProcessIdentity, currentProcessTable, isSameProcessAlive, thisProcess } from './process-identity.js'

/** How often a holder touches its file; only holders in another process table (a container) are judged by it. */
const HEARTBEAT_MS = 2_000
/** Three missed heartbeats. */
const SILENT_AFTER_MS = 3 * HEARTBEAT_MS
/** Old generations stay for a while, because a directory listing is not a snapshot. */
const GENERATIONS_KEPT = 8

export interface HostLock {
  release: () => Promise<void>
}

interface LockRecord extends ProcessIdentity {
  released: boolean
}

/**
 * Makes this process the only host of a data directory, until `release()` or its death.
 *
 * Node has no flock, and a lock file that is deleted when stale can be deleted twice: by two hosts that both saw the
 * dead owner, the second one deleting the new owner's file. So nothing is ever replaced. The lock is the file with the
 * highest number; who finds its owner dead creates the next number, which the file system grants to one process only.
 * @throws EmbeddedPostgresError DATA_DIR_IN_USE
 */
export async function takeHostLock(dataDir: string): Promise<HostLock> {
  const directory = path.join(dataDir, 'host-lock')
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const me = await thisProcess()
  for (;;) {
    const newest = (await generations(directory)).at(-1) ?? 0
    const holder = newest === 0 ? undefined : await livingHolder(path.join(directory, String(newest)))
    if (holder) throw inUse(dataDir, holder, me)
    const mine = newest + 1
    if (await createGeneration(directory, mine, { ...me, released: false })) {
      const file = path.join(directory, String(mine))
      const now = await generations(directory)
      if (now.at(-1) === mine) return holdLock(directory, file, now, me)
      await rm(file, { force: true })
    }
    // Somebody else was faster: look again, and meet that holder.
  }
}

function inUse(dataDir: string, holder: ProcessIdentity, me: ProcessIdentity): EmbeddedPostgresError {
  const who =
    holder.processTable !== me.processTable
      ? `a process in another container or on another machine (pid ${holder.pid} there)`
      : holder.pid === me.pid
        ? `this same process (pid ${me.pid})`
        : `the process with pid ${holder.pid}`
  return new EmbeddedPostgresError(
    'DATA_DIR_IN_USE',
    `The data directory ${dataDir} is in use by ${who}. Stop that process, or give this one a directory of its own: set TENON_DATA_DIR.`,
  )
}

async function generations(directory: string): Promise<number[]> {
  const names = await readdir(directory)
  return names
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b)
}

/** A link appears with its whole content or not at all; a file opened with O_EXCL would be empty for a moment. */
async function createGeneration(directory: string, generation: number, record: LockRecord): Promise<boolean> {
  const draft = path.join(directory, `draft-${process.pid}-${randomBytes(6).toString('hex')}`)
  await writeFile(draft, JSON.stringify(record), { mode: 0o600 })
  try {
    await link(draft, path.join(directory, String(generation)))
    return true
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

function holdLock(directory: string, file: string, all: number[], me: ProcessIdentity): HostLock {
  const heartbeat = setInterval(() => {
    const now = new Date()
    utimes(file, now, now).catch(() => undefined)
  }, HEARTBEAT_MS)
  heartbeat.unref()
  const past = all.slice(0, -GENERATIONS_KEPT).map((generation) => rm(path.join(directory, String(generation))))
  Promise.all(past).catch(() => undefined)
  let released: Promise<void> | undefined
  return {
    release() {
      clearInterval(heartbeat)
      released ??= markReleased(file, me)
      return released
    },
  }
}

/** The number must live on, or a slow competitor could be granted a lower one than the next holder. */
async function markReleased(file: string, me: ProcessIdentity): Promise<void> {
  const draft = path.join(path.dirname(file), `draft-${process.pid}-${randomBytes(6).toString('hex')}`)
  try {
    await writeFile(draft, JSON.stringify({ ...me, released: true } satisfies LockRecord), { mode: 0o600 })
    await rename(draft, file)
  } catch (error) {
    // The whole data directory may have been removed meanwhile, which releases it as well.
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

async function livingHolder(file: string): Promise<LockRecord | undefined> {
  const record = await readRecord(file)
  if (!record || record.released) return undefined
  if (record.processTable === (await currentProcessTable())) {
    return (await isSameProcessAlive(record)) ? record : undefined
  }
  return (await keepsBeating(file)) ? record : undefined
}

async function readRecord(file: string): Promise<LockRecord | undefined> {
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as Partial<LockRecord>
    const { pid = 0, startedAt = '', processTable = '', released = false } = value
    return { pid, startedAt, processTable, released }
  } catch (error) {
    // Gone: a newer generation exists. Not JSON: the machine died before the content reached the disk.
    if (errorCode(error) === 'ENOENT' || error instanceof SyntaxError) return undefined
    throw error
  }
}

async function keepsBeating(file: string): Promise<boolean> {
  const first = await modifiedAt(file)
  if (Date.now() - first > 10 * SILENT_AFTER_MS) return false
  for (let waited = 0; waited < SILENT_AFTER_MS; waited += 200) {
    await sleep(200)
    if ((await modifiedAt(file)) !== first) return true
  }
  return false
}

async function modifiedAt(file: string): Promise<number> {
  try {
    return (await stat(file)).mtimeMs
  } catch {
    return 0
  }
}
