import { createHash } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import {
  artifactManifestOf,
  canonicalJson,
  NotFoundException,
  parseManifest,
  TenonError,
  type ArtifactReference,
  type CatalogEntry,
  type Manifest,
} from '@tenon/contract'
import { build, version as bundlerVersion, type BuildFailure, type BuildOptions } from 'esbuild'
import { packArchive } from './archive.js'
import { ownFile } from './own-file.js'
import { bundleOptions, isProvidedByRunner, uiBundleOptions } from './bundle-options.js'

export interface PackPluginOptions {
  /** The folder of `plugins.json`. */
  marketplaceDir: string
  key: string
  /** Gets `artifacts/<key>-<version>.tgz`. */
  outDir: string
}

export interface PackedPlugin {
  key: string
  version: string
  /** For the entry in `plugins.json`. */
  artifact: ArtifactReference
  /** What the package was made of: the same inputs make the same package. */
  inputs: PackInputs
}

export interface PackInputs {
  /** Paths below the folder of `plugins.json`, also of files that are absent and would be packed. */
  files: string[]
  digest: string
}

const gzipped = promisify(gzip)

/**
 * Packs one plugin of a marketplace of one's own. The same sources give the same bytes. Dependencies come from the
 * `node_modules` around the sources.
 *
 * @throws TenonError BUILD_FAILED, MANIFEST_NOT_JSON, MANIFEST_INVALID; NotFoundException for an unknown key
 * @since 0.1.0
 */
export async function packPlugin({ marketplaceDir, key, outDir }: PackPluginOptions): Promise<PackedPlugin> {
  const { manifest } = await readOwnManifest(marketplaceDir)
  const entry = manifest.entries.find((candidate) => candidate.key === key)
  if (entry === undefined)
    throw new NotFoundException(`There is no plugin "${key}" in ${marketplaceDir}.`, 'plugin', key)
  return packEntry(entry, marketplaceDir, outDir)
}

/** Packs one entry of a manifest that was read already. */
export async function packEntry(entry: CatalogEntry, marketplaceDir: string, outDir: string): Promise<PackedPlugin> {
  const { code, files } = await bundleOwn(entry, marketplaceDir)
  const ui = await bundleUi(entry, marketplaceDir)
  const extras = extraFiles(entry)
  const read = async (path: string): Promise<string | undefined> =>
    (await ownFile(marketplaceDir, path)) && readOptional(marketplaceDir, path)
  const [icon, readme, changelog] = await Promise.all([read(extras.icon), read(extras.readme), read(extras.changelog)])
  const archive = await packArchive({
    ...{ code, manifest: artifactManifestOf(entry), icon, readme, changelog },
    ...{ ui: ui.script, uiStyle: ui.style },
  })
  const packed = await gzipped(archive, { level: 9 })
  const path = `artifacts/${entry.key}-${entry.version}.tgz`
  await writeAtomically(join(outDir, path), packed)
  const sha256 = createHash('sha256').update(archive).digest('hex')
  const inputs = await inputsOf(entry, marketplaceDir, [...files, ...ui.files, ...Object.values(extras)])
  return { key: entry.key, version: entry.version, artifact: { path, sha256, size: packed.length }, inputs }
}

/** The inputs as they are now; equal digests mean that packing again would give the same package. */
export async function inputsOf(entry: CatalogEntry, marketplaceDir: string, paths: string[]): Promise<PackInputs> {
  const files = [...new Set(paths)].sort()
  const hash = createHash('sha256').update(`${bundlerVersion}\n${canonicalJson(artifactManifestOf(entry))}\n`)
  for (const path of files) {
    const text = await readOptional(marketplaceDir, path)
    hash.update(`${path}\n${text === undefined ? 'absent' : createHash('sha256').update(text).digest('hex')}\n`)
  }
  return { files, digest: hash.digest('hex') }
}

