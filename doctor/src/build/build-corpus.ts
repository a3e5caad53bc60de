import { randomUUID } from 'node:crypto'
import { access, mkdir, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import type { PluginHostOptions } from '@tenon/host'
import type { AttackResult, Corpus } from '../corpus.js'
import type { Ground } from '../ground.js'
import { hostilePackages, type Registries } from './registries.js'

/** One thing that the files of a source-only plugin may try while they are made into a bundle. */
interface BuildAttack {
  name: string
  /** Files of the plugin's folder; `index.ts` imports or exports `got`. */
  files: Record<string, string>
  dependencies?: Record<string, string>
  /** A link in the plugin's folder to a file outside of the marketplace. */
  link?: { name: string; to: string }
}

const outside = '../../secrets'
const takes = (specifier: string) => ({ 'source.ts': `import x from '${specifier}'\nexport const got = x` })
const takesAll = (specifier: string) => ({ 'source.ts': `import * as x from '${specifier}'\nexport const got = x` })
const says = (code: string) => ({ 'source.ts': code })
const needs = (name: string, specification: string): BuildAttack => ({
  name,
  files: takes('planted'),
  dependencies: { planted: specification },
})

/** `other` is the address of a registry that the host was never told of, and that no build may ask. */
const attacksWith = (other: string): BuildAttack[] => [
  { name: 'imports a file outside of the marketplace', files: takes(`${outside}.json`) },
  { name: 'imports code outside of the marketplace', files: takes(`${outside}.js`) },
  { name: 'imports a text outside of the marketplace', files: takes(`${outside}.txt`) },
  { name: 'imports a file of the machine', files: takes('/etc/passwd') },
  { name: 'imports a file of the machine by many dots', files: takes(`${'../'.repeat(30)}etc/passwd`) },
  { name: 'imports a file of the machine by its address', files: takes('file:///etc/passwd') },
  { name: 'imports the environment of the process', files: takes('/proc/self/environ') },
  { name: 'imports with encoded dots', files: takes('./%2e%2e/%2e%2e/secrets.json') },
  { name: 'imports with backslashes', files: takes('.\\\\..\\\\..\\\\secrets.json') },
  { name: 'imports with a question mark', files: takes('./x.json?../../secrets.json') },
  {
    name: 'imports with attributes',
    files: says(`import x from '${outside}.json' with { type: 'json' }\nexport const got = x`),
  },
  { name: 'imports everything of a file', files: takesAll(`${outside}.js`) },
  { name: 'imports the list of other plugins', files: takes('../plugins.json') },
  { name: 'imports late', files: says(`export const got = import('${outside}.js')`) },
  {
    name: 'imports late by a pattern',
    files: says('const name = "secrets"\nexport const got = import(`../../${name}.js`)'),
  },
  { name: 'requires a file', files: says(`export const got = require('${outside}.json')`) },
  {
    name: 'requires by a pattern',
    files: says(`const name: string = 'secrets'\nexport const got = require('../../' + name + '.json')`),
  },
  {
    name: 'requires in a try block',
    files: says(`let x: any\ntry { x = require('/etc/passwd') } catch {}\nexport const got = x`),
  },
  { name: 'resolves a file', files: says(`export const got = require.resolve('${outside}.json')`) },
  { name: 'exports a file', files: says(`export * from '${outside}.js'\nexport const got = 1`) },
  { name: 'takes a file by a URL', files: says(`export const got = new URL('${outside}.txt', import.meta.url).href`) },
  {
    name: 'imports by a name of its own package',
    files: { ...takes('#secrets'), 'package.json': JSON.stringify({ imports: { '#secrets': `${outside}.json` } }) },
  },
  {
    name: 'maps paths with a tsconfig',
    files: {
      ...takes('secrets'),
      'tsconfig.json': JSON.stringify({ compilerOptions: { paths: { secrets: [`${outside}.json`] } } }),
    },
  },
  {
    name: 'extends a tsconfig outside',
    files: { ...says('export const got = 1'), 'tsconfig.json': JSON.stringify({ extends: `${outside}.json` }) },
  },
  { name: 'names a source map outside', files: says(`export const got = 1\n//# sourceMappingURL=${outside}.json`) },
  {
    name: 'refers to a file in a comment',
    files: says(`/// <reference path="${outside}.js" />\nexport const got = 1`),
  },
  {
    name: 'reads the environment where the bundler could fill it in',
    files: says('export const got = process.env.TENON_DOCTOR_CANARY'),
  },
  { name: 'is a link to a file', files: takes('./linked.json'), link: { name: 'linked.json', to: 'secrets.json' } },
  { name: 'has a folder that is a link', files: takes('./linked/secrets.json'), link: { name: 'linked', to: '.' } },
  {
    name: 'brings an .npmrc',
    files: {
      ...takes('planted'),
      '.npmrc': `registry=${other}\nscript-shell=/bin/sh\nignore-scripts=false`,
    },
    dependencies: { planted: '1.0.0' },
  },
  {
    name: 'brings scripts',
    files: {
      ...says('export const got = 1'),
      'package.json': JSON.stringify({
        scripts: Object.fromEntries(
          ['preinstall', 'install', 'postinstall', 'prepare'].map((script) => [script, 'touch PWNED']),
        ),
      }),
    },
  },
  {
    name: 'brings a binding of its own',
    files: { ...says(`export const got = require('./planted.node')`), 'planted.node': 'x' },
  },
  {
    name: 'brings plugins for the bundler',
    files: {
      ...says('export const got = 1'),
      'esbuild.config.mjs': `import { writeFileSync } from 'node:fs'; writeFileSync('PWNED', '')`,
    },
  },
  { name: 'looks up a package of a folder around it', files: takes('around') },
  needs('depends on a folder', 'file:../..'),
  needs('depends on a path', '../..'),
  needs('depends on a link', 'link:../..'),
  needs('depends on a workspace', 'workspace:*'),
  needs('depends on a repository', `git+${other}planted.git`),
  needs('depends on a repository by its short name', 'x/y#main'),
  needs('depends on an archive', `${other}planted.tgz`),
  needs('depends on another package by an alias', 'npm:secrets@1'),
  needs('hands an option to npm', '--globalconfig=../../secrets.txt'),
  needs('hands another registry to npm', `--registry=${other}`),
  needs('hands a command to npm', '$(touch PWNED)'),
  {
    name: 'depends on a name that is a path',
    files: takes('../../secrets'),
    dependencies: { '../../secrets': '1.0.0' },
  },
  {
    name: 'depends on the prototype of everything',
    files: { ...takes('planted'), 'package.json': '{"dependencies": {"__proto__": {"planted": "file:../.."}}}' },
  },
]

/** Packages come from a registry on this machine, and from nowhere else. */
export function buildOptions({ own }: Registries): Pick<PluginHostOptions, 'npm'> {
  return { npm: { registry: own.url } }
}

/** What the files of a source-only plugin can get hold of while the host makes a bundle of them. */
export function buildCorpus(ground: Ground, registries: Registries): Corpus {
  return {
    name: 'build',
    async *run(signal) {
      const canary = `canary-${randomUUID()}`
      await plantAround(ground, canary)
      process.env['TENON_DOCTOR_CANARY'] = canary
      try {
        const scene = { ground, registries, canary }
        await assertOwnFilesAreFound(scene)
        await assertPackagesAreFound(scene)
        for (const [at, attack] of [...attacksWith(registries.other.url), ...attacksOfPackages].entries()) {
          if (signal?.aborted) return
          yield await attempt(scene, `build-${at}`, attack)
        }
      } finally {
        delete process.env['TENON_DOCTOR_CANARY']
      }
    },
  }
}

const attacksOfPackages = Object.entries(hostilePackages).map(([name, what]): BuildAttack => ({
  name: what,
  files: takes(name),
  dependencies: { [name]: '1.0.0' },
}))

interface BuildScene {
  ground: Ground
  registries: Registries
  canary: string
}

/** Where the way out of the folder of a build may end, besides the folder of the ground. */
const foldersAbove = ({ directory }: Ground): string[] =>
  ['data', 'data/builds'].map((folder) => path.join(directory, folder))

/** Something to be found in every place that a path may lead to. */
async function plantAround(ground: Ground, canary: string): Promise<void> {
  const { directory } = ground
  const around = path.join(directory, 'node_modules', 'around')
  await mkdir(around, { recursive: true })
  const above = foldersAbove(ground)
  for (const folder of above) await mkdir(folder, { recursive: true })
  await Promise.all([
    ...above.map((folder) => writeFile(path.join(folder, 'secrets.json'), JSON.stringify({ canary }))),
    writeFile(path.join(directory, 'secrets.json'), JSON.stringify({ canary })),
    writeFile(path.join(directory, 'secrets.js'), `export default '${canary}'; export const canary = '${canary}'`),
    writeFile(path.join(directory, 'secrets.txt'), canary),
    writeFile(
      path.join(around, 'package.json'),
      JSON.stringify({ name: 'around', version: '1.0.0', main: 'index.js' }),
    ),
    writeFile(path.join(around, 'index.js'), `module.exports = '${canary}'`),
  ])
}

/** Where a plugin does not even get its own files, or those would not be noticed, refusals prove nothing. */
async function assertOwnFilesAreFound(scene: BuildScene): Promise<void> {
  const own: BuildAttack = {
    name: 'imports a file of its own',
    files: { ...takes('./own.json'), 'own.json': JSON.stringify({ canary: scene.canary }) },
  }
  const { outcome, how } = await attempt(scene, 'build-plain', own)
  if (outcome !== 'succeeded') throw new Error(`a plugin that ${own.name} gets nothing here: ${how}`)
}

/** Where no package is installed, what packages try proves nothing. */
async function assertPackagesAreFound(scene: BuildScene): Promise<void> {
  const before = scene.registries.own.requests.length
  const { how } = await attempt(scene, 'build-packaged', {
    name: 'imports a package',
    files: takes('plain'),
    dependencies: { plain: '1.0.0' },
  })
  if (how !== '{"it":1,"all":{}}' || scene.registries.own.requests.length === before)
    throw new Error(`a plugin that imports a package gets nothing here: ${how}`)
}

async function attempt(scene: BuildScene, key: string, attack: BuildAttack): Promise<AttackResult> {
  const { ground, registries, canary } = scene
  const { name, files, dependencies, link } = attack
  const marker = path.join(ground.directory, `pwned-${key}`)
  if (link) {
    const folder = path.join(ground.directory, 'marketplace', key)
    await mkdir(folder, { recursive: true })
    await symlink(path.join(ground.directory, link.to), path.join(folder, link.name))
  }
  const before = await ground.log.size()
  registries.other.requests.length = 0
  const outcome = await ground
    .install(ground.attacker, {
      key,
      entry: { dependencies: dependencies ?? {} },
      files: withEntry(files, marker, dependencies),
    })
    .then(
      async () => JSON.stringify((await ground.call(ground.attacker, key, 'GET', '/got')).data ?? ''),
      (error: unknown) => (error instanceof Error ? error.message : String(error)),
    )
    .catch((error: unknown) => String(error))
  const said = outcome + (await ground.log.since(before))
  if (said.includes(canary) || /root:x:0/.test(said))
    return { name, outcome: 'succeeded', how: 'it read a file or a variable of the host' }
  if (registries.other.requests.length > 0 || said.includes(registries.foreign))
    return { name, outcome: 'succeeded', how: 'it had something fetched from somewhere else' }
  if ((await exists(marker)) || (await registries.ranCommand()))
    return { name, outcome: 'succeeded', how: 'it ran a command' }
  return { name, outcome: 'stopped', how: outcome.replace(/\s+/g, ' ').slice(0, 200) }
}

function withEntry(
  files: Record<string, string>,
  marker: string,
  dependencies: Record<string, string> | undefined,
): Record<string, string> {
  const entry = `
    import { got } from './source'
    export async function install() { return { success: true } }
    export async function uninstall() { return { success: true } }
    export const metadata = {}
    export const router = { 'GET /got': async () => ({ data: await Promise.resolve(got).then((it: any) => ({ it, all: { ...it } }), String) }) }`
  const all = {
    ...(dependencies ? { 'package.json': JSON.stringify({ name: 'planted', version: '1.0.0', dependencies }) } : {}),
    ...files,
    'index.ts': entry,
  }
  return Object.fromEntries(Object.entries(all).map(([name, text]) => [name, text.replaceAll('PWNED', marker)]))
}

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  )
}
