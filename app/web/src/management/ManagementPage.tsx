import { Anchor, Button, Menu, Skeleton, VisuallyHidden } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import {
  ApiError,
  ErrorNote,
  HealthPanel,
  InstallDialog,
  InstallProgress,
  NotInstallable,
  OAuthReturnNote,
  PermissionList,
  type Plugin,
  PluginActivity,
  type PluginInstallation,
  PluginLogs,
  PluginPermissionsPanel,
  PluginRequestAnswer,
  PluginRequestStatus,
  ReasonedButton,
  UninstallDialog,
  isInUse,
  keyOf,
  nextAction,
  useInstallations,
  useIsMounted,
  useOAuthReturn,
  usePluginDetails,
  usePluginInstallation,
  whyNotInstallable,
  withInstallation,
  Loading,
} from '@tenon/react'
import { ArrowLeft, EllipsisVertical, Power, SearchX, Trash2 } from 'lucide-react'
import { lazy, type ReactNode, Suspense, useMemo, useState } from 'react'
import { Link, useNavigate, useParams, useSearchParams } from 'react-router'
import { useMemberNames } from '../members/members.js'
import { Alerts } from '../runs/Alerts.js'
import { useMayAsk } from '../requests/useMayAsk.js'
import { useMay } from '../session/session.js'
import { EmptyState } from '../ui/EmptyState.js'
import { FailedState } from '../ui/FailedState.js'
import { Panel } from '../ui/Panel.js'
import { showFailure } from '../ui/showOutcome.js'
import { Tabs } from '../ui/Tabs.js'
import { useTitle } from '../ui/useTitle.js'
import { AboutPlugin } from './AboutPlugin.js'
import { Configuration, Connections, hasConfiguration } from './Configuration.js'
import classes from './ManagementPage.module.css'
import { PluginData } from './PluginData.js'
import { PluginHead } from './PluginHead.js'
import { PluginWork } from './PluginWork.js'
import { whereToBegin } from './whereToBegin.js'
import { DeliveryLog } from '../webhooks/DeliveryLog.js'

/** What it needs is only here, and few plugins have one. */
const PluginUi = lazy(() => import('./PluginUi.js').then((part) => ({ default: part.PluginUi })))

const Versions = lazy(() => import('./Versions.js').then((part) => ({ default: part.Versions })))

/** S117: everything about one plugin. */
export function ManagementPage() {
  const { pluginKey = '' } = useParams()
  const details = usePluginDetails(pluginKey)
  const installations = useInstallations()
  const installation = installations.data?.find((candidate) => keyOf(candidate) === pluginKey)
  const known = details.data ?? installation?.plugin
  useTitle(known?.displayName ?? 'Plugin')
  if (!known && (details.isPending || installations.isPending)) return <PageSkeleton />
  if (!known) return <Unknown error={details.error} onRetry={() => void details.refetch()} />
  const plugin = installation ? withInstallation(known, installation) : known
  return (
    <>
      <Anchor component={Link} to="/plugins" className={classes.back}>
        <ArrowLeft size={15} aria-hidden /> All plugins
      </Anchor>
      <Managed key={pluginKey} plugin={plugin} installation={installation} />
    </>
  )
}

function Unknown({ error, onRetry }: { error: Error | null; onRetry: () => void }) {
  if (error && !(error instanceof ApiError && error.status === 404)) {
    return <FailedState level={1} title="The plugin cannot be shown" error={error} onRetry={onRetry} />
  }
  return (
    <EmptyState
      level={1}
      icon={SearchX}
      title="Plugin not found"
      text="The marketplace has no plugin of this name, and none is installed."
    >
      <Button component={Link} to="/plugins">
        Go to the marketplace
      </Button>
    </EmptyState>
  )
}

interface ManagedProps {
  plugin: Plugin
  installation?: PluginInstallation
}

interface Section {
  id: string
  label: string
  content: () => ReactNode
}

function Managed({ plugin, installation }: ManagedProps) {
  const [parameters, setParameters] = useSearchParams()
  const mayAsk = useMayAsk()
  const sections = useSections(plugin, installation)
  // Where one begins is not where one is thrown back to: saving what was needed leaves the person where it was entered.
  const isUpdating = installation?.status === 'updating'
  const first = useMemo(
    () =>
      firstSection(
        plugin,
        isUpdating ? { ...installation, status: 'installed' as PluginInstallation['status'] } : installation,
      ),
    [installation?.id, isUpdating ? 'installed' : installation?.status],
  )
  const asked = parameters.get('section') ?? first
  const current = sections.find(({ id }) => id === asked) ?? sections[0]
  const returned = useOAuthReturn({
    onTaken: () => setParameters({ section: 'connections' }, { replace: true }),
  })
  return (
    <>
      <PluginHead
        plugin={plugin}
        installation={installation}
        actions={<Actions plugin={plugin} installation={installation} />}
      />
      <NotInstallable plugin={plugin} />
      {mayAsk && isMissing(installation) && <PluginRequestAnswer plugin={plugin} />}
      {installation && <StateNote installation={installation} />}
      {installation?.status === 'installing' && (
        <Panel title="Installation">
          <InstallProgress pluginKey={plugin.key} starting />
        </Panel>
      )}
      <Alerts pluginKey={plugin.key} />
      {returned && <OAuthReturnNote returned={returned} />}
      {sections.length > 1 && (
        <Tabs
          label={`Sections of ${plugin.displayName}`}
          tabs={sections.map(({ id, label }) => ({ to: `?section=${id}`, label, current: id === current?.id }))}
        />
      )}
      {current?.content()}
    </>
  )
}

