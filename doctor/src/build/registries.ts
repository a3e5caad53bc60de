import { randomUUID } from 'node:crypto'
import { access, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startNpmRegistry, type NpmRegistry, type RegistryPackage } from '@tenon/standins'

/** Two registries of npm on this machine: the operator's, with what strangers put into it, and one that nobody may ask. */
export interface Registries {
  /** The one that the host is told to use. */
  own: NpmRegistry
  /** The one that only attackers name. What it gives has `foreign` in it. */
  other: NpmRegistry
  foreign: string
  /** What packages of the registry ran, if anything. */
  ranCommand(): Promise<boolean>
  close(): Promise<void>
}

/** Starts both, on loopback. */
export async function startRegistries(): Promise<Registries> {
  const foreign = `foreign-${randomUUID()}`
  const marker = path.join(tmpdir(), `tenon-doctor-package-${randomUUID()}`)
  const code = { 'index.js': `module.exports = '${foreign}'` }
  const other = await startNpmRegistry({ planted: { files: code }, plain: { files: code } })
  const own = await startNpmRegistry(packagesOf(other.url, marker))
  return {
    own,
    other,
    foreign,
    ranCommand: () =>
      access(marker).then(
        () => true,
        () => false,
      ),
    async close() {
      await Promise.all([own.close(), other.close(), rm(marker, { force: true })])
    },
  }
}

const plain = { 'index.js': 'module.exports = 1' }
const dependsOn = (specification: string): RegistryPackage => ({
  files: { 'index.js': `module.exports = require('plain')` },
  manifest: { dependencies: { plain: specification } },
})
/** From the folder of a package up to wherever something was planted around the build. */
const outside = '../../../../../secrets'

function packagesOf(other: string, marker: string): Record<string, RegistryPackage> {
  const shrinkwrap = (resolved: string): RegistryPackage => ({
    files: {
      'index.js': `module.exports = require('plain')`,
      'npm-shrinkwrap.json': JSON.stringify({
        name: 'x',
        version: '1.0.0',
        lockfileVersion: 3,
        packages: { '': { dependencies: { plain: '1.0.0' } }, 'node_modules/plain': { version: '1.0.0', resolved } },
      }),
    },
    manifest: { dependencies: { plain: '1.0.0' }, _hasShrinkwrap: true },
  })
  return {
    plain: { files: plain },
    planted: { files: plain },
    'with-scripts': {
      files: { ...plain, 'binding.gyp': `{ "targets": [{ "target_name": "<!(touch ${marker})" }] }` },
      manifest: {
        scripts: Object.fromEntries(
          ['preinstall', 'install', 'postinstall', 'prepare', 'prepack'].map((script) => [script, `touch ${marker}`]),
        ),
      },
    },
    'with-commands': {
      files: { ...plain, 'node.js': `#!/bin/sh\ntouch ${marker}\n` },
      manifest: { bin: { node: 'node.js', npm: 'node.js', sh: 'node.js', '../../../escaped': 'node.js' } },
    },
    'with-npmrc': { ...dependsOn('1.0.0'), files: { ...dependsOn('').files, '.npmrc': `registry=${other}\n` } },
    'with-registry': {
      files: { 'index.js': `module.exports = require('plain')` },
      manifest: { dependencies: { plain: '1.0.0' }, publishConfig: { registry: other }, config: { registry: other } },
    },
    'with-git': dependsOn(`git+${other}plain.git`),
    'with-file': dependsOn('file:../../../../..'),
    'with-address': dependsOn(`${other}plain.tgz`),
    'with-alias': dependsOn('npm:planted@1.0.0'),
    'with-shrinkwrapped-address': shrinkwrap(`${other}plain.tgz`),
    'with-shrinkwrapped-file': shrinkwrap('file:../../../../../secrets.tgz'),
    'with-bundled': {
      files: {
        'index.js': `module.exports = require('plain')`,
        'node_modules/plain/package.json': JSON.stringify({ name: 'plain', version: '1.0.0', main: `${outside}.json` }),
      },
      manifest: { dependencies: { plain: '1.0.0' }, bundleDependencies: ['plain'] },
    },
    'with-main': { manifest: { main: `${outside}.json` } },
    'with-exports': { manifest: { exports: { '.': `./${outside}.json` } } },
    'with-imports': {
      files: { 'index.js': `module.exports = require('#x')` },
      manifest: { imports: { '#x': `./${outside}.json` } },
    },
    'with-require': { files: { 'index.js': `module.exports = require('${outside}.json')` } },
    'with-absolute-require': { files: { 'index.js': `module.exports = require('/etc/passwd')` } },
    'with-browser-field': { files: plain, manifest: { browser: { './index.js': `${outside}.json` } } },
    'with-link': {
      files: { 'index.js': `module.exports = require('./secrets.json')` },
      links: { 'secrets.json': `${outside}.json` },
    },
    'with-escaping-file': { files: { ...plain, '../../../../../escaped.js': 'module.exports = 1' } },
    'with-tsconfig': {
      files: { 'index.ts': 'export default <a/>', 'tsconfig.json': `{ "extends": "${outside}.json" }` },
      manifest: { main: 'index.ts' },
    },
  }
}

/** What packages of the operator's registry try, each by its name there. */
export const hostilePackages: Readonly<Record<string, string>> = {
  'with-scripts': 'has a package with scripts',
  'with-commands': 'has a package with commands named like those of the system',
  'with-npmrc': 'has a package that brings an .npmrc',
  'with-registry': 'has a package that names another registry',
  'with-git': 'has a package that depends on a repository',
  'with-file': 'has a package that depends on a folder',
  'with-address': 'has a package that depends on an archive',
  'with-alias': 'has a package that depends on another by an alias',
  'with-shrinkwrapped-address': 'has a package whose lock names an archive elsewhere',
  'with-shrinkwrapped-file': 'has a package whose lock names a file',
  'with-bundled': 'has a package that bundles one whose code lies outside',
  'with-main': 'has a package whose code lies outside',
  'with-exports': 'has a package whose exports lie outside',
  'with-imports': 'has a package whose imports lie outside',
  'with-require': 'has a package that requires a file outside',
  'with-absolute-require': 'has a package that requires a file of the machine',
  'with-browser-field': 'has a package whose code for browsers lies outside',
  'with-link': 'has a package with a link to a file outside',
  'with-escaping-file': 'has a package with a file that is unpacked outside',
  'with-tsconfig': 'has a package that extends a tsconfig outside',
}
