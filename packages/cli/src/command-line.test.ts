import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { runCommandLine } from './command-line.js'

let folder: string
let marketplace: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenon-cli-'))
  marketplace = join(folder, 'marketplace')
  await addPlugin('first')
  await addPlugin('second')
  await writeManifest([entry('first'), entry('second')])
})

afterEach(() => rm(folder, { recursive: true }))

function entry(key: string) {
  return {
    key,
    name: key,
    displayName: key,
    description: '',
    version: '1.0.0',
    category: 'ml_ops',
    isOfficial: true,
    isPublished: true,
    requiresConfiguration: false,
    installationType: 'standard',
    pluginPath: `plugins/${key}`,
    entryPoint: 'index.ts',
  }
}

async function addPlugin(key: string): Promise<void> {
  await mkdir(join(marketplace, 'plugins', key), { recursive: true })
  await writeFile(join(marketplace, 'plugins', key, 'index.ts'), `export const key: string = '${key}'\n`)
}

async function writeManifest(plugins: unknown[]): Promise<void> {
  await writeFile(join(marketplace, 'plugins.json'), JSON.stringify({ version: '1.0.0', plugins }))
}

async function tenon(...args: string[]) {
  const written = { out: '', error: '' }
  const exitCode = await runCommandLine(args, {
    out: (text) => (written.out += text),
    error: (text) => (written.error += text),
  })
  return { exitCode, ...written }
}

describe('tenon pack', () => {
  it('packs a marketplace and says what it wrote', async () => {
    const out = join(folder, 'out')
    const { exitCode, out: text } = await tenon('pack', marketplace, '--out', out)
    expect(exitCode).toBe(0)
    expect(text).toContain('[2/2] second: packed')
    expect(text).toMatch(/artifacts\/first-1\.0\.0\.tgz {2}\d+ bytes {2}sha256 [0-9a-f]{64}/)
    expect(await readdir(join(out, 'artifacts'))).toEqual(['first-1.0.0.tgz', 'second-1.0.0.tgz'])
  })

  it('leaves plugins source-only that --only does not name', async () => {
    const out = join(folder, 'out')
    const { out: text } = await tenon('pack', marketplace, '--out', out, '--only', 'second', '--json')
    expect(JSON.parse(text)).toMatchObject({ packed: [{ key: 'second', unchanged: false }], copied: ['first'] })
    const manifest = JSON.parse(await readFile(join(out, 'plugins.json'), 'utf8')) as { plugins: object[] }
    expect(manifest.plugins[0]).not.toHaveProperty('artifact')
    expect(manifest.plugins[1]).toHaveProperty('artifact.sha256')
  })

  it('fails with the reason when a plugin cannot be built, and leaves the earlier result', async () => {
    const out = join(folder, 'out')
    await tenon('pack', marketplace, '--out', out)
    await writeFile(join(marketplace, 'plugins', 'first', 'index.ts'), 'export const = 1')
    const { exitCode, error } = await tenon('pack', marketplace, '--out', out)
    expect(exitCode).toBe(1)
    expect(error).toMatch(/^tenon: The source of first cannot be built: plugins\/first\/index\.ts:1: /)
    expect(await readdir(join(out, 'artifacts'))).toHaveLength(2)
    expect(await readdir(folder)).toEqual(['marketplace', 'out'])
  })

  it.each([
    ['an unknown plugin', ['--only', 'third'], 'There is no plugin "third"'],
    ['a folder without plugins.json', ['nowhere'], 'There is no plugins.json in'],
  ])('fails for %s', async (_what, args, reason) => {
    const [first = ''] = args
    const place = first.startsWith('--') ? [marketplace, ...args] : [join(folder, first)]
    const { exitCode, error } = await tenon('pack', ...place, '--out', join(folder, 'out'))
    expect(exitCode).toBe(1)
    expect(error).toContain(reason)
  })

  it('fails for an entry that is not valid, and names the field', async () => {
    await writeManifest([entry('first'), { ...entry('second'), version: 'new' }])
    const { exitCode, error } = await tenon('pack', marketplace, '--out', join(folder, 'out'))
    expect(exitCode).toBe(1)
    expect(error).toContain('second version must be a version such as 1.2.3')
  })

  it('says how to get a package that is not installed', async () => {
    await writeFile(join(marketplace, 'plugins', 'first', 'index.ts'), "import 'not-installed/part'\n")
    const { exitCode, error } = await tenon('pack', marketplace, '--out', join(folder, 'out'))
    expect(exitCode).toBe(1)
    expect(error).toContain('Could not resolve "not-installed/part"')
    expect(error).toContain(`Run \`npm install\` in ${marketplace} first.`)
  })

  it('never removes a folder that is not an earlier result, nor the marketplace itself', async () => {
    const { exitCode, error } = await tenon('pack', marketplace, '--out', marketplace)
    expect(exitCode).toBe(1)
    expect(error).toContain('contains the marketplace itself')
    await mkdir(join(folder, 'mine'))
    await writeFile(join(folder, 'mine', 'thesis.txt'), 'x')
    expect((await tenon('pack', marketplace, '--out', join(folder, 'mine'))).error).toContain('holds something else')
    expect(await readdir(join(folder, 'mine'))).toEqual(['thesis.txt'])
  })
})

describe('tenon', () => {
  it('explains itself', async () => {
    const { exitCode, out } = await tenon('--help')
    expect(exitCode).toBe(0)
    expect(out).toContain('pack')
    expect((await tenon('pack', '--help')).out).toContain('Examples:')
  })

  it('says which version it is', async () => {
    expect(await tenon('--version')).toMatchObject({ exitCode: 0, out: '0.1.0\n' })
  })

  it('is there before anything was built, so that npm links it in a fresh checkout', async () => {
    const home = join(import.meta.dirname, '..')
    const { bin } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { bin: { tenon: string } }
    expect(bin.tenon).not.toContain('dist')
    const { stdout } = await promisify(execFile)(process.execPath, [join(home, bin.tenon), '--help'])
    expect(stdout).toContain('The command line of plugin authors')
  })

  it.each([[['pack']], [['pack', '--out']], [['pack', '--out', 'x', '--wrong']], [['publish']], [[]]])(
    'answers %j with exit code 2 and a hint',
    async (args) => {
      const { exitCode, error } = await tenon(...args)
      expect(exitCode).toBe(2)
      expect(error).not.toBe('')
    },
  )
})
