import { Alert, Button, Group } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { CircleCheck, CircleX, FlaskConical, TriangleAlert } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { ApiError } from '../api/ApiError.js'
import { ErrorNote } from '../api/ErrorNote.js'
import { PluginBoundary } from '../frame/PluginBoundary.js'
import { testPluginConnection, updatePluginConfiguration } from '../plugins/plugin.repository.js'
import { refreshPlugins } from '../plugins/queries.js'
import type { ConnectionTest, Plugin, PluginInstallation } from '../plugins/types.js'
import { SchemaForm } from './SchemaForm.js'

export interface PluginConfigFormProps {
  plugin: Plugin
  installation: PluginInstallation
  /** People who may not change anything see what is set. */
  readOnly?: boolean | undefined
  /** Values that may be filled in at the press of a button, for trying the plugin. */
  sample?: { title: string; configuration: Record<string, unknown> } | undefined
  /** How people are called, for who has set a secret; without it nobody is named. */
  nameOf?: ((userId: number) => string | undefined) | undefined
  onSaved?: ((installation: PluginInstallation) => void) | undefined
}

/**
 * The configuration of a plugin, drawn from the schema in its manifest. What was entered can be tried before it is
 * saved; what the server finds wrong is shown at its field.
 *
 * @example <PluginConfigForm plugin={plugin} installation={installation} />
 * @since 0.1.0
 */
export function PluginConfigForm(props: PluginConfigFormProps) {
  return (
    <PluginBoundary plugin={props.plugin}>
      <ConfigForm {...props} />
    </PluginBoundary>
  )
}

function ConfigForm(props: PluginConfigFormProps) {
  const { plugin, installation, readOnly = false, sample, nameOf, onSaved } = props
  const schema = plugin.contributes?.configuration ?? fallbackSchema(installation)
  const stored = installation.configuration ?? {}
  const [value, setValue] = useState<Record<string, unknown>>(stored)
  // What the person has seen, and may overwrite.
  const [seen, setSeen] = useState(installation)
  const [isTouched, setTouched] = useState(false)
  const hasActed = useRef(false)
  const [revision, setRevision] = useState(0)
  const frame = useRef<HTMLDivElement>(null)
  const client = useQueryClient()
  const test = useMutation({
    mutationFn: () => testPluginConnection({ pluginKey: plugin.key, configuration: value }),
  })
  const save = useMutation({
    mutationFn: ({ force }: { force: boolean }) =>
      updatePluginConfiguration({
        installationId: installation.id,
        configuration: value,
        force,
        revision: seen.configurationRevision,
      }),
    onMutate: () => test.reset(),
    onSuccess: async (saved) => {
      showStored(saved)
      onSaved?.(saved)
      await refreshPlugins(client)
    },
    onError: (refusal) => isOutdated(refusal) && void refreshPlugins(client),
  })
  const showStored = (now: PluginInstallation) => {
    setValue(now.configuration ?? {})
    setSeen(now)
    setTouched(false)
    hasActed.current = false
    setRevision((before) => before + 1)
  }
  // An answer that was under way when this was saved is older than what is shown.
  const isOther =
    seen.configurationRevision !== installation.configurationRevision &&
    (installation.updatedAt ?? '') > (seen.updatedAt ?? '') &&
    !save.isPending
  if (isOther && !isTouched) showStored(installation)
  const problems = save.error instanceof ApiError ? save.error.problems : []
  // What is wrong with the whole has no field to be shown at.
  const isShownAtFields = problems.length > 0 && problems.every(({ field }) => field !== '')
  useEffect(() => {
    if (problems.length > 0) frame.current?.querySelector<HTMLElement>('[aria-invalid="true"], [data-problem]')?.focus()
  }, [problems.length, save.submittedAt])

  // What had the focus was drawn anew, or could not keep it.
  useEffect(() => {
    if (save.isSuccess && document.activeElement === document.body)
      frame.current?.querySelector<HTMLElement>('button[type="submit"]')?.focus()
  }, [revision, save.isSuccess])

  const change = (next: Record<string, unknown>) => {
    setValue(next)
    // The form fills in defaults by itself.
    if (hasActed.current) setTouched(true)
    if (test.data || test.error) test.reset()
  }
  const act = () => {
    hasActed.current = true
  }
  return (
    <div className="tn-dialog" ref={frame} onPointerDownCapture={act} onKeyDownCapture={act} onInputCapture={act}>
      {sample && !readOnly && (
        <Alert className="tn-note" icon={<FlaskConical size={18} />} title={sample.title}>
          <Group justify="space-between" gap="sm">
            <span>It runs on this machine, for trying things out.</span>
            <Button
              size="xs"
              variant="default"
              onClick={() => {
                change({ ...value, ...sample.configuration })
                setRevision((before) => before + 1)
              }}
            >
              Fill in its values
            </Button>
          </Group>
        </Alert>
      )}
      {readOnly && <p className="tn-quiet">Only admins can change this.</p>}
      <SchemaForm
        key={revision}
        schema={schema}
        value={value}
        onChange={change}
        onSubmit={() => save.mutate({ force: false })}
        problems={problems}
        disabled={readOnly || save.isPending}
        nameOf={nameOf}
      >
        {readOnly ? (
          // Without content the form brings a button of its own.
          <></>
        ) : (
          <div className="tn-form-foot">
            {test.data && <TestResult result={test.data} />}
            {test.error && <ErrorNote error={test.error} title="The connection could not be tested" />}
            {save.error && !isShownAtFields && !(isOther && isOutdated(save.error)) && (
              <SaveFailed error={save.error} onForce={() => save.mutate({ force: true })} />
            )}
            {isOther && (
              <ChangedMeanwhile
                fields={changedFields(schema, seen, installation)}
                onShow={() => {
                  save.reset()
                  showStored(installation)
                }}
                onKeep={() => {
                  save.reset()
                  setSeen(installation)
                }}
              />
            )}
            <Group gap="sm">
              <Button type="submit" loading={save.isPending} disabled={test.isPending}>
                Save configuration
              </Button>
              <Button
                variant="default"
                loading={test.isPending}
                disabled={save.isPending}
                onClick={() => test.mutate()}
              >
                Test connection
              </Button>
            </Group>
          </div>
        )}
      </SchemaForm>
    </div>
  )
}

