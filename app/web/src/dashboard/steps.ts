import { useQueries, useQuery } from '@tanstack/react-query'
import {
  getOAuthWorkspaces,
  keyOf,
  asksForConfiguration,
  needsConfiguration,
  pluginKeys,
  type PluginInstallation,
  request,
  useInstallations,
  useSlot,
  viewTotal,
} from '@tenon/react'
import { useMembers } from '../members/members.js'
import { useMay } from '../session/session.js'

export interface Step {
  title: string
  text: string
  label: string
  to: string
  done: boolean
}

export interface Steps {
  /** In the order in which it makes sense; undefined until they are known. */
  steps?: Step[]
  /** Why they are not known. */
  error?: Error
  retry: () => void
}

const firstMembers = { q: '', page: 1 }

/** What there is to do for this person. */
export function useSteps(): Steps {
  const isAdmin = useMay('Admin')
  const mayImport = useMay('Editor')
  const installations = useInstallations()
  const members = useMembers(firstMembers)
  const connecting = (installations.data ?? []).filter(
    ({ status, plugin }) => status === 'installed' && (plugin?.contributes?.connections?.length ?? 0) > 0,
  )
  const connected = useQueries({
    queries: connecting.map((installation) => ({
      queryKey: pluginKeys.of(keyOf(installation), 'connections'),
      queryFn: () => getOAuthWorkspaces({ pluginKey: keyOf(installation) }),
    })),
  })
  const risks = useQuery({
    queryKey: ['risks', 'total'],
    queryFn: ({ signal }) => request<{ total: number }>('/risks', { query: { pageSize: 1 }, signal }),
  })
  const views = useSlot('models.tabs', 'views').contributions
  const importers = useSlot('risks.actions', 'importers').contributions
  const ready = views.filter(({ plugin, installation }) => !needsConfiguration(plugin, installation))
  // Whoever only reads cannot bring them in.
  const toFill = mayImport ? ready : []
  const totals = useQueries({ queries: toFill.map(({ plugin, contribution }) => viewTotal(plugin, contribution)) })
  const retry = () => {
    void installations.refetch()
    void risks.refetch()
  }
  if (!installations.data || !risks.data) {
    const error = installations.error ?? risks.error
    return { ...(error ? { error } : {}), retry }
  }
  const all = installations.data

  const steps = [
    ...(isAdmin ? [installStep(all)] : []),
    ...(isAdmin ? all.flatMap(stateSteps) : []),
    ...(isAdmin
      ? connecting.map((installation, index) => connectStep(installation, (connected[index]?.data?.length ?? 0) > 0))
      : []),
    ...toFill.map(({ plugin, contribution }, index) => ({
      title: `Bring in the models of ${plugin.displayName}`,
      text: 'Then search, sort and look into them.',
      label: 'Open',
      to: `/models?view=${plugin.key}.${contribution.id}`,
      done: (totals[index]?.data ?? 0) > 0,
    })),
    ...(mayImport
      ? [
          {
            title: 'Put risks into the register',
            text: importers.length > 0 ? 'Add them one by one, or import a whole file.' : 'Add the first one by hand.',
            label: 'Open',
            to: '/risks',
            done: risks.data.total > 0,
          },
        ]
      : []),
    ...(isAdmin && members.data
      ? [
          {
            title: 'Add your colleagues',
            text: 'Editors sync and import; reviewers and auditors read.',
            label: 'Add',
            to: '/members',
            done: members.data.total > 1,
          },
        ]
      : []),
    ...(isAdmin
      ? []
      : [
          {
            title: 'See what your organization works with',
            text: 'The plugins that are installed, and what the marketplace has.',
            label: 'Open',
            to: '/plugins/my-plugins',
            done: false,
          },
        ]),
  ]
  return { steps, retry }
}

function installStep(all: readonly PluginInstallation[]): Step {
  return {
    title: 'Install your first plugin',
    text: 'You see what it may do before you agree, and can remove it at any time.',
    label: 'Browse',
    to: '/plugins',
    done: all.some(({ status }) => status === 'installed'),
  }
}

/** What an installed plugin waits for. */
function stateSteps(installation: PluginInstallation): Step[] {
  const { plugin, status } = installation
  if (!plugin) return []
  const to = `/plugins/${plugin.key}/manage`
  if (status === 'failed') {
    return [{ title: `Repair ${plugin.displayName}`, text: 'Its installation failed.', label: 'Fix', to, done: false }]
  }
  if (status !== 'installed' || !asksForConfiguration(plugin)) return []
  return [
    {
      title: `Configure ${plugin.displayName}`,
      text: 'Tell it what to work with, and test the connection.',
      label: 'Configure',
      to: `${to}?section=configuration`,
      done: !needsConfiguration(plugin, installation),
    },
  ]
}

function connectStep({ plugin }: PluginInstallation, done: boolean): Step {
  const title = plugin?.contributes?.connections?.[0]?.title ?? 'an account'
  return {
    title: `Connect ${/^[aeiou]/i.test(title) ? 'an' : 'a'} ${title}`,
    text: 'Sign in there and choose what may be used.',
    label: 'Connect',
    to: `/plugins/${plugin?.key}/manage?section=connections`,
    done,
  }
}
