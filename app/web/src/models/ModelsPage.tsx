import { Button } from '@mantine/core'
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import {
  Badge,
  Loading,
  needsConfiguration,
  type Plugin,
  PluginActions,
  PluginGate,
  PluginIcon,
  PluginView,
  request,
  type SlotContribution,
  useSlot,
} from '@tenon/react'
import { Boxes, Plug } from 'lucide-react'
import { Link, useSearchParams } from 'react-router'
import { useMay, useMayFunction } from '../session/session.js'
import { EmptyState } from '../ui/EmptyState.js'
import { FailedState } from '../ui/FailedState.js'
import { PageHead } from '../ui/PageHead.js'
import { type Column, RegisterTable } from '../ui/RegisterTable.js'
import { showOutcome } from '../ui/showOutcome.js'
import classes from '../ui/Table.module.css'
import { Tabs } from '../ui/Tabs.js'
import { useRegisterQuery } from '../ui/useRegisterQuery.js'
import { useViewInAddress } from '../ui/useViewInAddress.js'

/** Where installed plugins put models that they know of. */
const slot = 'models.tabs'

interface Model {
  id: number
  provider: string
  model: string
  version: string
  status: string
  hosting_provider: string
}

export function ModelsPage() {
  const [parameters] = useSearchParams()
  const { contributions } = useSlot(slot, 'views')
  const chosen = contributions.find((contribution) => idOf(contribution) === parameters.get('view'))
  const isInventory = chosen === undefined && parameters.get('view') === null
  return (
    <>
      <PageHead title="Models" text="The models that your organization uses, and those that its plugins bring in." />
      <Tabs
        label="Models"
        tabs={[
          { to: '/models', label: 'Inventory', current: isInventory },
          ...contributions.map((contribution) => ({
            to: `?view=${idOf(contribution)}`,
            label: contribution.contribution.title,
            current: contribution === chosen,
          })),
        ]}
      />
      {isInventory ? (
        <>
          <Inventory />
          <PluginGate slot={slot} fallback={<InstallPrompt />}>
            {null}
          </PluginGate>
        </>
      ) : (
        <PluginGate slot={slot} fallback={<InstallPrompt />} loading={<Loading height={320} />}>
          {chosen ? <View key={idOf(chosen)} {...chosen} /> : <NoSuchView />}
        </PluginGate>
      )}
    </>
  )
}

function idOf({ plugin, contribution }: SlotContribution<'views'>): string {
  return `${plugin.key}.${contribution.id}`
}

function View({ plugin, installation, contribution: view }: SlotContribution<'views'>) {
  const may = useMayFunction()
  const inAddress = useViewInAddress(view)
  const actions = (plugin.contributes?.actions ?? []).filter(({ id }) => view.actions.includes(id))
  const buttons = { plugin, actions, may, onOutcome: showOutcome }
  return (
    <PluginView
      plugin={plugin}
      view={view}
      {...inAddress}
      actions={<PluginActions {...buttons} />}
      empty={
        needsConfiguration(plugin, installation) ? (
          <NotConfigured plugin={plugin} isAdmin={may('Admin')} />
        ) : (
          <EmptyState
            icon={Boxes}
            title="Nothing has been brought in yet"
            text={
              may('Editor')
                ? 'Bring the models in. They stay here when the service is away.'
                : 'An editor of your organization brings the models in.'
            }
          >
            <PluginActions {...buttons} leading />
          </EmptyState>
        )
      }
    />
  )
}

/** Nothing can be brought in from nowhere. */
function NotConfigured({ plugin, isAdmin }: { plugin: Plugin; isAdmin: boolean }) {
  return (
    <EmptyState
      icon={Plug}
      title={`${plugin.displayName} is not configured yet`}
      text={
        isAdmin
          ? 'Say where the models are, then bring them in.'
          : 'An admin of your organization says where the models are.'
      }
    >
      {isAdmin && (
        <Button component={Link} to={`/plugins/${plugin.key}/manage?section=configuration`}>
          Configure {plugin.displayName}
        </Button>
      )}
    </EmptyState>
  )
}

/** A link to what is no longer there, or never was. */
function NoSuchView() {
  return (
    <EmptyState
      icon={Boxes}
      title="This list is not there any more"
      text="The plugin that brought it in may have been removed or updated."
    >
      <Button component={Link} variant="default" to="/models">
        Show the inventory
      </Button>
    </EmptyState>
  )
}

/** Offers what would fill the place, while nothing does. */
function InstallPrompt() {
  const { candidates } = useSlot(slot, 'views')
  const isAdmin = useMay('Admin')
  if (candidates.length === 0) return null
  return (
    <aside className={classes.prompt} aria-label="Plugins for models">
      {candidates.slice(0, 3).map((plugin) => (
        <div key={plugin.key} className={classes.promptRow}>
          <PluginIcon plugin={plugin} />
          <div>
            <strong>{plugin.displayName}</strong>
            <p className={classes.quiet}>{plugin.description}</p>
          </div>
          <Button
            component={Link}
            to={`/plugins/${plugin.key}/manage`}
            variant="default"
            leftSection={<Plug size={15} />}
          >
            {isAdmin ? 'Install' : 'View'}
          </Button>
        </div>
      ))}
    </aside>
  )
}

const pageSize = 25

function Inventory() {
  const [query, setQuery] = useRegisterQuery()
  const models = useQuery({
    queryKey: ['models', query],
    queryFn: ({ signal }) =>
      request<{ items: Model[]; total: number }>('/models', { query: { ...query, pageSize }, signal }),
    placeholderData: keepPreviousData,
  })
  const columns: Column<Model>[] = [
    { title: 'Model', cell: ({ model }) => <span className={classes.strong}>{model}</span> },
    { title: 'Provider', cell: ({ provider }) => provider },
    { title: 'Version', cell: ({ version }) => version },
    {
      title: 'Status',
      cell: ({ status }) => (
        <Badge tone={status === 'Approved' ? 'good' : status === 'Blocked' ? 'bad' : 'note'} icon={false}>
          {status}
        </Badge>
      ),
    },
    { title: 'Hosted by', cell: ({ hosting_provider }) => hosting_provider || '—' },
  ]
  if (models.error && !models.data) {
    return <FailedState title="The models cannot be shown" error={models.error} onRetry={() => void models.refetch()} />
  }
  return (
    <RegisterTable
      label="Models"
      columns={columns}
      rows={models.data?.items ?? []}
      total={models.data?.total ?? 0}
      loading={models.isPending}
      earlier={models.isPlaceholderData}
      query={query}
      pageSize={pageSize}
      onQuery={setQuery}
      empty={
        <EmptyState
          icon={Boxes}
          title="The inventory is empty"
          text="Models that programs enter over the API appear here."
        />
      }
    />
  )
}
