import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPlugin, pluginKinds } from './create.js'

const run = promisify(execFile)
const repository = join(import.meta.dirname, '../../..')

/** A folder within a checkout, where the packages of the checkout are found: what the guide begins with. */
let folder: string
beforeAll(async () => {
  await mkdir(join(repository, '.tenon'), { recursive: true })
  folder = await mkdtemp(join(repository, '.tenon', 'new-marketplace-'))
  for (const kind of pluginKinds) await createPlugin({ kind, key: `my-${kind}`, marketplaceDir: folder })
})
afterAll(() => rm(folder, { recursive: true }))

const tool = (path: string, ...args: string[]) =>
  run(process.execPath, [join(repository, 'node_modules', path), ...args], { cwd: folder }).then(
    ({ stdout }) => ({ failed: false, stdout }),
    (error: { stdout: string }) => ({ failed: true, stdout: error.stdout }),
  )

describe('a new marketplace', () => {
  it('runs the tests of its plugins', { timeout: 60_000 }, async () => {
    const { failed, stdout } = await tool('vitest/vitest.mjs', 'run', 'plugins')
    expect(failed, stdout).toBe(false)
    for (const kind of pluginKinds) expect(stdout).toContain(`plugins/my-${kind}/index.test.ts`)
  })

  it('type-checks them', { timeout: 60_000 }, async () => {
    expect(await tool('typescript/bin/tsc', '--noEmit')).toEqual({ failed: false, stdout: '' })
  })

  it('installs what they depend on, and the command line', async () => {
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as object
    expect(manifest).toMatchObject({ workspaces: ['plugins/*'], devDependencies: { '@tenon/cli': '0.1.0' } })
  })
})
