/**
 * Builds the web client into dist/client, with every file compressed beside itself, and does nothing when nothing that
 * goes into it has changed since the last time.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { brotliCompressSync, constants, gzipSync } from 'node:zlib'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../..')
const client = join(here, 'dist/client')
const stamp = join(here, 'dist/built-from')
const inputs = ['app/web/src', 'app/web/public', 'app/web/index.html', 'app/web/vite.config.ts', 'app/web/build.mjs']
const inputsOfPackages = [
  'packages/contract/src',
  'packages/react/src',
  'packages/react/styles.css',
  'packages/react/package.json',
  'app/web/package.json',
  'package-lock.json',
]

const digest = digestOf([...inputs, ...inputsOfPackages])
if (readOrEmpty(stamp) !== digest || readOrEmpty(join(client, 'index.html')) === '') {
  const { build } = await import('vite')
  await build({ root: here, configFile: join(here, 'vite.config.ts'), logLevel: 'warn' })
  compressAll(join(client, 'assets'))
  writeFileSync(stamp, digest)
}

function digestOf(paths) {
  const hash = createHash('sha256').update(process.version)
  for (const path of paths.flatMap((path) => filesOf(join(root, path)))) {
    hash.update(relative(root, path)).update(readFileSync(path))
  }
  return hash.digest('hex')
}

function filesOf(path) {
  try {
    const entries = readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
    return entries.flatMap(({ name }) => (/\.test\.tsx?$/.test(name) ? [] : filesOf(join(path, name))))
  } catch (error) {
    if (error.code === 'ENOTDIR') return [path]
    throw error
  }
}

function compressAll(directory) {
  for (const file of filesOf(directory).filter((path) => /\.(js|css|svg)$/.test(path))) {
    const content = readFileSync(file)
    const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length }
    writeFileSync(`${file}.br`, brotliCompressSync(content, { params }))
    writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }))
  }
}

function readOrEmpty(file) {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