/**
 * The manifest of a marketplace of one's own: here a bad entry is an error, for its author is the one who reads it.
 *
 * @throws TenonError MANIFEST_NOT_JSON, MANIFEST_INVALID
 */
export async function readOwnManifest(marketplaceDir: string): Promise<{ manifest: Manifest; text: string }> {
  const location = join(marketplaceDir, 'plugins.json')
  const text = await readFile(location, 'utf8').catch((cause: unknown) => {
    throw new NotFoundException(`There is no plugins.json in ${marketplaceDir}.`, 'manifest', String(cause))
  })
  const manifest = parseManifest(text, location)
  const errors = manifest.problems.filter(({ severity }) => severity === 'error')
  if (errors.length === 0) return { manifest, text }
  const list = errors
    .slice(0, 10)
    .map(({ index, key, path, message }) => `${key ?? `plugins[${index}]`} ${path} ${message}`)
  throw new TenonError('MANIFEST_INVALID', { location, cause: list.join('; ') })
}

async function bundleOwn(entry: CatalogEntry, marketplaceDir: string): Promise<{ code: string; files: string[] }> {
  const { outputs, files } = await bundleFiles(entry, marketplaceDir, {
    ...bundleOptions,
    entryPoints: [join(marketplaceDir, entry.pluginPath, entry.entryPoint)],
    plugins: [
      {
        name: 'provided-by-runner',
        setup: ({ onResolve }) => {
          onResolve({ filter: /.*/ }, ({ path }) => (isProvidedByRunner(path) ? { path, external: true } : undefined))
        },
      },
    ],
  })
  return { code: outputs[0]?.text ?? '', files }
}

interface BundledUi {
  script?: string | undefined
  style?: string | undefined
  files: string[]
}

async function bundleUi(entry: CatalogEntry, marketplaceDir: string): Promise<BundledUi> {
  const ui = entry.contributes?.ui
  if (ui === undefined) return { files: [] }
  const { outputs, files } = await bundleFiles(entry, marketplaceDir, {
    ...uiBundleOptions,
    entryPoints: [join(marketplaceDir, entry.pluginPath, ui.entry)],
  })
  const find = (suffix: string): string | undefined => outputs.find(({ path }) => path.endsWith(suffix))?.text
  return { script: find('.js'), style: find('.css'), files }
}

/** @throws TenonError BUILD_FAILED, with file and line */
async function bundleFiles(
  entry: CatalogEntry,
  marketplaceDir: string,
  options: BuildOptions,
): Promise<{ outputs: { path: string; text: string }[]; files: string[] }> {
  try {
    const { outputFiles = [], metafile } = await build({ ...options, absWorkingDir: marketplaceDir, metafile: true })
    return { outputs: outputFiles, files: Object.keys(metafile.inputs) }
  } catch (cause) {
    const messages = (cause as Partial<BuildFailure>).errors ?? []
    const reason = messages.map(({ text, location }) =>
      location ? `${location.file}:${location.line}: ${text}` : text,
    )
    throw new TenonError(
      'BUILD_FAILED',
      { plugin: entry.displayName, reason: reason.join('; ') || String(cause) },
      { cause },
    )
  }
}

function extraFiles({ pluginPath, iconUrl, changelog }: CatalogEntry): Record<'icon' | 'readme' | 'changelog', string> {
  const named = (name: string | undefined, otherwise: string): string =>
    `${pluginPath}/${name === undefined || /^(https?:|\/)/i.test(name) ? otherwise : name}`
  const icon = iconUrl?.endsWith('.svg') === true ? iconUrl : undefined
  return {
    icon: named(icon, 'icon.svg'),
    readme: `${pluginPath}/README.md`,
    changelog: named(changelog, 'CHANGELOG.md'),
  }
}

async function readOptional(directory: string, path: string): Promise<string | undefined> {
  return readFile(join(directory, path), 'utf8').catch(() => undefined)
}

async function writeAtomically(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.part`, bytes)
  await rename(`${path}.part`, path)
}
