import { Alert, Button, Group } from '@mantine/core'
import { countOf } from '@tenon/contract/count-of'
import { FileClock, Undo2 } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { momentOf } from '../api/momentOf.js'
import { Badge } from '../plugins/StatusBadge.js'
import { type ImporterOfPlugin, type PastImport, usePastImports, useUndoImport } from './imports.js'

export interface PastImportsProps extends ImporterOfPlugin {
  /** How people are called; without it nobody is named. */
  nameOf?: ((userId: number) => string | undefined) | undefined
  /** Called after an import was taken back. */
  onUndone?: ((answer: { message?: string }) => void) | undefined
}

const shownAtOnce = 5
const shownMore = 20

/**
 * What was imported earlier, by whom and from which file; what can still be taken back is offered to be. Shows nothing
 * where a plugin does not tell its past imports.
 *
 * @example
 * return plugin.contributes?.importers.map((importer) => (
 *   <PastImports key={importer.id} plugin={plugin} importer={importer} onUndone={({ message }) => toast(message)} />
 * ))
 * @since 0.1.0
 */
export function PastImports(props: PastImportsProps) {
  const { plugin, importer } = props
  const { data, error, refetch } = usePastImports(props)
  const [shown, setShown] = useState(shownAtOnce)
  const [leaving, setLeaving] = useState<string>()
  // An object, because two may say the same.
  const [outcome, setOutcome] = useState<{ sentence: string }>()
  const [kept, setKept] = useState<string>()
  const told = useRef<HTMLDivElement>(null)
  // The button that was pressed has gone.
  useEffect(() => told.current?.focus(), [outcome])
  if (importer.history === undefined) return null
  if (error && !data)
    return <ErrorNote error={error} title="Earlier imports cannot be shown" onRetry={() => void refetch()} />
  if (!data) return <Loading height={72} />
  if (data.length === 0) return null
  return (
    <section className="tn-past" aria-label="Earlier imports">
      <h3>Earlier imports</h3>
      {outcome !== undefined && (
        <Alert ref={told} tabIndex={-1} className="tn-note" icon={<Undo2 size={18} />} role="status" w="100%">
          {outcome.sentence}
        </Alert>
      )}
      <ul className="tn-list">
        {data.slice(0, shown).map((past) => (
          <li key={past.id}>
            <div className="tn-connection">
              <span className="tn-permission-sign" aria-hidden>
                <FileClock size={16} />
              </span>
              <PastImportText past={past} nameOf={props.nameOf} />
              {importer.undo && leaving !== past.id && canBeUndone(past) && (
                <Button
                  size="xs"
                  variant="default"
                  leftSection={<Undo2 size={14} />}
                  aria-label={`Undo the import of ${past.fileName ?? 'rows'} on ${momentOf(past.importedAt)}`}
                  // Whoever keeps it comes back to where they were.
                  autoFocus={kept === past.id}
                  onClick={() => setLeaving(past.id)}
                >
                  Undo
                </Button>
              )}
            </div>
            {leaving === past.id && (
              <UndoQuestion
                plugin={plugin}
                importer={importer}
                past={past}
                onKeep={() => {
                  setLeaving(undefined)
                  setKept(past.id)
                }}
                onUndone={(answer) => {
                  setLeaving(undefined)
                  setOutcome({ sentence: answer.message ?? 'What it brought was removed again.' })
                  props.onUndone?.(answer)
                }}
              />
            )}
          </li>
        ))}
      </ul>
      {data.length > shown && (
        <Button variant="subtle" size="xs" onClick={() => setShown(shown + shownMore)}>
          Show more of {data.length}
        </Button>
      )}
    </section>
  )
}

function PastImportText({ past, nameOf }: { past: PastImport } & Pick<PastImportsProps, 'nameOf'>) {
  const { imported, fileName, importedAt, importedBy, undoneAt } = past
  const who = importedBy ? nameOf?.(importedBy) : undefined
  return (
    <div className="tn-connection-text">
      <p>
        <strong>{countOf(imported, 'row')}</strong>{' '}
        {undoneAt ? (
          <Badge tone="quiet" icon={false}>
            Taken back
          </Badge>
        ) : null}
      </p>
      {fileName ? <p className="tn-quiet">{fileName}</p> : null}
      <p className="tn-quiet">
        {momentOf(importedAt)}
        {who ? ` by ${who}` : ''}
      </p>
    </div>
  )
}

interface UndoQuestionProps extends ImporterOfPlugin {
  past: PastImport
  onKeep: () => void
  onUndone: (answer: { message?: string }) => void
}

/** Asks in place: the list may stand in a dialog already. */
function UndoQuestion({ plugin, importer, past, onKeep, onUndone }: UndoQuestionProps) {
  const undo = useUndoImport({ plugin, importer })
  return (
    <div className="tn-undo" role="group" aria-label="Undo this import?">
      <p>What it brought is removed again. What somebody has changed since stays.</p>
      {undo.error && <ErrorNote error={undo.error} title="It was not undone" />}
      <Group gap="sm">
        <Button size="xs" variant="default" onClick={onKeep} autoFocus>
          Keep it
        </Button>
        <Button
          size="xs"
          className="tn-button-danger"
          loading={undo.isPending}
          onClick={() =>
            undo.mutate(past.id, {
              onSuccess: (answer) => onUndone(answer ?? {}),
            })
          }
        >
          Undo the import
        </Button>
      </Group>
    </div>
  )
}

function canBeUndone({ undoneAt, undoUntil }: PastImport): boolean {
  return !undoneAt && (!undoUntil || Date.parse(undoUntil) > Date.now())
}
