import { Alert, Button, Group } from '@mantine/core'
import { useDebouncedCallback } from '@mantine/hooks'
import { useMutation } from '@tanstack/react-query'
import { countOf } from '@tenon/contract/count-of'
import type { ImporterContribution } from '@tenon/contract'
import { CircleCheck, Download, RotateCw, Undo2, Upload } from 'lucide-react'
import { lazy, type MouseEvent, type ReactNode, Suspense, useId, useRef, useState } from 'react'
import { ApiError } from '../api/ApiError.js'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { requestFile } from '../api/request.js'
import { useKeptFocus } from '../api/useKeptFocus.js'
import { PluginBoundary } from '../frame/PluginBoundary.js'
import type { Plugin } from '../plugins/types.js'
import type { Run } from '../runs/run.repository.js'
import { isRunOver } from '../runs/runCache.js'
import { RunErrorNote } from '../runs/RunErrorNote.js'
import { RunProgress } from '../runs/RunProgress.js'
import { callRoute, splitRoute } from '../views/route.js'
import { FileField } from './FileField.js'
import { ImportMistakes, ImportPreview } from './ImportFindings.js'
import {
  formOf,
  importableRows,
  type ImporterOfPlugin,
  type ImportResult,
  type ImportSettings,
  mistakesIn,
  useImport,
  usualSettings,
  useUndoImport,
} from './imports.js'
import { PastImports, type PastImportsProps } from './PastImports.js'
import { saveFile } from './saveFile.js'

/** Forms come with a validator, which is more code than the rest of an importer. */
const SchemaForm = lazy(async () => ({ default: (await import('../configuration/SchemaForm.js')).SchemaForm }))

/** As long as somebody may still be typing what the file is checked with. */
const pauseMs = 400

export interface PluginImporterProps extends Pick<PastImportsProps, 'nameOf' | 'onUndone'> {
  plugin: Plugin
  importer: ImporterContribution
  /** Called after rows were imported. */
  onImported?: ((result: ImportResult) => void) | undefined
  onClose?: (() => void) | undefined
}

/**
 * The import that a plugin declares, as a way of four steps: its template, a file and how it is taken, what is wrong with
 * the file or what it holds, and what came of it. While it imports it can be left, come back to, and stopped; earlier
 * imports stand below it, and can be taken back.
 *
 * @example
 * return plugin.contributes?.importers.map((importer) => (
 *   <PluginImporter key={importer.id} plugin={plugin} importer={importer} />
 * ))
 * @since 0.1.0
 */
export function PluginImporter(props: PluginImporterProps) {
  return (
    <PluginBoundary plugin={props.plugin}>
      <Frame>
        <Wizard {...props} />
      </Frame>
    </PluginBoundary>
  )
}

/** Each step gives way to the next, and with it what was pressed. */
function Frame({ children }: { children: ReactNode }) {
  const focus = useKeptFocus<HTMLDivElement>()
  return (
    <div className="tn-import-frame" {...focus}>
      {children}
    </div>
  )
}

