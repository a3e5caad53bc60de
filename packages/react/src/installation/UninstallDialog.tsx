import { Button, Group, Modal, Radio, Stack, TextInput } from '@mantine/core'
import { countOf } from '@tenon/contract/count-of'
import { useRef, useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { useIsMounted } from '../api/useIsMounted.js'
import type { Plugin } from '../plugins/types.js'
import { usePluginInstallation } from '../plugins/usePluginInstallation.js'
import { usePluginTables } from '../records/records.js'

export type UninstallChoice = 'disable' | 'keep' | 'erase'

export interface UninstallDialogProps {
  /** The installed plugin that is about to go; without one the dialog is closed. */
  plugin: Plugin | undefined
  onClose: () => void
  /** Called after it was done, also when the dialog was closed meanwhile. */
  onDone?: ((choice: UninstallChoice) => void) | undefined
}

const choices: { value: UninstallChoice; label: string; description: string }[] = [
  {
    value: 'disable',
    label: 'Disable',
    description: 'It stops working at once. Settings, connections and data stay, and it can be enabled again.',
  },
  {
    value: 'keep',
    label: 'Uninstall and keep its data',
    description: 'Its own tables stay, out of reach, and are there again when it is installed again.',
  },
  {
    value: 'erase',
    label: 'Uninstall and erase its data',
    description:
      'Its tables, settings and connections are removed for good. What it added to your registers stays there.',
  },
]

const confirmLabels: Record<UninstallChoice, string> = {
  disable: 'Disable',
  keep: 'Uninstall, keep data',
  erase: 'Uninstall and erase',
}

/**
 * The three ways in which a plugin can go, which differ in what is left. Erasing asks for its name.
 *
 * @example
 * const [leaving, setLeaving] = useState<Plugin>()
 * return (
 *   <>
 *     <PluginCard plugin={plugin} onUninstall={() => setLeaving(plugin)} />
 *     <UninstallDialog plugin={leaving} onClose={() => setLeaving(undefined)} onDone={toast} />
 *   </>
 * )
 * @since 0.1.0
 */
export function UninstallDialog({ plugin, ...rest }: UninstallDialogProps) {
  return (
    <Modal
      opened={plugin !== undefined}
      onClose={rest.onClose}
      size="lg"
      title={plugin ? `Remove ${plugin.displayName}` : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {plugin && <Choosing key={plugin.key} plugin={plugin} {...rest} />}
    </Modal>
  )
}

function Choosing({ plugin, onClose, onDone }: UninstallDialogProps & { plugin: Plugin }) {
  const { uninstall, setEnabled } = usePluginInstallation()
  const isMounted = useIsMounted()
  const canDisable = plugin.installationStatus === 'installed'
  const [choice, setChoice] = useState<UninstallChoice>(canDisable ? 'disable' : 'keep')
  const [name, setName] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const [isWrong, setWrong] = useState(false)
  const nameField = useRef<HTMLInputElement>(null)

  const run = async () => {
    const id = plugin.installationId
    if (id === undefined) return
    if (choice === 'erase' && name.trim() !== plugin.displayName) {
      setWrong(true)
      nameField.current?.focus()
      return
    }
    setBusy(true)
    setError(undefined)
    try {
      await (choice === 'disable' ? setEnabled(id, false) : uninstall(id, { data: choice }))
      onDone?.(choice)
      // Closed meanwhile, another dialog may stand in its place.
      if (isMounted()) onClose()
    } catch (failure) {
      setError(failure as Error)
      setBusy(false)
    }
  }

  return (
    <form
      className="tn-dialog"
      onSubmit={(event) => {
        event.preventDefault()
        void run()
      }}
    >
      <Radio.Group label="What should happen?" value={choice} onChange={(value) => setChoice(value as UninstallChoice)}>
        <Stack gap="xs" mt="xs">
          {choices
            .filter(({ value }) => canDisable || value !== 'disable')
            .map(({ value, label, description }) => (
              <div key={value} className="tn-choice" data-chosen={choice === value || undefined}>
                <Radio value={value} label={label} description={description} />
              </div>
            ))}
        </Stack>
      </Radio.Group>
      {choice !== 'disable' && <Tables plugin={plugin} choice={choice} isGoing={busy} />}
      {choice === 'erase' && (
        <TextInput
          label={`Type “${plugin.displayName}” to confirm`}
          value={name}
          onChange={(event) => {
            setName(event.currentTarget.value)
            setWrong(false)
          }}
          autoComplete="off"
          ref={nameField}
          error={isWrong ? `Type “${plugin.displayName}” exactly: what is erased cannot be brought back.` : undefined}
        />
      )}
      {error && <ErrorNote error={error} title="It could not be done" />}
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button type="submit" className={choice === 'disable' ? undefined : 'tn-button-danger'} loading={busy}>
          {confirmLabels[choice]}
        </Button>
      </Group>
    </form>
  )
}

const shownTables = 6

interface TablesProps {
  plugin: Plugin
  choice: 'keep' | 'erase'
  /** From then on nothing more is asked about it. */
  isGoing: boolean
}

/** What stays, or goes: its tables, about as large as they are. */
function Tables({ plugin, choice, isGoing }: TablesProps) {
  const { installationId } = plugin
  const {
    data: tables,
    error,
    isFetching,
    refetch,
  } = usePluginTables(
    { pluginKey: plugin.key, installationId: installationId ?? 0 },
    { enabled: installationId !== undefined && !isGoing },
  )
  if (error && !tables) {
    return (
      <ErrorNote error={error} title="Its tables cannot be shown">
        <Button variant="default" size="xs" onClick={() => void refetch()} loading={isFetching}>
          Ask again
        </Button>
      </ErrorNote>
    )
  }
  if (!tables || tables.length === 0) return null
  return (
    <section className="tn-tables" aria-label={choice === 'erase' ? 'Tables that are erased' : 'Tables that stay'}>
      <h3>{choice === 'erase' ? 'This is erased' : 'This stays'}</h3>
      <ul>
        {tables.slice(0, shownTables).map(({ name, rows }) => (
          <li key={name}>
            <code>{name}</code> <span className="tn-quiet">about {countOf(rows, 'row')}</span>
          </li>
        ))}
      </ul>
      {tables.length > shownTables && <p className="tn-quiet">And {tables.length - shownTables} more.</p>}
    </section>
  )
}
