import { Button, VisuallyHidden } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { countOf } from '@tenon/contract/count-of'
import {
  type Plugin,
  type PluginRequest,
  keyOf,
  useCategories,
  useActivity,
  useInstallations,
  useOwnRequests,
  usePluginRequests,
  useMarketplace,
  usePlugins,
  useWithdrawRequest,
  withInstallation,
  withUpdates,
} from '@tenon/react'
import { PackageCheck, PackageOpen, SearchX } from 'lucide-react'
import { lazy, memo, Suspense, useDeferredValue, useMemo, useRef, useState } from 'react'
import { Link, useLocation, useNavigate } from 'react-router'
import { whereToBegin } from '../management/whereToBegin.js'
import { useMayAsk } from '../requests/useMayAsk.js'
import { useMay } from '../session/session.js'
import { EmptyState } from '../ui/EmptyState.js'
import { FailedState } from '../ui/FailedState.js'
import { PageHead } from '../ui/PageHead.js'
import { showFailure } from '../ui/showOutcome.js'
import { Tabs } from '../ui/Tabs.js'
import { CardGrid, CardSkeletons } from './CardGrid.js'
import { FilterRail } from './FilterRail.js'
import { filterPlugins, useFilters } from './filters.js'
import classes from './PluginsPage.module.css'
import { RegistryNote } from './RegistryNote.js'
import { SearchField } from './SearchField.js'

const PluginDialogs = lazy(() => import('./PluginDialogs.js').then((part) => ({ default: part.PluginDialogs })))
const RequestsTab = lazy(() => import('../requests/RequestsTab.js').then((part) => ({ default: part.RequestsTab })))
const ActivityTab = lazy(() => import('./ActivityTab.js').then((part) => ({ default: part.ActivityTab })))

const tabs = ['my-plugins', 'updates', 'requests', 'activity'] as const

/** S116: what can be installed, and what is; what is newer, what was asked for and what was done, once there is something of it. */
export function PluginsPage() {
  const last = useLocation().pathname.split('/').at(-1)
  const shown = tabs.find((tab) => tab === last) ?? 'marketplace'
  const installations = useInstallations()
  const count = installations.data?.length
  const updates = withUpdates(installations.data ?? []).length
  const isAdmin = useMay('Admin')
  const mayAsk = useMayAsk()
  const requests = usePluginRequests({ state: 'open' }, { isWanted: isAdmin || mayAsk }).data?.total ?? 0
  const own = useOwnRequests({ isWanted: mayAsk })
  const hasRequests = requests > 0 || [...own.values()].some(({ state }) => state === 'declined')
  const hasActivity = (useActivity(1).data?.total ?? 0) > 0
  return (
    <>
      <PageHead title="Plugins" text="Discover what your organization can work with, and look after what it has." />
      <Tabs
        label="Plugins"
        tabs={[
          { to: '/plugins', label: 'Marketplace', current: shown === 'marketplace' },
          { to: '/plugins/my-plugins', label: 'My Plugins', count, current: shown === 'my-plugins' },
          ...(updates > 0 || shown === 'updates'
            ? [{ to: '/plugins/updates', label: 'Updates', count: updates, current: shown === 'updates' }]
            : []),
          ...(hasRequests || shown === 'requests'
            ? [{ to: '/plugins/requests', label: 'Requests', count: requests, current: shown === 'requests' }]
            : []),
          ...(hasActivity || shown === 'activity'
            ? [{ to: '/plugins/activity', label: 'Activity', current: shown === 'activity' }]
            : []),
        ]}
      />
      {shown === 'marketplace' && <Marketplace />}
      {shown === 'my-plugins' && <MyPlugins />}
      {shown === 'updates' && <MyPlugins only="updates" />}
      {shown === 'requests' && (
        <Suspense fallback={<CardSkeletons />}>
          <RequestsTab />
        </Suspense>
      )}
      {shown === 'activity' && (
        <Suspense fallback={<CardSkeletons />}>
          <ActivityTab />
        </Suspense>
      )}
    </>
  )
}

function Marketplace() {
  const { plugins, loading, refetch } = usePlugins()
  const { error } = useMarketplace()
  const [filters, change] = useFilters()
  const deferred = useDeferredValue(filters)
  const shown = useMemo(() => filterPlugins(plugins, deferred), [plugins, deferred])

  if (error !== null && plugins.length === 0) {
    return <FailedState title="The marketplace cannot be shown" error={error} onRetry={refetch} />
  }
  return (
    <div className={classes.layout}>
      <FilterRail plugins={plugins} filters={filters} onChange={change} />
      <div className={classes.list}>
        <VisuallyHidden component="h2">Plugins of the marketplace</VisuallyHidden>
        <SearchField value={filters.q} onChange={(q) => change({ q })} />
        <RegistryNote />
        <p className={classes.count} role="status">
          {loading ? 'Loading plugins' : shownOf(shown.length, plugins.length)}
        </p>
        {loading ? (
          <CardSkeletons />
        ) : shown.length === 0 ? (
          <EmptyState
            icon={SearchX}
            title={plugins.length === 0 ? 'The marketplace is empty' : 'No plugins found matching your criteria'}
            text={plugins.length === 0 ? 'Nothing has been published in it yet.' : 'Try other words, or fewer filters.'}
          >
            {plugins.length > 0 && (
              <Button
                variant="default"
                onClick={() => change({ q: '', category: '', status: '', trust: '', needs: '' })}
              >
                Clear search and filters
              </Button>
            )}
          </EmptyState>
        ) : (
          <PluginCards plugins={shown} />
        )}
      </div>
    </div>
  )
}

