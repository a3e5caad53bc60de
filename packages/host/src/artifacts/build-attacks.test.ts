import { access, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createArtifactsHarness, type ArtifactsHarness, type TestHost } from './testing/artifacts-harness.js'
import { catalogEntry, loadBundle, startMarketplace, type MarketplaceServer } from './testing/marketplace-server.js'
import { startNpmRegistry, type NpmRegistry, type RegistryPackage } from '@tenon/standins'

/**
 * Building a source-only plugin is attacker input: what it imports and what its package.json asks npm for. Each case is
 * one attempt to get a file of this machine into the bundle, to run something during the build, or to make npm talk to
 * somebody else. `canary` is in files around the staging folder, in the environment and at the top of the temp folder.
 */

const canary = 'canary-7f3a'
let harness: ArtifactsHarness
let marketplace: MarketplaceServer
let registry: NpmRegistry
let outside: string
let host: TestHost

/** Packages that a stranger may have put into the registry. */
const hostilePackages: Record<string, RegistryPackage> = {
  plain: { files: { 'index.js': 'module.exports = 1' } },
  'with-scripts': {
    files: { 'index.js': 'module.exports = 1' },
    manifest: {
      scripts: Object.fromEntries(
        ['preinstall', 'install', 'postinstall', 'prepare'].map((name) => [
          name,
          'touch $OUTSIDE/pwned; touch /tmp/tenon-pwned',
        ]),
      ),
    },
  },
  'with-git': {
    files: { 'index.js': 'module.exports = 1' },
    manifest: { dependencies: { x: 'git+https://127.0.0.1:9/x.git' } },
  },
  'with-file': {
    files: { 'index.js': `module.exports = require('x')` },
    manifest: { dependencies: { x: 'file:../../../..' } },
  },
  'with-url': {
    files: { 'index.js': 'module.exports = 1' },
    manifest: { dependencies: { x: 'http://127.0.0.1:9/x.tgz' } },
  },
  'with-outside-main': { files: {}, manifest: { main: '../../../../../secrets.json' } },
  'with-outside-exports': { files: {}, manifest: { exports: { '.': './../../../../../secrets.json' } } },
  'with-outside-imports': {
    files: { 'index.js': `module.exports = require('#x')` },
    manifest: { imports: { '#x': './../../../../../secrets.json' } },
  },
  'with-outside-require': { files: { 'index.js': `module.exports = require('../../../../../secrets.json')` } },
  'with-absolute-require': { files: { 'index.js': `module.exports = require('/etc/passwd')` } },
  'with-tsconfig': {
    files: { 'index.ts': 'export default 1', 'tsconfig.json': '{"extends": "../../../../tsconfig.json"}' },
    manifest: { main: 'index.ts' },
  },
  'with-link': {
    files: { 'index.js': `module.exports = require('./secrets.json')` },
    links: { 'secrets.json': '../../../../../secrets.json' },
  },
  'with-bin': {
    files: { 'index.js': 'module.exports = 1' },
    manifest: { bin: { npm: '../../../../pwned', tenon: 'index.js' } },
  },
  'with-native': { files: { 'index.js': `module.exports = require('./x.node')`, 'x.node': '\u007fELF' } },
  'with-missing': { files: { 'index.js': `try { require('not-there') } catch { module.exports = 'without' }` } },
}

beforeAll(async () => {
  harness = await createArtifactsHarness()
  registry = await startNpmRegistry(hostilePackages)
})
afterAll(async () => {
  await registry.close()
  await harness.close()
})

