import { Button, Group, Menu, Modal, Switch } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import type { ConnectionContribution } from '@tenon/contract'
import { EllipsisVertical, Link2, LogIn, Plus, Send, Settings2, Unplug } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { ApiError } from '../api/ApiError.js'
import { dayOf } from '../api/dayOf.js'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { SchemaForm } from '../configuration/SchemaForm.js'
import { PluginBoundary } from '../frame/PluginBoundary.js'
import {
  disconnectOAuthWorkspace,
  getOAuthWorkspaces,
  startOAuth,
  updateOAuthWorkspace,
} from '../plugins/plugin.repository.js'
import { pluginKeys, refreshPlugins } from '../plugins/queries.js'
import { Badge } from '../plugins/StatusBadge.js'
import type { Plugin, Workspace } from '../plugins/types.js'
import { callRoute } from '../views/route.js'
import { textOf } from '../views/Value.js'
import { type ActionOutcome, failureOf } from '../views/PluginActions.js'
import { accountOf } from './accountOf.js'

export interface PluginConnectionsProps {
  plugin: Plugin
  connection: ConnectionContribution
  readOnly?: boolean | undefined
  /** How people are called; without it nobody is named. */
  nameOf?: ((userId: number) => string | undefined) | undefined
  onOutcome: (outcome: ActionOutcome) => void
  /** Goes to the page of the service; the browser's own way by default. */
  leaveTo?: ((address: string) => void) | undefined
}

/**
 * The accounts at another service that an organization has connected for a plugin, each with its own settings. Who connects
 * one leaves for the service, and comes back to a page with {@link useOAuthReturn}.
 *
 * @example
 * return plugin.contributes?.connections.map((connection) => (
 *   <PluginConnections key={connection.id} plugin={plugin} connection={connection} onOutcome={toast} />
 * ))
 * @since 0.1.0
 */
export function PluginConnections(props: PluginConnectionsProps) {
  return (
    <PluginBoundary plugin={props.plugin}>
      <Connections {...props} />
    </PluginBoundary>
  )
}

function Connections(props: PluginConnectionsProps) {
  const { plugin, connection, readOnly = false, leaveTo = (address) => window.location.assign(address) } = props
  const client = useQueryClient()
  const [changing, setChanging] = useState<Workspace>()
  const [leaving, setLeaving] = useState<Workspace>()
  const frame = useRef<HTMLDivElement>(null)
  const list = useQuery({
    queryKey: pluginKeys.of(plugin.key, 'connections'),
    queryFn: ({ signal }) => getOAuthWorkspaces({ pluginKey: plugin.key, signal }),
  })
  // Whether anything is connected is said of the installation, too.
  const refresh = () => refreshPlugins(client)
  const start = useMutation({
    mutationFn: (again?: Workspace) =>
      startOAuth({ pluginKey: plugin.key, connection: connection.id, ...(again ? { reconnect: again.id } : {}) }),
    onSuccess: ({ authorizeUrl }) => leaveTo(authorizeUrl),
  })
  const isLeavingFor = (again?: Workspace) => (start.isPending || start.isSuccess) && start.variables?.id === again?.id
  const { reset } = start
  useEffect(() => {
    // A browser may show the page as it was left, waiting for a service that the person has come back from.
    const comeBack = ({ persisted }: PageTransitionEvent) => persisted && reset()
    window.addEventListener('pageshow', comeBack)
    return () => window.removeEventListener('pageshow', comeBack)
  }, [reset])
  const title = connection.title ?? 'Account'
  // A server that is older than this client says nothing of it, and knows of one kind only.
  const isOfThis = ({ contribution_id: id }: Workspace) => id === undefined || id === connection.id
  const connections = (list.data ?? []).filter(isOfThis)
  const canAdd = !readOnly && (connection.multiple || connections.length === 0)

  return (
    <div className="tn-connections" ref={frame} tabIndex={-1} role="group" aria-label={title}>
      {start.error && <ErrorNote error={start.error} title="The connection could not be started" />}
      {list.isPending ? (
        <Loading height={64} />
      ) : list.error && !list.data ? (
        <ErrorNote error={list.error} title="The connections cannot be shown" onRetry={() => void list.refetch()} />
      ) : connections.length === 0 ? (
        <p className="tn-quiet">
          Nothing is connected yet. You sign in at the service and choose there what may be used.
        </p>
      ) : (
        <ul className="tn-list">
          {connections.map((workspace) => (
            <ConnectionRow
              key={workspace.id}
              {...props}
              workspace={workspace}
              onChange={() => setChanging(workspace)}
              onLeave={() => setLeaving(workspace)}
              onSignIn={() => start.mutate(workspace)}
              isSigningIn={isLeavingFor(workspace)}
              onChanged={refresh}
            />
          ))}
        </ul>
      )}
      {canAdd && (
        <div>
          <Button
            variant={connections.length === 0 ? 'filled' : 'default'}
            leftSection={<Plus size={15} />}
            loading={isLeavingFor()}
            onClick={() => start.mutate(undefined)}
          >
            Connect {connections.length > 0 ? 'another ' : ''}
            {title}
          </Button>
        </div>
      )}
      <Modal
        opened={changing !== undefined}
        onClose={() => setChanging(undefined)}
        title={changing ? `Settings of ${accountOf(changing, connection)}` : ''}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {changing && connection.settings && (
          <SettingsForm
            plugin={plugin}
            workspace={changing}
            schema={connection.settings}
            onDone={async () => {
              setChanging(undefined)
              props.onOutcome({ title, success: true, message: 'Settings saved' })
              await refresh()
            }}
            onCancel={() => setChanging(undefined)}
          />
        )}
      </Modal>
      <Modal
        opened={leaving !== undefined}
        onClose={() => setLeaving(undefined)}
        title={leaving ? `Disconnect ${accountOf(leaving, connection)}?` : ''}
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        {leaving && (
          <Disconnect
            plugin={plugin}
            workspace={leaving}
            onCancel={() => setLeaving(undefined)}
            onDone={async () => {
              setLeaving(undefined)
              props.onOutcome({ title, success: true, message: 'Disconnected' })
              await refresh()
              // Its row has gone, and with it what the focus would go back to.
              frame.current?.focus()
            }}
          />
        )}
      </Modal>
    </div>
  )
}

