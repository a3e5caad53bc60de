import { mkdtemp, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { ownDirectory } from './own-directory.js'

let temporary: string
beforeEach(async () => {
  temporary = await mkdtemp(path.join(tmpdir(), 'tenon-own-'))
  vi.stubEnv('TMPDIR', temporary)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await rm(temporary, { recursive: true })
})

test.skipIf(process.platform === 'win32')('a host makes itself a folder that nobody else can open, once', async () => {
  const directory = await ownDirectory()
  expect(path.dirname(directory)).toBe(temporary)
  expect((await stat(directory)).mode & 0o777).toBe(0o700)
  expect(await ownDirectory()).toBe(directory)
})

test.skipIf(process.platform === 'win32')('a host refuses a folder that somebody put in the way', async () => {
  await symlink('/', path.join(temporary, `tenon-${process.getuid?.()}`))
  await expect(ownDirectory()).rejects.toThrow('belongs to somebody else')
})
