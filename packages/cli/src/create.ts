import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isJsonObject, pluginKeySchema, ValidationException } from '@tenon/contract'
import { Argument, Command } from 'commander'
import { marketplaceAround } from './check/choose-plugins.js'
import type { Output } from './output.js'
import { newMarketplaceFiles } from './new-marketplace.js'

/** What a plugin can begin as; each is a folder of templates. */
export const pluginKinds = ['connection', 'data-sync', 'import'] as const
type PluginKind = (typeof pluginKinds)[number]

const examples = `
Kinds:
  connection   accounts of another service, connected with its own sign-in, that are told what happens
  data-sync    records of another service in a table of its own, on a schedule and at the press of a button
  import       a file whose rows are checked and then stored
Examples:
  tenon create data-sync asset-sync         in the marketplace of this folder, or a new one if there is none
  tenon create import vendor-import --marketplace ~/plugins`

/** `tenon create`: a plugin that installs, tests and passes `tenon check` as it is. */
export function createCommand(output: Output): Command {
  return new Command('create')
    .description('begin a plugin from a template')
    .addArgument(new Argument('<kind>', 'what it is').choices(pluginKinds))
    .argument('<key>', 'lower-case words joined by hyphens, such as asset-sync')
    .option('-m, --marketplace <dir>', 'folder of plugins.json (default: this one, or the nearest above that has one)')
    .addHelpText('after', examples)
    .action(async (kind: PluginKind, key: string, { marketplace }: { marketplace?: string }) => {
      const here = process.cwd()
      const marketplaceDir = marketplace ?? marketplaceAround(here) ?? here
      const place = relative(here, await createPlugin({ kind, key, marketplaceDir }))
      const manifest = relative(here, join(marketplaceDir, 'plugins.json'))
      output.out(`Created ${place}, and its entry in ${manifest}.\nNext: npx tenon check ${place}\n`)
    })
}

/**
 * Writes a plugin of this kind, and its entry, into a marketplace; the marketplace itself too when there is none.
 * Answers the plugin's folder.
 *
 * @throws ValidationException for a key that is none, or is taken
 */
export async function createPlugin(options: {
  kind: PluginKind
  key: string
  marketplaceDir: string
}): Promise<string> {
  const { kind, key, marketplaceDir } = options
  if (!pluginKeySchema.safeParse(key).success) {
    throw new ValidationException(
      `"${key}" cannot be the key of a plugin: use lower-case words joined by hyphens.`,
      'key',
    )
  }
  const template = join(templatesFolder(), kind)
  const folder = join(marketplaceDir, 'plugins', key)
  if (existsSync(folder)) throw new ValidationException(`${folder} is there already. Choose another key.`, 'key')
  await prepareMarketplace(marketplaceDir)
  const manifest = await readManifest(marketplaceDir)
  if (manifest.plugins.some((entry) => isJsonObject(entry) && entry['key'] === key)) {
    throw new ValidationException(`plugins.json has an entry "${key}" already. Choose another key.`, 'key')
  }
  const words = wordsOf(key)
  for (const file of await filesBelow(template)) {
    if (file === 'entry.json') continue
    await mkdir(join(folder, file, '..'), { recursive: true })
    await writeFile(join(folder, file), inWordsOf(await readFile(join(template, file), 'utf8'), words))
  }
  manifest.plugins.push(JSON.parse(inWordsOf(await readFile(join(template, 'entry.json'), 'utf8'), words)))
  await writeFile(join(marketplaceDir, 'plugins.json'), `${JSON.stringify(manifest, undefined, 2)}\n`)
  return folder
}

/** Beside the package where it is installed; in the marketplace of this repository where it is developed. */
function templatesFolder(): string {
  const places = ['../templates', '../../../marketplace/templates'].map((place) => new URL(place, import.meta.url))
  const found = places.map((place) => fileURLToPath(place)).find((place) => existsSync(place))
  if (found === undefined) throw new Error('The templates are missing from this installation of @tenon/cli.')
  return found
}

async function prepareMarketplace(marketplaceDir: string): Promise<void> {
  if (existsSync(join(marketplaceDir, 'plugins.json'))) return
  await mkdir(marketplaceDir, { recursive: true })
  for (const [name, content] of Object.entries(newMarketplaceFiles)) {
    const path = join(marketplaceDir, name)
    if (!existsSync(path)) await writeFile(path, content)
  }
}

async function readManifest(marketplaceDir: string): Promise<{ plugins: unknown[] }> {
  const path = join(marketplaceDir, 'plugins.json')
  const manifest: unknown = JSON.parse(await readFile(path, 'utf8'))
  if (isJsonObject(manifest) && Array.isArray(manifest['plugins'])) return { ...manifest, plugins: manifest['plugins'] }
  throw new ValidationException(`${path} has no list of plugins.`, 'plugins')
}

async function filesBelow(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true })
  const files = await Promise.all(names.map(async (name) => ((await stat(join(folder, name))).isFile() ? [name] : [])))
  return files.flat().sort()
}

interface Words {
  key: string
  title: string
  identifier: string
}

/** `asset-sync` is also `Asset Sync` and `asset_sync`. */
function wordsOf(key: string): Words {
  const title = key.replace(
    /(^|-)([a-z0-9])/g,
    (_, hyphen: string, letter: string) => `${hyphen === '' ? '' : ' '}${letter.toUpperCase()}`,
  )
  return { key, title, identifier: key.replaceAll('-', '_') }
}

function inWordsOf(text: string, { key, title, identifier }: Words): string {
  return text.replaceAll('my-plugin', key).replaceAll('My Plugin', title).replaceAll('my_plugin', identifier)
}