interface TestResultProps {
  result: ConnectionTest
  title?: string
}

function TestResult({ result: { success, message, steps = [] }, title }: TestResultProps) {
  return (
    <Alert
      className="tn-note"
      data-tone={success ? 'good' : 'bad'}
      icon={success ? <CircleCheck size={18} /> : <CircleX size={18} />}
      title={title}
      role="status"
    >
      <p>{message}</p>
      {steps.length > 0 && (
        <ol className="tn-checks">
          {steps.map(({ name, ok, message: detail }) => (
            <li key={name} data-ok={ok}>
              {ok ? <CircleCheck size={14} aria-label="Worked" /> : <CircleX size={14} aria-label="Failed" />}
              <span>
                {name}
                {detail && detail !== message ? <span className="tn-quiet"> — {detail}</span> : null}
              </span>
            </li>
          ))}
        </ol>
      )}
    </Alert>
  )
}

const isOutdated = (error: Error): boolean => error instanceof ApiError && error.code === 'CONFIGURATION_OUTDATED'

interface ChangedMeanwhileProps {
  fields: string[]
  onShow: () => void
  onKeep: () => void
}

/** Somebody else has saved while this was filled in: the person chooses whose values stay. */
function ChangedMeanwhile({ fields, onShow, onKeep }: ChangedMeanwhileProps) {
  return (
    <Alert className="tn-note" data-tone="warn" icon={<TriangleAlert size={18} />} role="alert">
      <p>Somebody else has changed it meanwhile: {fields.join(', ')}. What you have entered is not saved yet.</p>
      <Group gap="sm" mt="xs">
        <Button variant="default" size="xs" onClick={onShow}>
          Show what is saved
        </Button>
        <Button variant="default" size="xs" onClick={onKeep}>
          Keep what I entered
        </Button>
      </Group>
    </Alert>
  )
}

/** Titles of the fields whose stored values are different. */
function changedFields(schema: Record<string, unknown>, one: PluginInstallation, other: PluginInstallation): string[] {
  const [before, after] = [one.configuration ?? {}, other.configuration ?? {}]
  const properties = (schema['properties'] ?? {}) as Record<string, { title?: string } | undefined>
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((key) => JSON.stringify(before[key]) !== JSON.stringify(after[key]))
    .map((key) => properties[key]?.title ?? key)
}

/** When only the test of the connection failed, the person may know better. */
function SaveFailed({ error, onForce }: { error: Error; onForce: () => void }) {
  if (!(error instanceof ApiError && error.code === 'CONNECTION_TEST_FAILED')) {
    return <ErrorNote error={error} title="It was not saved" />
  }
  const { message, details } = error
  const steps = Array.isArray(details['steps']) ? (details['steps'] as ConnectionTest['steps']) : undefined
  return (
    <>
      <TestResult title="It was not saved" result={{ success: false, message, ...(steps ? { steps } : {}) }} />
      <div>
        <Button variant="default" size="xs" onClick={onForce}>
          Save anyway
        </Button>
      </div>
    </>
  )
}

/** For plugins that declare no schema: the two fields that the seed gave to every plugin, and whatever is stored. */
function fallbackSchema({ configuration }: PluginInstallation): Record<string, unknown> {
  const names = Object.keys(configuration ?? {})
  const others = names.filter((name) => name !== 'server_url' && name !== 'api_key')
  return {
    type: 'object',
    properties: {
      server_url: { type: 'string', title: 'Server URL', 'x-order': 1 },
      api_key: { type: 'string', title: 'API Key', writeOnly: true, 'x-order': 2 },
      ...Object.fromEntries(others.map((name) => [name, { type: 'string', title: name }])),
    },
  }
}