function MyPlugins({ only }: { only?: 'updates' }) {
  const { data: all = [], isPending, error, refetch } = useInstallations()
  const data = useMemo(() => (only === 'updates' ? withUpdates(all) : all), [all, only])
  const { plugins: offered } = usePlugins()
  const plugins = useMemo(() => {
    const byKey = new Map(offered.map((plugin) => [plugin.key, plugin]))
    return data.flatMap((installation) => {
      const plugin = installation.plugin ?? byKey.get(keyOf(installation))
      return plugin ? [withInstallation(plugin, installation)] : []
    })
  }, [data, offered])
  if (isPending) return <CardSkeletons />
  if (error && plugins.length === 0) {
    return <FailedState title="Your plugins cannot be shown" error={error} onRetry={() => void refetch()} />
  }
  if (plugins.length === 0 && only === 'updates') {
    return (
      <EmptyState
        icon={PackageCheck}
        title="Everything is up to date"
        text="No installed plugin has a newer version in the marketplace."
      />
    )
  }
  if (plugins.length === 0) {
    return (
      <EmptyState
        icon={PackageOpen}
        title="No plugins installed yet"
        text="Visit the marketplace to see what your organization could work with."
      >
        <Button component={Link} to="/plugins">
          Browse the marketplace
        </Button>
      </EmptyState>
    )
  }
  return (
    <>
      <VisuallyHidden component="h2">{only ? 'Plugins with updates' : 'Installed plugins'}</VisuallyHidden>
      <p className={classes.count} role="status">
        {countOf(plugins.length, 'plugin')} {only ? 'with a newer version' : 'installed'}
      </p>
      <PluginCards plugins={plugins} />
    </>
  )
}

/** Drawn anew when other plugins fit, not for each letter that changes nothing yet. */
const PluginCards = memo(function PluginCards({ plugins }: { plugins: Plugin[] }) {
  const navigate = useNavigate()
  const isAdmin = useMay('Admin')
  const mayAsk = useMayAsk()
  const own = useOwnRequests({ isWanted: mayAsk })
  const withdraw = useWithdrawRequest()
  const categories = useCategories()
  const installations = useInstallations()
  const [installing, setInstalling] = useState<Plugin>()
  const [leaving, setLeaving] = useState<Plugin>()
  const [asking, setAsking] = useState<Plugin>()
  // Stays from then on: a dialog that closes is still seen for a moment.
  const asked = useRef(false)
  if (installing ?? leaving ?? asking) asked.current = true
  const wasAsked = asked.current
  const names = useMemo(() => new Map(categories.data?.map(({ id, name }) => [id, name])), [categories.data])
  const byKey = useMemo(
    () => new Map(installations.data?.map((installation) => [keyOf(installation), installation])),
    [installations.data],
  )
  const open = (plugin: Plugin) => void navigate(`/plugins/${plugin.key}/manage`)
  const takeBack = ({ id }: PluginRequest) =>
    withdraw.mutate(
      { id },
      {
        onSuccess: ({ plugin }) => notifications.show({ message: `You no longer ask for ${plugin}` }),
        onError: (error) => showFailure('It could not be withdrawn', error),
      },
    )
  const update = ({ key }: Plugin) => void navigate(`/plugins/${key}/manage?section=versions&update=1`)
  return (
    <>
      <CardGrid
        plugins={plugins}
        cardOf={(plugin) => ({
          category: names.get(plugin.category) ?? plugin.category,
          installation: byKey.get(plugin.key),
          onManage: open,
          readOnly: !isAdmin,
          ...(mayAsk ? { onRequest: setAsking, request: own.get(plugin.key), onWithdraw: takeBack } : {}),
          ...(isAdmin ? { onInstall: setInstalling, onUpdate: update, onUninstall: () => setLeaving(plugin) } : {}),
        })}
      />
      {wasAsked && (
        <Suspense fallback={null}>
          <PluginDialogs
            installing={installing}
            leaving={leaving}
            asking={asking}
            onClose={() => {
              setInstalling(undefined)
              setLeaving(undefined)
              setAsking(undefined)
            }}
            onContinue={(plugin) => void navigate(whereToBegin(plugin))}
          />
        </Suspense>
      )}
    </>
  )
})

function shownOf(shown: number, all: number): string {
  const total = countOf(all, 'plugin')
  return shown === all ? total : `${shown.toLocaleString('en')} of ${total}`
}