beforeEach(async () => {
  marketplace = await startMarketplace()
  outside = await mkdtemp(join(tmpdir(), 'tenon-outside-'))
  const tempDir = join(outside, 'temp')
  await mkdir(join(outside, 'node_modules', 'around'), { recursive: true })
  await writeFile(join(outside, 'secrets.json'), JSON.stringify({ canary }))
  await writeFile(join(outside, 'secrets.js'), `export default '${canary}'`)
  await writeFile(
    join(outside, 'tsconfig.json'),
    `{"compilerOptions": {"jsxFactory": "${canary.replace('-', '_')}", "paths": {"mapped": ["./secrets.js"]}}}`,
  )
  await writeFile(join(outside, 'node_modules', 'around', 'package.json'), '{"name": "around", "version": "1.0.0"}')
  await writeFile(join(outside, 'node_modules', 'around', 'index.js'), `module.exports = '${canary}'`)
  process.env.TENON_TEST_CANARY = canary
  host = await harness.newHost(marketplace.location, {
    tempDir,
    npm: { registry: registry.url },
    limits: { maxSourceFileBytes: 100_000 },
  })
})
afterEach(async () => {
  delete process.env.TENON_TEST_CANARY
  await marketplace.close()
  await rm(outside, { recursive: true })
  await harness.pool.query('DELETE FROM tenon.artifacts')
})

interface Attack {
  what: string
  /** Files of the plugin's folder; `index.ts` alone when it is a text. */
  files: string | Record<string, string>
  /** Its package.json. */
  dependencies?: Record<string, string>
  /** How it ends: an error code, or `harmless` when it may be built, without effect. */
  ends: 'SOURCE_REFUSED' | 'BUILD_FAILED' | 'DEPENDENCIES_FAILED' | 'harmless'
  says?: RegExp
}

const imports = (specifier: string): string => `import x from '${specifier}'\nexport const got = x`

function packageAttack(what: string, names: string[], ends: Attack['ends'], says?: RegExp): Attack {
  const files = names.map((name, index) => `import x${index} from '${name}'\nexport const got${index} = x${index}`)
  const dependencies = Object.fromEntries(names.map((name) => [name, '1.0.0']))
  return { what, files: files.join('\n'), dependencies, ends, ...(says === undefined ? {} : { says }) }
}

const linkedLock = JSON.stringify({
  lockfileVersion: 3,
  packages: { 'node_modules/plain': { resolved: 'file:../..', link: true } },
})

function specAttack(what: string, specification: string, says: RegExp): Attack {
  return { what, files: imports('plain'), dependencies: { plain: specification }, ends: 'SOURCE_REFUSED', says }
}

