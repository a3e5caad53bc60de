import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

const packages = path.resolve(import.meta.dirname, '../..')

/** What whoever installs a package has no use for. */
const ours = /\.test\.|\.map$|\.tsbuildinfo$|(^|\/)(fixtures|testing)\//

async function packedFiles(name: string): Promise<string[]> {
  const command = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const { stdout } = await promisify(execFile)('npm', command, {
    cwd: path.join(packages, name),
    shell: process.platform === 'win32',
  })
  const [packed] = JSON.parse(stdout) as [{ files: { path: string }[] }]
  return packed.files.map((file) => file.path)
}

describe.each(readdirSync(packages))('the package %s', (name) => {
  it('carries its page and what is built of it, and none of our tests', { timeout: 60_000 }, async () => {
    const files = await packedFiles(name)
    expect(files).toContain('README.md')
    expect(files).toContain('dist/index.js')
    expect(files.filter((file) => ours.test(file))).toEqual([])
  })
})
