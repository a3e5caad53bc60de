import { Alert, Button, Group, Table } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ImporterContribution } from '@tenon/contract'
import { CircleCheck, Download, FileSpreadsheet, TriangleAlert, Upload, X } from 'lucide-react'
import { type DragEvent, useEffect, useId, useRef, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { requestFile } from '../api/request.js'
import type { Plugin } from '../plugins/types.js'
import { useIsPluginInstalled } from '../plugins/useIsPluginInstalled.js'
import type { Run } from '../runs/run.repository.js'
import { isRunOver } from '../runs/runCache.js'
import { RunErrorNote } from '../runs/RunErrorNote.js'
import { RunProgress } from '../runs/RunProgress.js'
import { followRun, useActiveRun, useRun } from '../runs/runs.js'
import { useRunShown } from '../runs/watchedRuns.js'
import { callRoute, splitRoute, startRoute } from '../views/route.js'
import { textOf } from '../views/Value.js'
import { saveFile } from './saveFile.js'

/** What a check or an import answers, as far as it is shown. */
export interface ImportResult {
  success: boolean
  imported?: number
  failed?: number
  valid?: number
  skipped?: number
  errors?: { row: number; field: string; message: string }[]
  errorCount?: number
  message?: string
  preview?: Record<string, unknown>[]
}

export interface PluginImporterProps {
  plugin: Plugin
  importer: ImporterContribution
  /** Called after rows were imported. */
  onImported?: (result: ImportResult) => void
  onClose?: () => void
}

const shownErrors = 10
const shownRows = 5

/**
 * The import that a plugin declares, as a way of four steps: its template, a file, what is wrong with the file or what
 * it holds, and what came of it. While it imports it can be left, come back to, and stopped.
 *
 * @example <PluginImporter plugin={plugin} importer={plugin.contributes.importers[0]} />
 * @since 0.1.0
 */
export function PluginImporter({ plugin, importer, onImported, onClose }: PluginImporterProps) {
  const [file, setFile] = useState<File>()
  const check = useMutation({
    mutationFn: (chosen: File) => send(plugin.key, importer.check ?? importer.import, chosen),
  })
  const load = useImport(plugin, importer, onImported)
  const download = useMutation({
    mutationFn: async ({ route, body }: { route: string; body?: FormData }) => {
      const { method, path } = splitRoute(route)
      saveFile(await requestFile(`/plugins/${plugin.key}${path}`, { method, body }))
    },
  })

  const choose = (chosen: File | undefined) => {
    load.reset()
    check.reset()
    setFile(chosen)
    if (chosen && importer.check) check.mutate(chosen)
  }
  const checked = check.data
  const isReady = file !== undefined && (importer.check === undefined || checked?.errors?.length === 0)

  if (load.run && !isRunOver(load.run)) return <Importing run={load.run} onClose={onClose} />
  if (load.result?.success) return <Summary result={load.result} onAgain={() => choose(undefined)} onClose={onClose} />
  const wrong = load.result ?? checked
  return (
    <div className="tn-import">
      {importer.template && (
        <Step number={1} title="Get the template" text="It has all columns, and lists of what may be entered.">
          <Button
            variant="default"
            leftSection={<Download size={15} />}
            loading={download.isPending}
            onClick={() => download.mutate({ route: importer.template ?? '' })}
          >
            Download the template
          </Button>
        </Step>
      )}
      <Step number={2} title="Choose the filled-in file">
        <FileField file={file} accept={importer.accept} onChoose={choose} />
      </Step>
      {check.isPending && (
        <p className="tn-quiet" role="status">
          Checking every row…
        </p>
      )}
      {load.run?.state === 'cancelled' && (
        <Alert className="tn-note" role="status">
          The import was stopped.
        </Alert>
      )}
      {load.run?.state === 'failed' && load.run.error && (
        <div role="alert">
          <RunErrorNote error={load.run.error} />
        </div>
      )}
      {(check.error ?? load.error ?? download.error) && (
        <ErrorNote error={(check.error ?? load.error ?? download.error) as Error} title="That did not work" />
      )}
      {wrong && (wrong.errorCount ?? wrong.errors?.length ?? 0) > 0 && (
        <Mistakes
          result={wrong}
          onCorrections={
            importer.corrections && file
              ? () => download.mutate({ route: importer.corrections ?? '', body: formOf(file) })
              : undefined
          }
        />
      )}
      {checked?.errors?.length === 0 && <Preview result={checked} />}
      <Group justify="flex-end" gap="sm">
        {onClose && (
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        )}
        <Button
          leftSection={<Upload size={15} />}
          disabled={!isReady}
          loading={load.isPending}
          onClick={() => file && load.start(file)}
        >
          {checked?.valid
            ? `Import ${checked.valid.toLocaleString('en')} ${checked.valid === 1 ? 'row' : 'rows'}`
            : 'Import'}
        </Button>
      </Group>
    </div>
  )
}

/** The import as a run: the one that was begun here, or one that is under way already. */
function useImport(plugin: Plugin, importer: ImporterContribution, onImported: PluginImporterProps['onImported']) {
  const client = useQueryClient()
  const { installationId } = useIsPluginInstalled(plugin.key)
  const active = useActiveRun(installationId, importer.id)
  const [followed, setFollowed] = useState<string>()
  const begin = useMutation({
    async mutationFn(chosen: File) {
      const work = await startRoute<ImportResult>(plugin.key, importer.import, { body: formOf(chosen) })
      if (!('runId' in work)) return work.answer
      await followRun(client, work.runId)
      setFollowed(work.runId)
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
    if (result && (result.imported ?? 0) > 0) onImported?.(result)
    // Once for each import, not for each new function of the parent.
  }, [run?.id, run?.state, begin.data])
  return {
    run,
    result,
    error: begin.error,
    isPending: begin.isPending,
    start: (file: File) => begin.mutate(file),
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

function Importing({ run, onClose }: { run: Run; onClose?: () => void }) {
  return (
    <div className="tn-import">
      <RunProgress run={run} mayCancel />
      <p className="tn-quiet">It goes on when you leave this page. You are told when it is done.</p>
      {onClose && (
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose} data-autofocus>
            Go on in the background
          </Button>
        </Group>
      )}
    </div>
  )
}

function Step({
  number,
  title,
  text,
  children,
}: {
  number: number
  title: string
  text?: string
  children: React.ReactNode
}) {
  return (
    <section className="tn-step">
      <span className="tn-step-number" aria-hidden>
        {number}
      </span>
      <div>
        <h3>{title}</h3>
        {text ? <p className="tn-quiet">{text}</p> : null}
        {children}
      </div>
    </section>
  )
}

function FileField({
  file,
  accept,
  onChoose,
}: {
  file: File | undefined
  accept: readonly string[]
  onChoose: (file: File | undefined) => void
}) {
  const id = useId()
  const input = useRef<HTMLInputElement>(null)
  const [over, setOver] = useState(false)
  const drop = (event: DragEvent) => {
    event.preventDefault()
    setOver(false)
    onChoose(event.dataTransfer.files[0])
  }
  if (file) {
    return (
      <div className="tn-file">
        <FileSpreadsheet size={18} aria-hidden />
        <span>{file.name}</span>
        <span className="tn-quiet">{sizeOf(file.size)}</span>
        <Button
          variant="subtle"
          color="gray"
          size="compact-xs"
          aria-label={`Remove ${file.name}`}
          onClick={() => onChoose(undefined)}
        >
          <X size={15} />
        </Button>
      </div>
    )
  }
  return (
    <label
      className="tn-drop"
      htmlFor={id}
      data-over={over || undefined}
      onDragOver={(event) => {
        event.preventDefault()
        setOver(true)
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      <input
        ref={input}
        id={id}
        type="file"
        accept={accept.join(',')}
        onChange={(event) => onChoose(event.currentTarget.files?.[0])}
      />
      <Upload size={20} aria-hidden />
      <span>
        <strong>Choose a file</strong> or drop it here
      </span>
      {accept.length > 0 && <span className="tn-quiet">{accept.join(', ')}</span>}
    </label>
  )
}

function Mistakes({ result, onCorrections }: { result: ImportResult; onCorrections?: () => void }) {
  const { errors = [], errorCount = errors.length } = result
  return (
    <section className="tn-mistakes" aria-label="What is wrong">
      <Alert
        className="tn-note"
        data-tone="warn"
        icon={<TriangleAlert size={18} />}
        role="alert"
        title={
          errorCount === 1
            ? 'One cell has to be corrected'
            : `${errorCount.toLocaleString('en')} cells have to be corrected`
        }
      >
        Nothing was imported. Correct the file and choose it again.
        {onCorrections && (
          <div>
            <Button size="xs" mt="xs" variant="default" leftSection={<Download size={14} />} onClick={onCorrections}>
              Download the file with the mistakes marked
            </Button>
          </div>
        )}
      </Alert>
      <Table.ScrollContainer minWidth={420} className="tn-table-frame">
        <Table verticalSpacing={6}>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Row</Table.Th>
              <Table.Th>Field</Table.Th>
              <Table.Th>What is wrong</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {errors.slice(0, shownErrors).map(({ row, field, message }, index) => (
              <Table.Tr key={index}>
                <Table.Td>{row}</Table.Td>
                <Table.Td>{wordsOf(field)}</Table.Td>
                <Table.Td>{message}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {errorCount > shownErrors && (
        <p className="tn-quiet">
          The first {shownErrors} of {errorCount.toLocaleString('en')}.
        </p>
      )}
    </section>
  )
}

function Preview({ result: { valid = 0, preview = [] } }: { result: ImportResult }) {
  const rows = preview.slice(0, shownRows)
  const columns = Object.keys(rows[0] ?? {})
    .filter((name) => rows.some((row) => row[name] !== null && typeof row[name] !== 'object'))
    .slice(0, 4)
  return (
    <section className="tn-mistakes" aria-label="What is in the file">
      <Alert className="tn-note" data-tone="good" icon={<CircleCheck size={18} />} role="status">
        {valid === 1
          ? 'One row is ready to be imported.'
          : `${valid.toLocaleString('en')} rows are ready to be imported.`}
      </Alert>
      {rows.length > 0 && (
        <Table.ScrollContainer minWidth={420} className="tn-table-frame">
          <Table verticalSpacing={6}>
            <Table.Thead>
              <Table.Tr>
                {columns.map((name) => (
                  <Table.Th key={name}>{wordsOf(name)}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {rows.map((row, index) => (
                <Table.Tr key={index}>
                  {columns.map((name) => (
                    <Table.Td key={name}>
                      <span className="tn-clip">{textOf(row[name])}</span>
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      {valid > rows.length && (
        <p className="tn-quiet">
          The first {rows.length} of {valid.toLocaleString('en')}.
        </p>
      )}
    </section>
  )
}

function Summary({ result, onAgain, onClose }: { result: ImportResult; onAgain: () => void; onClose?: () => void }) {
  const { imported = 0, skipped = 0, message } = result
  return (
    <div className="tn-import">
      <Alert
        className="tn-note"
        data-tone="good"
        icon={<CircleCheck size={18} />}
        role="status"
        title="Import completed"
      >
        {message ?? `${imported.toLocaleString('en')} rows were imported.`}
        {skipped > 0 ? ` ${skipped === 1 ? 'One sample row was' : `${skipped} sample rows were`} left out.` : ''}
      </Alert>
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onAgain}>
          Import another file
        </Button>
        {onClose && (
          <Button onClick={onClose} data-autofocus>
            Done
          </Button>
        )}
      </Group>
    </div>
  )
}

function send(pluginKey: string, route: string, file: File): Promise<ImportResult> {
  return callRoute<ImportResult>(pluginKey, route, { body: formOf(file) })
}

function formOf(file: File): FormData {
  const form = new FormData()
  form.append('file', file)
  return form
}

function sizeOf(bytes: number): string {
  return bytes < 1_000_000 ? `${Math.max(1, Math.round(bytes / 1_000))} kB` : `${(bytes / 1_000_000).toFixed(1)} MB`
}

/** `risk_owner` as people say it. */
export function wordsOf(name: string): string {
  const words = name.replaceAll('_', ' ').trim()
  return words.charAt(0).toUpperCase() + words.slice(1)
}
