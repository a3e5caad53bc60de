import type { Plugin } from '@tenon/react'
import { useCallback, useMemo } from 'react'
import { setParameter, useParameters } from '../ui/useParameters.js'

/** What the list is narrowed to; empty means everything. It is in the address, so that it can be sent to somebody. */
export interface Filters {
  q: string
  category: string
  status: string
  trust: string
  needs: string
}

const names = ['q', 'category', 'status', 'trust', 'needs'] as const

export function useFilters(): [Filters, (changes: Partial<Filters>) => void] {
  const [parameters, edit] = useParameters()
  const filters = useMemo(
    () => Object.fromEntries(names.map((name) => [name, parameters.get(name) ?? ''])) as unknown as Filters,
    [parameters],
  )
  const change = useCallback(
    (changes: Partial<Filters>) =>
      edit((edited) => Object.entries(changes).forEach(([name, value]) => setParameter(edited, name, value)), {
        isTyped: changes.q !== undefined,
      }),
    [edit],
  )
  return [filters, change]
}

export interface FilterOption {
  value: string
  label: string
  matches: (plugin: Plugin) => boolean
}

export const statusOptions: FilterOption[] = [
  { value: 'available', label: 'Available', matches: ({ installationId }) => installationId === undefined },
  { value: 'installed', label: 'Installed', matches: ({ installationId }) => installationId !== undefined },
  {
    value: 'update',
    label: 'Update available',
    matches: ({ installationStatus, updateAvailable }) =>
      installationStatus === 'installed' && Boolean(updateAvailable),
  },
  {
    value: 'attention',
    label: 'Needs attention',
    matches: ({ installationStatus, needsConfiguration, needsConnection }) =>
      installationStatus === 'failed' ||
      installationStatus === 'disabled' ||
      (installationStatus === 'installed' && (needsConfiguration === true || needsConnection === true)),
  },
]

export const trustOptions: FilterOption[] = [
  { value: 'official', label: 'Official', matches: ({ isOfficial }) => isOfficial },
  { value: 'packed', label: 'Verified package', matches: ({ artifact }) => artifact !== undefined },
  { value: 'source', label: 'Built from source', matches: ({ artifact }) => artifact === undefined },
  { value: 'declared', label: 'Says what it needs', matches: ({ permissions }) => permissions !== undefined },
  { value: 'undeclared', label: 'Does not say', matches: ({ permissions }) => permissions === undefined },
]

export const needsOptions: FilterOption[] = [
  {
    value: 'no-network',
    label: 'No network',
    matches: ({ permissions }) =>
      permissions !== undefined &&
      permissions.network.hosts.length === 0 &&
      permissions.network.fromConfiguration.length === 0,
  },
  {
    value: 'read-only',
    label: 'Changes nothing of yours',
    matches: ({ permissions }) =>
      permissions !== undefined &&
      Object.values(permissions.database.tables).every((privileges) => privileges.every((name) => name === 'select')),
  },
]

const byName: Partial<Record<keyof Filters, FilterOption[]>> = {
  status: statusOptions,
  trust: trustOptions,
  needs: needsOptions,
}

/** The plugins that fit everything; all words of the search have to be found in name, description, publisher or tags. */
export function filterPlugins(plugins: readonly Plugin[], filters: Filters): Plugin[] {
  const words = filters.q.toLowerCase().split(/\s+/).filter(Boolean)
  const chosen = Object.entries(byName).flatMap(
    ([name, options]) => options.find(({ value }) => value === filters[name as keyof Filters]) ?? [],
  )
  return plugins.filter(
    (plugin) =>
      (filters.category === '' || plugin.category === filters.category) &&
      chosen.every(({ matches }) => matches(plugin)) &&
      hasWords(plugin, words),
  )
}

function hasWords(plugin: Plugin, words: readonly string[]): boolean {
  if (words.length === 0) return true
  const text = searchedText(plugin)
  return words.every((word) => text.includes(word))
}

const searchedTexts = new WeakMap<Plugin, string>()

/** Made once for each plugin, not with each letter. */
function searchedText(plugin: Plugin): string {
  const known = searchedTexts.get(plugin)
  if (known !== undefined) return known
  const { displayName, name, description, author, tags } = plugin
  const text = [displayName, name, description, author, ...tags].join(' ').toLowerCase()
  searchedTexts.set(plugin, text)
  return text
}
