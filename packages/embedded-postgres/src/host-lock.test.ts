import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { takeHostLock } from './host-lock.js'

let dataDir: string

beforeEach(async () => {
  dataDir = await mkdtemp(path.join(os.tmpdir(), 'tenon-lock-'))
})

afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true })
})

async function leaveRecord(content: string, silentForMs = 0): Promise<string> {
  const file = path.join(dataDir, 'host-lock', '1')
  await mkdir(path.dirname(file))
  await writeFile(file, content)
  const then = new Date(Date.now() - silentForMs)
  await utimes(file, then, then)
  return file
}

const elsewhere = JSON.stringify({ pid: 1, startedAt: '1', processTable: 'another container', released: false })

describe('takeHostLock', () => {
  it('gives the lock to exactly one of twenty, and to the next one after its release', async () => {
    const all = await Promise.allSettled(Array.from({ length: 20 }, () => takeHostLock(dataDir)))
    const won = all.filter((result) => result.status === 'fulfilled')
    expect(won).toHaveLength(1)
    await won[0]?.value.release()
    await (await takeHostLock(dataDir)).release()
  })

  it('does not fill the directory when it is taken again and again', async () => {
    for (let start = 0; start < 20; start += 1) await (await takeHostLock(dataDir)).release()
    await (await takeHostLock(dataDir)).release()
    expect((await readdir(path.join(dataDir, 'host-lock'))).length).toBeLessThan(12)
  })

  it('respects a holder in another container for as long as its heart beats', async () => {
    const file = await leaveRecord(elsewhere)
    const heart = setInterval(() => void utimes(file, new Date(), new Date()), 300)
    await expect(takeHostLock(dataDir)).rejects.toMatchObject({
      code: 'DATA_DIR_IN_USE',
      message: expect.stringContaining('another container') as string,
    })
    clearInterval(heart)
  })

  it('takes over from a holder in another container that has fallen silent', async () => {
    await leaveRecord(elsewhere, 120_000)
    await (await takeHostLock(dataDir)).release()
  })

  it('takes over from a record that was never completely written', async () => {
    await leaveRecord('{"pid": 1')
    await (await takeHostLock(dataDir)).release()
  })

  it('takes over from a process whose pid has been given to another one', async () => {
    const { currentProcessTable } = await import('./process-identity.js')
    const record = { pid: process.pid, startedAt: 'before this one', processTable: await currentProcessTable() }
    await leaveRecord(JSON.stringify({ ...record, released: false }))
    await (await takeHostLock(dataDir)).release()
  })
})
