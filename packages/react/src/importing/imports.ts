import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ImporterContribution } from '@tenon/contract'
import { useEffect, useState } from 'react'
import { pluginKeys } from '../plugins/queries.js'
import type { Plugin } from '../plugins/types.js'
import { useIsPluginInstalled } from '../plugins/useIsPluginInstalled.js'
import type { Run } from '../runs/run.repository.js'
import { followRun, useActiveRun, useRun } from '../runs/runs.js'
import { useRunShown } from '../runs/watchedRuns.js'
import { callRoute, startRoute } from '../views/route.js'

/** What a check or an import answers, as far as it is shown. */
export interface ImportResult {
  success: boolean
  imported?: number
  failed?: number
  /** Rows without a mistake. */
  valid?: number
  /** Rows that would be imported as things are; without it, all that are valid, when there is no mistake. */
  importable?: number
  skipped?: number
  /** `column` is how people call the field; without it, the field says it. */
  errors?: { row: number; field: string; column?: string; message: string }[]
  errorCount?: number
  message?: string
  preview?: Record<string, unknown>[]
  /** With it, an import can be taken back. */
  importId?: string | null
}

/** An import as its plugin remembers it. Times are ISO 8601. */
export interface PastImport {
  id: string
  importedAt: string
  imported: number
  fileName?: string | null
  importedBy?: number | null
  /** When it was taken back. */
  undoneAt?: string | null
  /** Until when it can be taken back; without it, always. */
  undoUntil?: string | null
}

/** What was chosen about an import, by the names of the fields. */
export type ImportSettings = Record<string, unknown>

/** What is chosen as long as nobody has chosen. */
export function usualSettings({ settings }: ImporterContribution): ImportSettings {
  const properties = Object.entries((settings?.['properties'] ?? {}) as Record<string, { default?: unknown }>)
  return Object.fromEntries(
    properties.flatMap(([name, { default: usual }]) => (usual === undefined ? [] : [[name, usual]])),
  )
}

/** What an importer belongs to. */
export interface ImporterOfPlugin {
  plugin: Plugin
  importer: ImporterContribution
}

/** How many rows an import would bring, by what the check said; undefined when it may, and nobody counted. */
export function importableRows(result: ImportResult): number | undefined {
  if (result.importable !== undefined) return result.importable
  return mistakesIn(result) === 0 ? result.valid : 0
}

/** How many mistakes there are, also those that are not listed. */
export function mistakesIn({ errors = [], errorCount = errors.length }: ImportResult): number {
  return errorCount
}

/** A file as its importer takes it. What was chosen goes first, so that it is known when the file comes. */
export function formOf(file: File, settings: ImportSettings): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(settings)) {
    if (value !== undefined) form.append(name, typeof value === 'string' ? value : JSON.stringify(value))
  }
  form.append('file', file)
  return form
}

const pastImports = ({ plugin, importer }: ImporterOfPlugin) => pluginKeys.of(plugin.key, 'imports', importer.id)

/** The imports of the past, the newest first; not asked for where a plugin does not tell them. */
export function usePastImports({ plugin, importer }: ImporterOfPlugin) {
  return useQuery({
    queryKey: pastImports({ plugin, importer }),
    queryFn: ({ signal }) => callRoute<PastImport[]>(plugin.key, importer.history ?? '', { signal }),
    enabled: importer.history !== undefined,
  })
}

/** Takes back what an import brought, as far as the plugin can. */
export function useUndoImport({ plugin, importer }: ImporterOfPlugin) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (importId: string) =>
      callRoute<{ message?: string }>(plugin.key, importer.undo ?? '', { body: { importId } }),
    // Refused, because somebody else was faster: then that is shown. What it brought may be in any view of the plugin.
    onSettled: () => client.invalidateQueries({ queryKey: pluginKeys.ofPlugin(plugin.key) }),
  })
}

/** The import as a run: the one that was begun here, or one that is under way already. */
export function useImport({ plugin, importer }: ImporterOfPlugin, onImported?: (result: ImportResult) => void) {
  const client = useQueryClient()
  const { installationId } = useIsPluginInstalled(plugin.key)
  const active = useActiveRun(installationId, importer.id)
  const [followed, setFollowed] = useState<string>()
  const begin = useMutation({
    async mutationFn(body: FormData) {
      const work = await startRoute<ImportResult>(plugin.key, importer.import, { body })
      if (!('runId' in work)) return work.answer
      // First, so that its end is shown here and told nowhere else, however soon it is.
      setFollowed(work.runId)
      await followRun(client, work.runId)
      return undefined
    },
  })
  const { data: run } = useRun(followed)
  const result = run?.state === 'succeeded' ? resultOf(run) : begin.data
  useRunShown(followed)
  useEffect(() => {
    if (active && followed === undefined) setFollowed(active.id)
  }, [active, followed])
  useEffect(() => {
    if (!result || (result.imported ?? 0) === 0) return
    void client.invalidateQueries({ queryKey: pastImports({ plugin, importer }) })
    onImported?.(result)
    // Once for each import, not for each new function of the parent.
  }, [run?.id, run?.state, begin.data])
  return {
    run,
    result,
    error: begin.error,
    isPending: begin.isPending,
    start: (body: FormData) => begin.mutate(body),
    reset() {
      begin.reset()
      setFollowed(undefined)
    },
  }
}

/** What was answered is kept unless it was large; then there is at least what was counted. */
function resultOf({ result, counts }: Run): ImportResult {
  if (typeof result === 'object' && result !== null && 'success' in result) return result as ImportResult
  const { imported = 0, failed = 0, errorCount = failed } = counts
  return { success: failed === 0 && errorCount === 0, imported, failed, errorCount, errors: [] }
}
