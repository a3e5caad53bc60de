import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

const run = promisify(execFile)
const packageFolder = path.resolve(import.meta.dirname, '../..')
const require = createRequire(import.meta.url)
let root = ''

beforeAll(async () => {
  root = await realpath(await mkdtemp(path.join(tmpdir(), 'tenon-linked-')))
})

afterAll(async () => {
  await rm(root, { recursive: true, force: true })
})

// As pnpm lays packages out: each in a folder of its own, beside links to what it needs.
it('bundles where packages are links into a store', async () => {
  const ofHost = path.join(root, 'host', 'node_modules')
  const host = path.join(ofHost, '@tenon', 'host')
  await mkdir(path.join(ofHost, '@tenon'), { recursive: true })
  await cp(path.join(packageFolder, 'dist'), path.join(host, 'dist'), { recursive: true })
  await cp(path.join(packageFolder, 'package.json'), path.join(host, 'package.json'))
  for (const name of ['contract', 'runner'])
    await symlink(path.join(packageFolder, '..', name), path.join(ofHost, '@tenon', name))
  await symlink(path.dirname(require.resolve('zod/package.json')), path.join(ofHost, 'zod'))

  const esbuild = path.dirname(require.resolve('esbuild/package.json'))
  const binary = `${process.platform}-${process.arch}`
  const ofEsbuild = path.join(root, 'esbuild', 'node_modules')
  const ofBinary = path.join(root, 'binary', 'node_modules', '@esbuild', binary)
  await cp(esbuild, path.join(ofEsbuild, 'esbuild'), { recursive: true })
  await mkdir(path.dirname(ofBinary), { recursive: true })
  await cp(path.join(path.dirname(esbuild), '@esbuild', binary), ofBinary, { recursive: true })
  await mkdir(path.join(ofEsbuild, '@esbuild'))
  await symlink(ofBinary, path.join(ofEsbuild, '@esbuild', binary))
  await symlink(path.join(ofEsbuild, 'esbuild'), path.join(ofHost, 'esbuild'))

  const staging = path.join(root, 'staging')
  await mkdir(path.join(staging, 'source'), { recursive: true })
  await mkdir(path.join(staging, 'out'))
  await writeFile(path.join(staging, 'source', 'index.ts'), 'export const answer: number = 42')
  const request = { staging, entryPoint: 'index.ts', maxFileBytes: 100_000 }
  await writeFile(
    path.join(root, 'bundle.mjs'),
    `import { startBundler } from ${JSON.stringify(path.join(host, 'dist', 'artifacts', 'bundler.js'))}
     const { signal } = new AbortController()
     const bundler = startBundler({ request: ${JSON.stringify(request)}, timeoutMs: 60_000, signal })
     await bundler.bundle().catch((error) => { console.error(error.message, error.cause?.message); process.exitCode = 1 })
     await bundler.end()`,
  )
  await run(process.execPath, [path.join(root, 'bundle.mjs')])
  expect(await readFile(path.join(staging, 'out', 'plugin.cjs'), 'utf8')).toContain('42')
})
