import { existsSync, statSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import {
  isJsonObject,
  openManifest,
  ValidationException,
  type CatalogEntry,
  type ManifestProblem,
} from '@tenon/contract'
import { type BuildFailure, bundleForCheck, type CheckedBundle } from './bundle.js'
import { choosePlugins, marketplaceOf } from './choose-plugins.js'

/** Everything of one plugin that is looked at, read once. */
export interface PluginFolder {
  key: string
  /** For messages: the plugin's folder, from where the command was called. */
  place: string
  /** The entry as it was written, and as it was understood; undefined when it is missing, or cannot be read. */
  raw: Record<string, unknown> | undefined
  entry: CatalogEntry | undefined
  /** Of plugins.json, about this entry. */
  problems: ManifestProblem[]
  manifest: SourceText
  packageJson: SourceText | undefined
  readme: SourceText | undefined
  entryPoint: string
  hasEntryPoint: boolean
  bundle: CheckedBundle | BuildFailure
  /** TypeScript and JavaScript of the plugin, tests apart. */
  sources: SourceText[]
  tests: SourceText[]
  has(path: string): boolean
}

/** A file, named as in messages. */
export interface SourceText {
  file: string
  text: string
}

/** The plugins that a folder stands for: {@link choosePlugins}. @throws NotFoundException, ValidationException */
export async function readPluginFolders(folder: string): Promise<PluginFolder[]> {
  const start = resolve(folder)
  if (statSync(start, { throwIfNoEntry: false })?.isFile()) throw new ValidationException(`${folder} is not a folder.`)
  const marketplaceDir = marketplaceOf(start)
  const manifest = await readText(join(marketplaceDir, 'plugins.json'))
  const { entries, problems, raws } = readManifest(manifest)
  return Promise.all(
    choosePlugins(marketplaceDir, raws, start).map(({ key, pluginDir, raw }) =>
      readPlugin({
        key,
        pluginDir,
        raw,
        entry: entries.find((one) => one.key === key),
        manifest,
        problems: problems.filter((one) => raw !== undefined && one.index === raws.indexOf(raw)),
      }),
    ),
  )
}

async function readPlugin(known: {
  key: string
  pluginDir: string
  raw: Record<string, unknown> | undefined
  entry: CatalogEntry | undefined
  manifest: SourceText
  problems: ManifestProblem[]
}): Promise<PluginFolder> {
  const { pluginDir, raw, ...rest } = known
  const entryPoint = typeof raw?.['entryPoint'] === 'string' ? raw['entryPoint'] : 'index.ts'
  const all = await sourcesBelow(pluginDir)
  const isTest = ({ file }: SourceText): boolean => /\.test\.[jt]s$/.test(file)
  return {
    ...rest,
    raw,
    place: placeOf(pluginDir),
    packageJson: await readIfThere(join(pluginDir, 'package.json')),
    readme: await readIfThere(join(pluginDir, 'README.md')),
    entryPoint: placeOf(join(pluginDir, entryPoint)),
    hasEntryPoint: existsSync(join(pluginDir, entryPoint)),
    bundle: await bundleForCheck(join(pluginDir, entryPoint)),
    sources: all.filter((one) => !isTest(one)),
    tests: all.filter(isTest),
    has: (path) => existsSync(join(pluginDir, path)) || existsSync(join(dirname(dirname(pluginDir)), path)),
  }
}

function readManifest({ file, text }: SourceText) {
  requireJson(file, text)
  const reader = openManifest(text)
  while (reader.readNext()) continue
  const { plugins } = JSON.parse(text) as { plugins: unknown[] }
  return { ...reader.manifest, raws: plugins.map((raw) => (isJsonObject(raw) ? raw : {})) }
}

/** Says on which line it is not; V8 counts characters. */
function requireJson(file: string, text: string): void {
  try {
    JSON.parse(text)
  } catch (error) {
    const { message } = error as SyntaxError
    const position = Number(/at position (\d+)/.exec(message)?.[1] ?? text.length)
    const line = text.slice(0, position).split('\n').length
    throw new ValidationException(`${file}:${line} is not JSON: ${message}`)
  }
}

async function sourcesBelow(folder: string): Promise<SourceText[]> {
  if (!existsSync(folder)) return []
  const names = await readdir(folder, { recursive: true })
  const sources = names.filter((name) => /\.[cm]?[jt]s$/.test(name) && !/(^|[\\/])node_modules[\\/]/.test(name)).sort()
  return Promise.all(sources.map((name) => readText(join(folder, name))))
}

async function readIfThere(path: string): Promise<SourceText | undefined> {
  return existsSync(path) ? readText(path) : undefined
}

async function readText(path: string): Promise<SourceText> {
  return { file: placeOf(path), text: await readFile(path, 'utf8') }
}

function placeOf(path: string): string {
  const place = relative(process.cwd(), path)
  return place.startsWith('..') ? path : place || '.'
}