/** S15: what is waited for, or else what it is for. */
function firstSection(plugin: Plugin, installation: PluginInstallation | undefined): string {
  const next = nextAction(plugin, installation)
  return next === 'configure' ? 'configuration' : next === 'connect' ? 'connections' : 'overview'
}

function useSections(plugin: Plugin, installation: PluginInstallation | undefined): Section[] {
  const isAdmin = useMay('Admin')
  const isEditor = useMay('Editor')
  const names = useMemberNames()
  const overview: Section = { id: 'overview', label: 'Overview', content: () => <AboutPlugin plugin={plugin} /> }
  if (!installation || !(isInUse(installation) || installation.status === 'disabled')) {
    return [
      overview,
      {
        id: 'permissions',
        label: 'Permissions',
        content: () => (
          <Panel title="What it asks for">
            <Asked plugin={plugin} />
          </Panel>
        ),
      },
      ...(installation ? [runsOf(plugin, installation)] : []),
      ...(installation?.status === 'failed' ? [healthOf(installation)] : []),
      ...(installation?.status === 'failed' && isEditor ? [logsOf(installation)] : []),
      ...(installation?.status === 'failed' ? [activityOf(installation, names)] : []),
    ]
  }
  const { connections = [], views = [], importers = [], actions = [], events = [], ui } = plugin.contributes ?? {}
  const works = isInUse(installation)
  const sections: (Section | false)[] = [
    overview,
    works &&
      ui !== undefined && {
        id: 'ui',
        label: ui.pages[0]?.title ?? plugin.displayName,
        content: () => (
          <Suspense fallback={<Loading height={ui.height} />}>
            <PluginUi plugin={plugin} installation={installation} ui={ui} />
          </Suspense>
        ),
      },
    works &&
      hasConfiguration(plugin) && {
        id: 'configuration',
        label: 'Configuration',
        content: () => <Configuration plugin={plugin} installation={installation} />,
      },
    works &&
      connections.length > 0 && {
        id: 'connections',
        label: 'Connections',
        content: () => <Connections plugin={plugin} />,
      },
    works &&
      (views.length > 0 || importers.length > 0 || actions.length > 0) && {
        id: 'data',
        label: 'Data',
        content: () => <PluginData plugin={plugin} />,
      },
    runsOf(plugin, installation),
    {
      id: 'permissions',
      label: 'Permissions',
      content: () => (
        <Panel title="What it may do">
          <PluginPermissionsPanel installation={installation} readOnly={!isAdmin} />
        </Panel>
      ),
    },
    healthOf(installation),
    events.length > 0 && {
      id: 'events',
      label: 'Events',
      content: () => (
        <Panel title="Events" text="What it was told, and how that went.">
          <DeliveryLog owner={`installations/${installation.id}`} mayReplay={isAdmin && works} />
        </Panel>
      ),
    },
    isEditor && logsOf(installation),
    {
      id: 'versions',
      label: 'Versions',
      content: () => (
        <Suspense fallback={<Loading height={160} />}>
          <Versions plugin={plugin} installation={installation} />
        </Suspense>
      ),
    },
    activityOf(installation, names),
  ]
  return sections.filter((section): section is Section => section !== false)
}

function runsOf(plugin: Plugin, installation: PluginInstallation): Section {
  return {
    id: 'runs',
    label: 'Runs',
    content: () => <PluginWork plugin={plugin} installation={installation} />,
  }
}

const healthOf = (installation: PluginInstallation): Section => ({
  id: 'health',
  label: 'Health',
  content: () => (
    <Panel title="Health">
      <HealthPanel installation={installation} />
    </Panel>
  ),
})

const logsOf = (installation: PluginInstallation): Section => ({
  id: 'logs',
  label: 'Logs',
  content: () => (
    <Panel title="Logs">
      <PluginLogs installation={installation} />
    </Panel>
  ),
})

const activityOf = (installation: PluginInstallation, names: ReadonlyMap<number, string>): Section => ({
  id: 'activity',
  label: 'Activity',
  content: () => (
    <Panel title="Activity">
      <PluginActivity installation={installation} nameOf={(id) => names.get(id)} />
    </Panel>
  ),
})