interface ConnectionRowProps extends PluginConnectionsProps {
  workspace: Workspace
  onChange: () => void
  onLeave: () => void
  onChanged: () => Promise<void>
  /** Goes to the service, where the same account signs in once more. */
  onSignIn: () => void
  isSigningIn: boolean
}

function ConnectionRow(props: ConnectionRowProps) {
  const { plugin, connection, workspace, readOnly, onChange, onLeave, onChanged, onSignIn, isSigningIn, onOutcome } =
    props
  const name = accountOf(workspace, connection)
  const problem = problemOf(workspace)
  const connectedBy = props.nameOf?.(workspace.connected_by)
  const toggle = useMutation({
    mutationFn: (is_active: boolean) =>
      updateOAuthWorkspace({ pluginKey: plugin.key, webhookId: workspace.id, is_active }),
    onSuccess: onChanged,
    onError: (error) => onOutcome(failureOf(name, error)),
  })
  const test = useMutation({
    mutationFn: () =>
      callRoute<{ message?: string }>(plugin.key, connection.test ?? '', { body: { connectionId: workspace.id } }),
    onSuccess: (answer) => onOutcome({ title: name, success: true, message: answer?.message ?? 'The test was sent' }),
    onError: (error) => onOutcome(failureOf(name, error)),
    // The plugin may have said that it does not work, or that it does again.
    onSettled: onChanged,
  })
  const chosen = Object.keys(settingsOf(connection)).flatMap((key) => {
    const value = workspace[key]
    return Array.isArray(value) ? [value.length === 0 ? 'Told about nothing' : value.map(textOf).join(', ')] : []
  })
  return (
    <li className="tn-connection" data-off={!workspace.is_active || undefined}>
      <span className="tn-permission-sign" aria-hidden>
        <Link2 size={16} />
      </span>
      <div className="tn-connection-text">
        <p>
          <strong>{name}</strong>{' '}
          {(connection.response?.shown ?? []).map((key) => (
            <span key={key} className="tn-quiet">
              {textOf(workspace[key])}{' '}
            </span>
          ))}
          {!workspace.is_active && <Badge tone="quiet">Switched off</Badge>}
          {problem !== undefined && <Badge tone="warn">Does not work</Badge>}
        </p>
        {problem !== undefined && <p role="status">{problem}</p>}
        {problem !== undefined && !readOnly && (
          <div>
            <Button
              size="xs"
              variant="default"
              my={6}
              leftSection={<LogIn size={13} />}
              loading={isSigningIn}
              aria-label={`Sign in again: ${name}`}
              onClick={onSignIn}
            >
              Sign in again
            </Button>
          </div>
        )}
        {chosen.map((text) => (
          <p key={text} className="tn-quiet">
            {text}
          </p>
        ))}
        <p className="tn-quiet">
          Connected {connectedBy ? `by ${connectedBy} ` : ''}on {dayOf(workspace.created_at)}
        </p>
      </div>
      {!readOnly && (
        <Group gap="xs" wrap="nowrap" className="tn-connection-acts">
          <Switch
            size="sm"
            aria-label={`${name} is switched on`}
            // Not disabled meanwhile: it would lose the focus.
            checked={toggle.isPending ? toggle.variables : workspace.is_active}
            onChange={(event) => toggle.isPending || toggle.mutate(event.currentTarget.checked)}
          />
          <Menu position="bottom-end" withInitialFocusPlaceholder={false}>
            <Menu.Target>
              <Button
                variant="subtle"
                color="gray"
                size="compact-sm"
                aria-label={`More for ${name}`}
                loading={test.isPending}
              >
                <EllipsisVertical size={16} />
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {connection.test && (
                <Menu.Item
                  className="tn-menu-act"
                  leftSection={<Send size={15} />}
                  disabled={!workspace.is_active}
                  onClick={() => test.mutate()}
                >
                  {workspace.is_active ? 'Send a test' : 'Send a test: switch it on first'}
                </Menu.Item>
              )}
              {connection.settings && (
                <Menu.Item leftSection={<Settings2 size={15} />} onClick={onChange}>
                  Settings
                </Menu.Item>
              )}
              <Menu.Item className="tn-danger" leftSection={<Unplug size={15} />} onClick={onLeave}>
                Disconnect
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      )}
    </li>
  )
}

