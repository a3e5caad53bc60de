import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { removeLargeFolder, walkLargeFolder } from './large-folder.js'

let outside: string
let folder: string

beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), 'tenon-folder-'))
  folder = join(outside, 'folder')
  await mkdir(join(folder, 'a', 'b'), { recursive: true })
  await mkdir(join(folder, 'empty'))
  await writeFile(join(folder, 'a', 'b', 'deep.txt'), 'deep')
  await writeFile(join(folder, 'top.txt'), 'top')
})
afterEach(() => rm(outside, { recursive: true, force: true }))

describe('a large folder', () => {
  it('is walked with the contents of each folder before the folder', async () => {
    const found: string[] = []
    for await (const { path } of walkLargeFolder(folder)) found.push(path.slice(folder.length + 1))
    expect(found.indexOf('a/b/deep.txt')).toBeLessThan(found.indexOf('a/b'))
    expect(found.indexOf('a/b')).toBeLessThan(found.indexOf('a'))
    expect(found.sort()).toEqual(['a', 'a/b', 'a/b/deep.txt', 'empty', 'top.txt'])
  })

  it('is removed whole, and what its links point to is not', async () => {
    await mkdir(join(outside, 'kept'))
    await writeFile(join(outside, 'kept', 'file.txt'), 'kept')
    await symlink(join(outside, 'kept'), join(folder, 'a', 'link'))
    await removeLargeFolder(folder)
    await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' })
    expect(await readFile(join(outside, 'kept', 'file.txt'), 'utf8')).toBe('kept')
  })

  it('may be gone already', async () => {
    await removeLargeFolder(folder)
    await expect(removeLargeFolder(folder)).resolves.toBeUndefined()
  })
})
