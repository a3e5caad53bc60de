import { randomUUID } from 'node:crypto'
import { copyFile, cp, mkdir, readdir, readFile, realpath, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { isJsonObject, NotFoundException, ValidationException, type CatalogEntry } from '@tenon/contract'
import { ownFile } from './own-file.js'
import { inputsOf, packEntry, readOwnManifest, type PackedPlugin } from './pack.js'

/** What was packed from what, beside the manifest, so that the next time only what changed is packed. */
const ledgerName = '.packed.json'

export interface PackMarketplaceOptions {
  /** The folder of `plugins.json`. */
  marketplaceDir: string
  /** Is replaced as a whole when everything went well. */
  outDir: string
  /** Keys to pack; the other entries stay source-only. All when absent. */
  only?: readonly string[] | undefined
  onProgress?: (progress: PackProgress) => void
}

export interface PackProgress {
  key: string
  outcome: 'packed' | 'unchanged' | 'copied'
  done: number
  total: number
}

export interface PackedMarketplace {
  outDir: string
  packed: (PackedPlugin & { unchanged: boolean })[]
  /** Keys of the entries that stayed source-only. */
  copied: string[]
}

/**
 * Packs a marketplace of one's own into a folder that can be served as it is: `plugins.json` with digests, packages,
 * icons, and the sources of what was not packed.
 *
 * @throws TenonError BUILD_FAILED, MANIFEST_NOT_JSON, MANIFEST_INVALID; NotFoundException for an unknown key;
 *   ValidationException when `outDir` holds something else
 * @since 0.1.0
 */
export async function packMarketplace(options: PackMarketplaceOptions): Promise<PackedMarketplace> {
  const marketplaceDir = resolve(options.marketplaceDir)
  const outDir = resolve(options.outDir)
  const { manifest, text } = await readOwnManifest(marketplaceDir)
  assertKnown(options.only ?? [], manifest.entries, marketplaceDir)
  await assertReplaceable(outDir, marketplaceDir)

  const staging = join(dirname(outDir), `.${basename(outDir)}-${randomUUID()}`)
  const result: PackedMarketplace = { outDir, packed: [], copied: [] }
  try {
    await mkdir(staging, { recursive: true })
    for (const [index, entry] of manifest.entries.entries()) {
      const outcome = await placeEntry(entry, { ...options, marketplaceDir, outDir }, staging, result)
      options.onProgress?.({ key: entry.key, outcome, done: index + 1, total: manifest.entries.length })
    }
    await copyFolder(marketplaceDir, staging, 'assets')
    await writeFile(join(staging, 'plugins.json'), withArtifacts(text, result.packed))
    await writeFile(join(staging, ledgerName), JSON.stringify(result.packed))
    await replace(outDir, staging)
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
  return result
}

async function placeEntry(
  entry: CatalogEntry,
  { marketplaceDir, outDir, only }: PackMarketplaceOptions,
  staging: string,
  result: PackedMarketplace,
): Promise<PackProgress['outcome']> {
  for (const { artifact } of entry.versions) await copyIfThere(marketplaceDir, staging, artifact.path)
  if (only !== undefined && !only.includes(entry.key)) {
    await copyFolder(marketplaceDir, staging, entry.pluginPath)
    result.copied.push(entry.key)
    return 'copied'
  }
  for (const icon of iconsOf(entry))
    if (await ownFile(marketplaceDir, icon)) await copyIfThere(marketplaceDir, staging, icon)
  const kept = await takeUnchanged(entry, marketplaceDir, outDir, staging)
  result.packed.push({ ...(kept ?? (await packEntry(entry, marketplaceDir, staging))), unchanged: kept !== undefined })
  return kept === undefined ? 'packed' : 'unchanged'
}

/** The package of the last time, if it was made of what is there now. */
async function takeUnchanged(
  entry: CatalogEntry,
  marketplaceDir: string,
  outDir: string,
  staging: string,
): Promise<PackedPlugin | undefined> {
  const earlier = (await readLedger(outDir)).find(({ key, version }) => key === entry.key && version === entry.version)
  if (earlier === undefined) return undefined
  const inputs = await inputsOf(entry, marketplaceDir, earlier.inputs.files)
  if (inputs.digest !== earlier.inputs.digest) return undefined
  const { key, version, artifact } = earlier
  return (await copyIfThere(outDir, staging, artifact.path)) ? { key, version, artifact, inputs } : undefined
}

async function readLedger(outDir: string): Promise<PackedPlugin[]> {
  const text = await readFile(join(outDir, ledgerName), 'utf8').catch(() => '[]')
  return JSON.parse(text) as PackedPlugin[]
}

/** The manifest as it was written, with the artifacts put in: unknown fields and the order of fields stay. */
function withArtifacts(text: string, packed: readonly PackedPlugin[]): string {
  const manifest = JSON.parse(text) as { plugins: unknown[] }
  for (const entry of manifest.plugins) {
    if (!isJsonObject(entry)) continue
    const artifact = packed.find(({ key }) => key === entry.key)?.artifact
    if (artifact === undefined) delete entry.artifact
    else entry.artifact = artifact
  }
  return `${JSON.stringify(manifest, undefined, 2)}\n`
}

function iconsOf({ iconUrl, pluginPath }: CatalogEntry): string[] {
  const named = iconUrl === undefined || /^(https?:|\/)/i.test(iconUrl) ? [] : [`${pluginPath}/${iconUrl}`]
  return [...named, `${pluginPath}/icon.svg`]
}

async function copyIfThere(from: string, to: string, path: string): Promise<boolean> {
  if ((await stat(join(from, path)).catch(() => undefined))?.isFile() !== true) return false
  await mkdir(dirname(join(to, path)), { recursive: true })
  await copyFile(join(from, path), join(to, path))
  return true
}

/** Sources only: no installed packages, no build output, no hidden files, no tests. */
async function copyFolder(marketplaceDir: string, to: string, name: string): Promise<void> {
  const from = join(marketplaceDir, name)
  if ((await stat(from).catch(() => undefined))?.isDirectory() !== true) return
  const unwanted = /^(node_modules|dist)$|^\.|\.test\.[cm]?[jt]sx?$/
  const isWanted = async (path: string): Promise<boolean> =>
    path === from ||
    (!unwanted.test(basename(path)) && (await ownFile(marketplaceDir, relative(marketplaceDir, path))) !== undefined)
  await cp(from, join(to, name), { recursive: true, filter: isWanted })
}

async function replace(outDir: string, staging: string): Promise<void> {
  const old = `${staging}-old`
  const existed = await rename(outDir, old).then(
    () => true,
    () => false,
  )
  try {
    await rename(staging, outDir)
  } catch (error) {
    if (existed) await rename(old, outDir)
    throw error
  }
  await rm(old, { recursive: true, force: true })
}

function assertKnown(keys: readonly string[], entries: readonly CatalogEntry[], marketplaceDir: string): void {
  const unknown = keys.find((key) => !entries.some((entry) => entry.key === key))
  if (unknown === undefined) return
  const known = entries.map(({ key }) => key).join(', ')
  throw new NotFoundException(
    `There is no plugin "${unknown}" in ${marketplaceDir}; there are: ${known}.`,
    'plugin',
    unknown,
  )
}

/** The folder will be removed: it must be an earlier result, empty, or not there. */
async function assertReplaceable(outDir: string, marketplaceDir: string): Promise<void> {
  const inside = relative(outDir, await realpath(marketplaceDir))
  if (inside === '' || (inside !== '..' && !inside.startsWith(`..${sep}`))) {
    throw new ValidationException(`The output folder ${outDir} contains the marketplace itself.`, 'outDir', outDir)
  }
  const names = await readdir(outDir).catch((): string[] => [])
  if (names.length === 0 || names.includes(ledgerName)) return
  throw new ValidationException(
    `The output folder ${outDir} holds something else. Name an empty folder, or empty it first.`,
    'outDir',
    outDir,
  )
}