interface SettingsFormProps {
  plugin: Plugin
  workspace: Workspace
  schema: Record<string, unknown>
  onDone: () => void
  onCancel: () => void
}

function SettingsForm({ plugin, workspace, schema, onDone, onCancel }: SettingsFormProps) {
  const names = Object.keys((schema['properties'] ?? {}) as object)
  const [value, setValue] = useState<Record<string, unknown>>(() =>
    Object.fromEntries(names.flatMap((name) => (workspace[name] === undefined ? [] : [[name, workspace[name]]]))),
  )
  const save = useMutation({
    mutationFn: () => updateOAuthWorkspace({ pluginKey: plugin.key, webhookId: workspace.id, ...value }),
    onSuccess: onDone,
  })
  const problems = save.error instanceof ApiError ? save.error.problems : []
  return (
    <SchemaForm schema={schema} value={value} onChange={setValue} onSubmit={() => save.mutate()} problems={problems}>
      <div className="tn-form-foot">
        {save.error && problems.length === 0 && <ErrorNote error={save.error} />}
        <Group justify="flex-end" gap="sm">
          <Button variant="default" onClick={onCancel}>
            Cancel
          </Button>
          <Button type="submit" loading={save.isPending}>
            Save
          </Button>
        </Group>
      </div>
    </SchemaForm>
  )
}

interface DisconnectProps {
  plugin: Plugin
  workspace: Workspace
  onDone: () => void
  onCancel: () => void
}

function Disconnect({ plugin, workspace, onDone, onCancel }: DisconnectProps) {
  const leave = useMutation({
    mutationFn: () => disconnectOAuthWorkspace({ pluginKey: plugin.key, webhookId: workspace.id }),
    onSuccess: onDone,
  })
  return (
    <div className="tn-dialog">
      <p>
        {plugin.displayName} can no longer use it, and what it was given to sign in there is forgotten. It can be
        connected again.
      </p>
      {leave.error && <ErrorNote error={leave.error} />}
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onCancel} data-autofocus>
          Cancel
        </Button>
        <Button className="tn-button-danger" loading={leave.isPending} onClick={() => leave.mutate()}>
          Disconnect
        </Button>
      </Group>
    </div>
  )
}

function problemOf({ needs_reauth, problem }: Workspace): string | undefined {
  return needs_reauth ? 'The service no longer accepts the sign-in. Sign in again with the same account.' : problem
}

function settingsOf({ settings }: ConnectionContribution): Record<string, unknown> {
  return (settings?.['properties'] ?? {}) as Record<string, unknown>
}