/** What it asks for, or why that is not known. */
function Asked({ plugin: { key, asks } }: { plugin: Plugin }) {
  const { error, isFetching, refetch } = usePluginDetails(key)
  if (asks) return <PermissionList permissions={asks} />
  if (!error) return <Loading height={76} />
  return (
    <ErrorNote error={error} title="What it asks for cannot be shown">
      <Button variant="default" size="xs" onClick={() => void refetch()} loading={isFetching}>
        Ask again
      </Button>
    </ErrorNote>
  )
}

/** Nothing of it works here, and it can be installed. */
const isMissing = (installation: PluginInstallation | undefined): boolean =>
  installation === undefined || installation.status === 'failed'

function Actions({ plugin, installation }: ManagedProps) {
  const isAdmin = useMay('Admin')
  const mayAsk = useMayAsk()
  const navigate = useNavigate()
  const isMounted = useIsMounted()
  const { isInstalling, setEnabled } = usePluginInstallation()
  const [installing, setInstalling] = useState<Plugin>()
  const [leaving, setLeaving] = useState<Plugin>()
  const status = installation?.status
  if (mayAsk) return isMissing(installation) ? <PluginRequestStatus plugin={plugin} /> : null
  if (!isAdmin) {
    return status === undefined ? <p className={classes.reason}>Only admins install plugins.</p> : null
  }
  const enable = async () => {
    try {
      await setEnabled(installation?.id ?? 0, true)
      notifications.show({ message: `${plugin.displayName} is enabled` })
    } catch (error) {
      showFailure(`${plugin.displayName} could not be enabled`, error as Error)
    }
  }
  return (
    <>
      {isMissing(installation) && (
        <ReasonedButton
          loading={isInstalling(plugin.key)}
          reason={whyNotInstallable(plugin)}
          onClick={() => setInstalling(plugin)}
        >
          {status === 'failed' ? 'Retry installation' : 'Install plugin'}
        </ReasonedButton>
      )}
      {status === 'installed' && installation?.updateAvailable && (
        <Button component={Link} to="?section=versions&update=1">
          Update to {installation.updateAvailable}
        </Button>
      )}
      {status === 'disabled' && (
        <Button leftSection={<Power size={15} />} onClick={() => void enable()}>
          Enable
        </Button>
      )}
      {installation && (
        <Menu position="bottom-end">
          <Menu.Target>
            <Button variant="default" px={10} aria-label="More">
              <EllipsisVertical size={17} />
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item className="tn-danger" leftSection={<Trash2 size={15} />} onClick={() => setLeaving(plugin)}>
              Disable or uninstall…
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
      <InstallDialog
        plugin={installing}
        onClose={() => setInstalling(undefined)}
        onInstalled={() => notifications.show({ message: 'Plugin installed successfully' })}
        onContinue={() => {
          setInstalling(undefined)
          void navigate(whereToBegin(plugin))
        }}
      />
      <UninstallDialog
        plugin={leaving}
        onClose={() => setLeaving(undefined)}
        onDone={(choice) => {
          notifications.show({ message: choice === 'disable' ? 'Plugin disabled' : 'Plugin uninstalled successfully' })
          if (choice !== 'disable' && isMounted()) void navigate('/plugins/my-plugins')
        }}
      />
    </>
  )
}

function StateNote({ installation: { status, errorMessage, updateAvailable } }: { installation: PluginInstallation }) {
  const isAdmin = useMay('Admin')
  if (status === 'failed') {
    return (
      <p className={classes.note} data-tone="bad" role="alert">
        The installation failed: {errorMessage ?? 'no reason was given'} Nothing of it was kept; it can be tried again.
      </p>
    )
  }
  if (status === 'updating') {
    return (
      <p className={classes.note} role="status">
        It is being brought to another version. Until that is done it answers nothing; what you have entered stays.
      </p>
    )
  }
  if (status === 'disabled') {
    return <p className={classes.note}>It is disabled. Its settings and data are kept, and nothing of it runs.</p>
  }
  // An admin has the button that says so.
  if (!updateAvailable || isAdmin) return null
  return (
    <p className={classes.note}>Version {updateAvailable} is in the marketplace. An admin decides when it is used.</p>
  )
}

function PageSkeleton() {
  return (
    <div role="status" aria-busy aria-label="Loading">
      <VisuallyHidden component="h1">Loading the plugin</VisuallyHidden>
      <Skeleton height={16} width={90} mb={24} />
      <div className={classes.headSkeleton}>
        <Skeleton height={60} width={60} radius="lg" />
        <div>
          <Skeleton height={24} width={220} maw="100%" />
          <Skeleton height={14} width={320} mt={10} maw="100%" />
        </div>
      </div>
      <Skeleton height={280} mt={32} radius="lg" />
    </div>
  )
}