const attacks: Attack[] = [
  // What package.json asks npm for
  specAttack('a file: dependency', 'file:../../secrets', /a file of this machine/),
  specAttack('a path dependency', '../../..', /a file of this machine/),
  specAttack('an absolute path dependency', '/etc', /a file of this machine/),
  specAttack('a link: dependency', 'link:../..', /a file of this machine/),
  specAttack('a workspace: dependency', 'workspace:*', /a workspace of this machine/),
  specAttack('a git dependency', 'git+https://127.0.0.1:9/x.git', /a Git repository/),
  specAttack('a git dependency over ssh', 'git@github.com:x/y.git', /a Git repository/),
  specAttack('a GitHub dependency', 'github:x/y', /a Git repository/),
  specAttack('a GitHub dependency by its short name', 'x/y#main', /a Git repository/),
  specAttack('a tarball dependency', 'https://127.0.0.1:9/x.tgz', /an address on the web/),
  specAttack('an alias for another package', 'npm:with-scripts@1', /an alias/),
  specAttack('an option for npm', '--registry=http://127.0.0.1:9', /only version ranges/),
  specAttack('a tag that is a command', '$(touch pwned)', /not a version range/),
  {
    what: 'a dependency whose name is a path',
    files: { 'index.ts': imports('x/../../../secrets.json'), 'package.json': '{"dependencies": {"x": "../.."}}' },
    ends: 'SOURCE_REFUSED',
  },
  {
    what: 'dependencies that are the prototype of everything',
    files: { 'index.ts': imports('plain'), 'package.json': '{"dependencies": {"__proto__": {"plain": "file:../.."}}}' },
    ends: 'SOURCE_REFUSED',
    says: /not among its dependencies/,
  },
  {
    what: 'everything in its folder that npm would obey: scripts, overrides, workspaces, a lock, another registry',
    files: {
      'index.ts': imports('plain'),
      'package.json': JSON.stringify({
        dependencies: { plain: '1' },
        scripts: {
          preinstall: 'touch ../../../pwned',
          postinstall: 'touch ../../../pwned',
          prepare: 'touch ../../pwned',
        },
        overrides: { plain: 'file:../../secrets' },
        resolutions: { plain: 'file:../..' },
        workspaces: ['../../../..'],
        bundledDependencies: ['around'],
        optionalDependencies: { around: 'file:../..' },
        peerDependencies: { around: 'file:../..' },
        packageManager: 'pnpm@1.0.0',
        bin: '../../../pwned',
      }),
      '.npmrc': 'registry=http://127.0.0.1:9/',
      'package-lock.json': linkedLock,
      'npm-shrinkwrap.json': linkedLock,
    },
    ends: 'harmless',
  },
  {
    what: 'a package.json that is not an object',
    files: { 'index.ts': imports('plain'), 'package.json': '[1' },
    ends: 'SOURCE_REFUSED',
    says: /not JSON/,
  },

  {
    what: 'a package.json that is slow to read',
    files: { 'index.ts': imports('plain'), 'package.json': `{"dependencies": ${'"\\'.repeat(40_000)}` },
    ends: 'SOURCE_REFUSED',
    says: /not JSON/,
  },
  specAttack('a version that is slow to read', '>='.repeat(25_000), /has more than 200 characters/),

  // What packages of the registry do
  packageAttack('a package that depends on a git repository', ['with-git'], 'DEPENDENCIES_FAILED'),
  packageAttack('a package that depends on a file', ['with-file'], 'DEPENDENCIES_FAILED'),
  packageAttack('a package that depends on an address', ['with-url'], 'DEPENDENCIES_FAILED'),
  packageAttack(
    'packages whose main and whose requires lie outside',
    ['with-outside-main', 'with-outside-require', 'with-absolute-require'],
    'SOURCE_REFUSED',
    /(?=.*with-outside-main", which)(?=.*secrets\.json", which)(?=.*passwd", which lies outside)/,
  ),
  packageAttack(
    'packages with scripts, commands, a tsconfig, a link, and exports and imports that lie outside',
    ['with-scripts', 'with-bin', 'with-tsconfig', 'with-link', 'with-outside-exports', 'with-outside-imports'],
    'harmless',
  ),
  packageAttack('a package with a native module', ['with-native'], 'BUILD_FAILED', /native module/),

  // What the code imports
  {
    what: 'a path out of the marketplace',
    files: imports('../../../secrets.json'),
    ends: 'SOURCE_REFUSED',
    says: /leads out of the marketplace/,
  },
  {
    what: 'a path far out of the marketplace',
    files: imports('../'.repeat(30) + 'etc/passwd'),
    ends: 'SOURCE_REFUSED',
  },
  { what: 'a path with encoded dots', files: imports('./%2e%2e/%2e%2e/secrets.json'), ends: 'SOURCE_REFUSED' },
  { what: 'a path with a backslash', files: imports('.\\\\..\\\\..\\\\secrets.json'), ends: 'SOURCE_REFUSED' },
  { what: 'a path with a query', files: imports('./x.json?../../secrets.json'), ends: 'SOURCE_REFUSED' },
  { what: 'a hidden file', files: { 'index.ts': imports('./.env.json'), '.env.json': '1' }, ends: 'SOURCE_REFUSED' },
  {
    what: 'an absolute path',
    files: imports('/etc/passwd'),
    ends: 'SOURCE_REFUSED',
    says: /only packages and relative paths/,
  },
  { what: 'a file: address', files: imports('file:///etc/passwd'), ends: 'SOURCE_REFUSED' },
  { what: 'an http: address', files: imports('http://127.0.0.1:9/x.js'), ends: 'SOURCE_REFUSED' },
  {
    what: 'an http: address, late',
    files: `export const got = import('http://127.0.0.1:9/x.js')`,
    ends: 'SOURCE_REFUSED',
  },
  { what: 'a data: address', files: imports('data:text/javascript,export default 1'), ends: 'SOURCE_REFUSED' },
  {
    what: 'require() of a path outside',
    files: `export const got = require('../../../secrets.json')`,
    ends: 'SOURCE_REFUSED',
  },
  {
    what: 'require() in a try block',
    files: `try { module.exports = require('/etc/passwd') } catch {}`,
    ends: 'SOURCE_REFUSED',
  },
  {
    what: 'require.resolve()',
    files: `export const got = require.resolve('../../../secrets.json')`,
    ends: 'SOURCE_REFUSED',
  },
  {
    what: 'import with attributes',
    files: `import x from '../../../secrets.json' with { type: 'json' }\nexport const got = x`,
    ends: 'SOURCE_REFUSED',
  },
  { what: 'an export from outside', files: `export * from '../../../secrets.js'`, ends: 'SOURCE_REFUSED' },
  {
    what: 'an import of its own package',
    files: { 'index.ts': imports('#x'), 'package.json': '{"imports": {"#x": "../../../secrets.json"}}' },
    ends: 'SOURCE_REFUSED',
  },
  {
    what: 'a package of a folder around',
    files: imports('around'),
    ends: 'SOURCE_REFUSED',
    says: /not among its dependencies/,
  },
  {
    what: 'a package of a folder around, declared',
    files: imports('around'),
    dependencies: { around: '1' },
    ends: 'DEPENDENCIES_FAILED',
  },
  {
    what: 'a path through node_modules',
    files: imports('../../../node_modules/around/index.js'),
    ends: 'SOURCE_REFUSED',
  },
  {
    what: 'a pattern of files outside',
    files: `export const got = (x: string) => require('../../../../../../' + x + '.json')`,
    ends: 'BUILD_FAILED',
    says: /a file outside of the plugin/,
  },
  {
    what: 'a pattern of files outside, late',
    files: 'export const got = (x: string) => import(`../../../../../../secrets${x}`)',
    ends: 'BUILD_FAILED',
    says: /a file outside of the plugin/,
  },
  { what: 'a path of the process', files: imports('/proc/self/environ'), ends: 'SOURCE_REFUSED' },
  {
    what: 'a source map of another file',
    files: `export const got = 1\n//# sourceMappingURL=file:///etc/passwd`,
    ends: 'harmless',
  },
  {
    what: 'a reference to another file',
    files: `/// <reference path="../../../secrets.json" />\nexport const got = 1`,
    ends: 'harmless',
  },
  {
    what: 'a variable that esbuild could fill in',
    files: 'export const got = process.env.TENON_TEST_CANARY',
    ends: 'harmless',
  },
  {
    what: 'a tsconfig with paths',
    files: {
      'index.ts': imports('mapped'),
      'tsconfig.json':
        '{"extends": "../../../tsconfig.json", "compilerOptions": {"paths": {"mapped": ["../../../secrets.js"]}}}',
    },
    ends: 'SOURCE_REFUSED',
  },
  {
    what: 'a tsconfig around the staging folder',
    files: { 'index.ts': `import './x'`, 'x.tsx': 'export const got = <a/>' },
    ends: 'harmless',
  },
  {
    what: 'a kind of file that is not code',
    files: { 'index.ts': imports('./x.txt'), 'x.txt': 'x' },
    ends: 'SOURCE_REFUSED',
  },

  // What the build can bear
  {
    what: 'a file of more than the limit',
    files: { 'index.ts': imports('./big'), 'big.ts': `export default '${'x'.repeat(100_000)}'` },
    ends: 'SOURCE_REFUSED',
    says: /larger than/,
  },
  { what: '51 files', files: chain(51), ends: 'SOURCE_REFUSED', says: /more than 50 files/ },
  { what: '50 files', files: chain(50), ends: 'harmless' },
  {
    what: 'an import cycle',
    files: { 'index.ts': `import './a'`, 'a.ts': `import './b'`, 'b.ts': `import './a'\nimport './index'` },
    ends: 'harmless',
  },
  {
    what: 'very deep nesting',
    files: `export const got = ${'('.repeat(30_000)}1${')'.repeat(30_000)}`,
    ends: 'harmless',
  },
  { what: 'await at the top', files: 'export const got = await 1', ends: 'BUILD_FAILED' },
  { what: 'bytes that are no text', files: '\u0000\uffff\u0001', ends: 'BUILD_FAILED' },
]

/** So many files, of which the entry imports all the others. */
function chain(length: number): Record<string, string> {
  const names = Array.from({ length: length - 1 }, (_, index) => `part-${index}`)
  const parts = names.map((name) => [`${name}.ts`, 'export {}'] as const)
  return { ...Object.fromEntries(parts), 'index.ts': names.map((name) => `import './${name}'`).join('\n') }
}

function publish({ files, dependencies }: Attack): void {
  const all = typeof files === 'string' ? { 'index.ts': files } : files
  for (const [path, text] of Object.entries(all)) marketplace.files.set(`plugins/sample/${path}`, text)
  if (dependencies) marketplace.files.set('plugins/sample/package.json', JSON.stringify({ dependencies }))
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

describe('a source-only plugin that attacks the build', () => {
  it.each(attacks)('with $what', async (attack) => {
    publish(attack)
    const outcome: unknown = await host.artifacts.resolve(catalogEntry()).catch((error: unknown) => error)
    const { code, message } = outcome as { code: string; message?: string }
    expect(`${code} ${message ?? ''}`).not.toContain(canary)
    expect(`${code} ${message ?? ''}`).not.toMatch(/root:x:0/)
    expect(message ?? '').not.toContain(outside)
    expect(await exists(join(outside, 'pwned'))).toBe(false)
    expect(await exists('/tmp/tenon-pwned')).toBe(false)
    expect(await host.leftovers()).toEqual([])
    if (attack.ends === 'harmless') expect(message).toBeUndefined()
    else expect({ code, message }).toMatchObject({ code: attack.ends })
    if (attack.says !== undefined) expect(message).toMatch(attack.says)
  })

  it('is told by its package what it has to do without', async () => {
    publish({ what: '', files: imports('with-missing'), dependencies: { 'with-missing': '1' }, ends: 'harmless' })
    const { code } = await host.artifacts.resolve(catalogEntry())
    expect(loadBundle(code)).toMatchObject({ got: 'without' })
  })
})

describe('a local marketplace that attacks the build', () => {
  it.each([
    ['a link to a file', 'index.ts', 'secrets.js'],
    ['a link to a file that is imported', 'data.json', 'secrets.json'],
  ])('with %s outside of it', async (_what, name, target) => {
    const root = join(outside, 'marketplace')
    await mkdir(join(root, 'plugins', 'sample'), { recursive: true })
    await writeFile(join(root, 'plugins', 'sample', 'index.ts'), imports('./data.json'))
    await rm(join(root, 'plugins', 'sample', name), { force: true })
    await symlink(join(outside, target), join(root, 'plugins', 'sample', name))
    const { artifacts } = await harness.newHost(root)
    await expect(artifacts.resolve(catalogEntry())).rejects.toMatchObject({
      message: expect.stringContaining('leads out of the marketplace') as string,
    })
  })

  it('with a folder that is a link', async () => {
    const root = join(outside, 'marketplace')
    await mkdir(join(root, 'plugins'), { recursive: true })
    await writeFile(join(outside, 'index.ts'), `export default '${canary}'`)
    await symlink(outside, join(root, 'plugins', 'sample'))
    const { artifacts } = await harness.newHost(root)
    await expect(artifacts.resolve(catalogEntry())).rejects.toMatchObject({ code: 'ARTIFACT_UNREACHABLE' })
  })
})