function Wizard({ plugin, importer, nameOf, onImported, onUndone, onClose }: PluginImporterProps) {
  const [file, setFile] = useState<File>()
  const [settings, setSettings] = useState<ImportSettings>(() => usualSettings(importer))
  const settingsForm = useId()
  const fileField = useRef<HTMLDivElement>(null)
  // What is wrong with the file is said when somebody wants to import it, not before.
  const [isWanted, setWanted] = useState(false)
  const check = useMutation({
    mutationFn: (body: FormData) => callRoute<ImportResult>(plugin.key, importer.check ?? importer.import, { body }),
  })
  const load = useImport({ plugin, importer }, onImported)
  const download = useMutation({
    mutationFn: async ({ route, body }: { route: string; body?: FormData }) => {
      const { method, path } = splitRoute(route)
      saveFile(await requestFile(`/plugins/${plugin.key}${path}`, { method, body }))
    },
  })

  const checkWith = (chosen: File | undefined, how: ImportSettings) => {
    if (chosen && importer.check) check.mutate(formOf(chosen, how))
  }
  const checkAgain = useDebouncedCallback(checkWith, pauseMs)
  const choose = (chosen: File | undefined) => {
    load.reset()
    check.reset()
    setFile(chosen)
    setWanted(false)
    checkAgain.cancel()
    checkWith(chosen, settings)
  }
  const set = (how: ImportSettings) => {
    if (isSame(how, settings)) return
    load.reset()
    check.reset()
    setSettings(how)
    setWanted(false)
    checkAgain(file, how)
  }
  const checked = check.data
  const importable = checked ? importableRows(checked) : 0
  const isChecking = importer.check !== undefined && file !== undefined && !checked && !check.error
  // Only a check that takes too long can be done without.
  const isRefused = check.error !== null && !isTooLong(check.error)
  const problem = problemWith(file, checked)
  const press = (event: MouseEvent) => {
    if (problem === undefined && !isRefused) {
      if (file && !importer.settings) load.start(formOf(file, settings))
      return
    }
    event.preventDefault()
    setWanted(true)
    if (problem === undefined) checkWith(file, settings)
    else fileField.current?.querySelector<HTMLElement>('input, button')?.focus()
  }
  const corrections =
    importer.corrections && file
      ? () => download.mutate({ route: importer.corrections ?? '', body: formOf(file, settings) })
      : undefined

  if (load.run && !isRunOver(load.run)) return <Importing run={load.run} onClose={onClose} />
  if (load.result?.success) {
    return (
      <Summary
        plugin={plugin}
        importer={importer}
        result={load.result}
        onCorrections={corrections}
        onUndone={onUndone}
        onAgain={() => choose(undefined)}
        onClose={onClose}
      />
    )
  }
  const wrong = load.result ?? checked
  const failure = load.error ?? download.error
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
      <Step number={importer.template ? 2 : 1} title="Choose the filled-in file">
        <FileField
          ref={fileField}
          file={file}
          accept={importer.accept}
          problem={isWanted ? problem : undefined}
          onChoose={choose}
        />
        {importer.settings && (
          <div className="tn-import-settings">
            <Suspense fallback={<Loading height={heightOf(importer.settings)} />}>
              <SchemaForm
                id={settingsForm}
                schema={importer.settings}
                value={settings}
                onChange={set}
                onSubmit={(how) => file && load.start(formOf(file, how))}
              >
                <></>
              </SchemaForm>
            </Suspense>
          </div>
        )}
      </Step>
      {isChecking && (
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
      {check.error && (
        <ErrorNote error={check.error} title="The file was not checked">
          {isTooLong(check.error) &&
            'So long a check is not waited for. Check it again in a while, or import it without: what is wrong is found then, too.'}
        </ErrorNote>
      )}
      {isTooLong(check.error) && (
        <div>
          <Button variant="default" leftSection={<RotateCw size={15} />} onClick={() => checkWith(file, settings)}>
            Check again
          </Button>
        </div>
      )}
      {failure && <ErrorNote error={failure} title="That did not work" />}
      {wrong && mistakesIn(wrong) > 0 && <ImportMistakes result={wrong} onCorrections={corrections} />}
      {checked && mistakesIn(checked) === 0 && <ImportPreview result={checked} />}
      <Group justify="flex-end" gap="sm">
        {onClose && (
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
        )}
        <Button
          leftSection={<Upload size={15} />}
          loading={load.isPending || isChecking}
          onClick={press}
          {...(importer.settings ? { type: 'submit', form: settingsForm } : {})}
        >
          {isRefused ? 'Check again' : importLabel(importable, check.error)}
        </Button>
      </Group>
      <PastImports plugin={plugin} importer={importer} nameOf={nameOf} onUndone={onUndone} />
    </div>
  )
}

/** Large files take longer to check than a page may wait for an answer; an import may take its time. */
function isTooLong(error: Error | null): boolean {
  return error instanceof ApiError && error.code === 'CALL_TIMEOUT'
}

/** Why nothing of a file can be imported. */
function problemWith(file: File | undefined, checked: ImportResult | undefined): string | undefined {
  if (!file) return 'Choose a file first.'
  return checked && importableRows(checked) === 0
    ? 'No row of it can be imported as it is. Correct it and choose it again.'
    : undefined
}

function importLabel(rows: number | undefined, checkError: Error | null): string {
  if (rows) return `Import ${countOf(rows, 'row')}`
  return isTooLong(checkError) ? 'Import without a check' : 'Import'
}

/** About, in pixels: a title and what there is to choose from, for each. */
function heightOf({ properties = {} }: Record<string, unknown>): number {
  return Object.keys(properties as object).length * 66
}

/** A form tells what it was given as well. */
function isSame(one: ImportSettings, other: ImportSettings): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
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

interface StepProps {
  number: number
  title: string
  text?: string
  children: ReactNode
}

function Step({ number, title, text, children }: StepProps) {
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

interface SummaryProps extends ImporterOfPlugin, Pick<PluginImporterProps, 'onUndone' | 'onClose'> {
  result: ImportResult
  onCorrections?: () => void
  onAgain: () => void
}

/** What came of it, with the way back. */
function Summary({ plugin, importer, result, onCorrections, onUndone, onAgain, onClose }: SummaryProps) {
  const { imported = 0, skipped = 0, message, importId } = result
  const undo = useUndoImport({ plugin, importer })
  if (undo.isSuccess) {
    return (
      <div className="tn-import">
        <Alert className="tn-note" icon={<Undo2 size={18} />} role="status" title="Import taken back">
          {undo.data?.message ?? 'What it brought was removed again.'}
        </Alert>
        <Ways onAgain={onAgain} onClose={onClose} />
      </div>
    )
  }
  return (
    <div className="tn-import">
      <Alert
        className="tn-note"
        data-tone="good"
        icon={<CircleCheck size={18} />}
        role="status"
        title="Import completed"
      >
        {message ?? `${countOf(imported, 'row was', 'rows were')} imported.`}
        {skipped > 0 ? ` ${countOf(skipped, 'sample row was', 'sample rows were')} left out.` : ''}
      </Alert>
      {mistakesIn(result) > 0 && <ImportMistakes result={result} onCorrections={onCorrections} />}
      {undo.error && <ErrorNote error={undo.error} title="It was not undone" />}
      <Ways onAgain={onAgain} onClose={onClose}>
        {importer.undo && importId && (
          <Button
            variant="subtle"
            leftSection={<Undo2 size={15} />}
            loading={undo.isPending}
            onClick={() => undo.mutate(importId, { onSuccess: (answer) => onUndone?.(answer ?? {}) })}
          >
            Undo
          </Button>
        )}
      </Ways>
    </div>
  )
}

function Ways({ onAgain, onClose, children }: Pick<SummaryProps, 'onAgain' | 'onClose'> & { children?: ReactNode }) {
  return (
    <Group justify="flex-end" gap="sm">
      {children}
      <Button variant="default" onClick={onAgain} data-autofocus={onClose ? undefined : true}>
        Import another file
      </Button>
      {onClose && (
        <Button onClick={onClose} data-autofocus>
          Done
        </Button>
      )}
    </Group>
  )
}
