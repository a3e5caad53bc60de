import { existsSync, readdirSync } from 'node:fs'
import { basename, dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { NotFoundException } from '@tenon/contract'

/** A plugin of a marketplace, and its entry in plugins.json as it was written, where it has one. */
export interface ChosenPlugin {
  key: string
  pluginDir: string
  raw: Record<string, unknown> | undefined
}

const whatToName = 'Name the folder of a plugin, of several, or of plugins.json.'

/** The nearest folder upwards with a plugins.json. */
export function marketplaceAround(folder: string): string | undefined {
  for (let place = folder; ; place = dirname(place)) {
    if (existsSync(join(place, 'plugins.json'))) return place
    if (place === dirname(place)) return undefined
  }
}

/** The marketplace that a folder belongs to. @throws NotFoundException */
export function marketplaceOf(folder: string): string {
  const marketplaceDir = marketplaceAround(folder)
  if (marketplaceDir !== undefined) return marketplaceDir
  throw new NotFoundException(`There is no plugins.json in ${folder}, nor above it. ${whatToName}`)
}

/**
 * The plugins that a folder of a marketplace stands for: of its root all that are listed; of a plugin, or a folder within
 * one, that plugin; of any other those below it, listed or not.
 *
 * @throws NotFoundException when there is none
 */
export function choosePlugins(
  marketplaceDir: string,
  entries: readonly Record<string, unknown>[],
  folder: string,
): ChosenPlugin[] {
  const listed = entries.map((raw) => ({ key: keyOf(raw), pluginDir: placeOfEntry(marketplaceDir, raw), raw }))
  if (folder === marketplaceDir) return listed
  if (!existsSync(folder)) throw new NotFoundException(`There is no folder ${folder}. ${whatToName}`)
  const around = listed.find(({ pluginDir }) => isWithin(pluginDir, folder))
  if (around) return [around]
  const below = listed.filter(({ pluginDir }) => isWithin(folder, pluginDir))
  const self = below.length > 0 ? undefined : unlistedAround(folder, marketplaceDir, listed)
  const chosen = self ? [self] : [...below, ...unlistedIn(folder, listed)]
  if (chosen.length === 0) throw new NotFoundException(`There is no plugin in ${folder}. ${whatToName}`)
  return chosen
}

function unlistedAround(
  folder: string,
  marketplaceDir: string,
  listed: readonly ChosenPlugin[],
): ChosenPlugin | undefined {
  for (let place = folder; place !== marketplaceDir; place = dirname(place)) {
    if (looksLikePlugin(place)) return unlisted(place, listed)
  }
  return undefined
}

function unlistedIn(folder: string, listed: readonly ChosenPlugin[]): ChosenPlugin[] {
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((place) => looksLikePlugin(place) && !listed.some(({ pluginDir }) => isWithin(place, pluginDir)))
    .map((place) => unlisted(place, listed))
}

const looksLikePlugin = (folder: string): boolean =>
  ['package.json', 'index.ts', 'index.js'].some((name) => existsSync(join(folder, name)))

/** A plugin in a place that no entry names; an entry with its key, which names another place, is held to be its own. */
function unlisted(pluginDir: string, listed: readonly ChosenPlugin[]): ChosenPlugin {
  const key = basename(pluginDir)
  return { key, pluginDir, raw: listed.find((one) => one.key === key)?.raw }
}

function keyOf(raw: Record<string, unknown>): string {
  return typeof raw['key'] === 'string' ? raw['key'] : '(no key)'
}

function placeOfEntry(marketplaceDir: string, raw: Record<string, unknown>): string {
  const path = typeof raw['pluginPath'] === 'string' ? raw['pluginPath'] : `plugins/${keyOf(raw)}`
  return resolve(marketplaceDir, path)
}

function isWithin(outer: string, inner: string): boolean {
  const path = relative(outer, inner)
  return path !== '..' && !path.startsWith(`..${sep}`) && !isAbsolute(path)
}
