import { ActionIcon, Button, Menu } from '@mantine/core'
import { EllipsisVertical, Settings2, Trash2 } from 'lucide-react'
import type { MouseEvent } from 'react'
import { actionLabels, nextAction, type NextAction } from './nextAction.js'
import type { PluginRequest } from '../requests/request.repository.js'
import { dayOf } from '../api/dayOf.js'
import { PluginIcon } from './PluginIcon.js'
import { publisherOf } from './publisherOf.js'
import { Badge, StatusBadge } from './StatusBadge.js'
import type { Plugin, PluginInstallation } from './types.js'

export interface PluginCardProps {
  plugin: Plugin
  /** Called by Uninstall in the menu, which is there only with it. */
  onUninstall?: ((installationId: number) => Promise<void> | void) | undefined
  /** Called when the card is opened; without it the browser follows `href`. */
  onManage?: ((plugin: Plugin) => void) | undefined
  /** Something is being done with the plugin. */
  loading?: boolean | undefined
  /** Called by Install; without it the card shows no such button, for people who may not install. */
  onInstall?: ((plugin: Plugin) => void) | undefined
  /** Called by Ask for it, which is there in place of Install: for people who may not install. */
  onRequest?: ((plugin: Plugin) => void) | undefined
  /** What the person asked for last of this plugin. */
  request?: PluginRequest | undefined
  /** Called by Withdraw, where the request is open. */
  onWithdraw?: ((request: PluginRequest) => void) | undefined
  /** Called by Update; without it the card shows no such button, for people who may not update. */
  onUpdate?: ((plugin: Plugin) => void) | undefined
  /** For people who may not change plugins: what waits for somebody is said, and the button only opens the plugin. */
  readOnly?: boolean | undefined
  /** Lets the button name what comes after the installation. */
  installation?: PluginInstallation | undefined
  /** How the category is called. */
  category?: string | undefined
  /** Where the management page is. Default: `/plugins/<key>/manage`. */
  href?: string | undefined
}

const shownFeatures = 2

/**
 * S115: a plugin in a list: what it is, its state, and the one next thing to do with it. All of the card opens the
 * management page.
 *
 * @example <PluginCard plugin={plugin} onManage={({ key }) => navigate(`/plugins/${key}/manage`)} />
 * @since 0.1.0
 */
export function PluginCard(props: PluginCardProps) {
  const { plugin, onManage, loading = false, installation, category } = props
  const href = props.href ?? `/plugins/${plugin.key}/manage`
  const open = (event: MouseEvent) => {
    if (!onManage || event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    onManage(plugin)
  }
  return (
    <article className="tn-card" data-busy={loading || undefined} aria-busy={loading}>
      <header className="tn-card-head">
        <PluginIcon plugin={plugin} />
        <div className="tn-card-title">
          <h3>
            <a className="tn-card-link" href={href} onClick={open}>
              {plugin.displayName}
            </a>
          </h3>
          <p className="tn-quiet">
            {publisherOf(plugin)}
            {plugin.isOfficial ? ' · Official' : ''}
          </p>
        </div>
        {plugin.installationId !== undefined && <CardMenu {...props} open={open} />}
      </header>
      <p className="tn-card-text">{plugin.description}</p>
      <ul className="tn-chips" aria-label="Features">
        {category ? <li className="tn-chip">{category}</li> : null}
        {plugin.features.slice(0, shownFeatures).map(({ name }) => (
          <li key={name} className="tn-chip" data-plain>
            {name}
          </li>
        ))}
      </ul>
      <footer className="tn-card-foot">
        <CardStatus plugin={plugin} installation={installation} request={props.request} />
        <CardButton {...props} loading={loading} open={open} />
      </footer>
    </article>
  )
}

function CardStatus({ plugin, installation, request }: Pick<PluginCardProps, 'plugin' | 'installation' | 'request'>) {
  const status = installation?.status ?? plugin.installationStatus
  if (status === 'installed' && installation?.updateAvailable) {
    return <Badge tone="note">{installation.updateAvailable} available</Badge>
  }
  const next = nextAction(plugin, installation)
  if (next === 'configure') return <Badge tone="warn">Needs configuration</Badge>
  if (next === 'connect') return <Badge tone="warn">Not connected</Badge>
  if (status) return <StatusBadge status={status} />
  if (plugin.installable === false) return <Badge tone="warn">Not installable here</Badge>
  if (request?.state === 'open') return <span className="tn-quiet">Asked on {dayOf(request.requestedAt)}</span>
  if (request?.state === 'declined') return <Badge tone="warn">Request declined</Badge>
  return <span className="tn-quiet">Version {plugin.version}</span>
}

function CardButton(props: PluginCardProps & { open: (event: MouseEvent) => void }) {
  const { plugin, installation, onInstall, onUpdate, readOnly, loading, open } = props
  const { href = `/plugins/${plugin.key}/manage` } = props
  const next = nextAction(plugin, installation)
  const isForOthers = (next === 'update' && !onUpdate) || (readOnly && isRepair(next))
  const action = isForOthers ? 'open' : next
  const label = `${actionLabels[action]} ${plugin.displayName}`
  if (action === 'install' && onInstall) {
    return (
      <Button size="xs" className="tn-above" loading={loading} aria-label={label} onClick={() => onInstall(plugin)}>
        Install
      </Button>
    )
  }
  if (action === 'update' && onUpdate) {
    return (
      <Button size="xs" className="tn-above" loading={loading} aria-label={label} onClick={() => onUpdate(plugin)}>
        Update
      </Button>
    )
  }
  if (action === 'install' && props.onRequest) return <RequestButton {...props} />
  return (
    <Button
      component="a"
      href={href}
      size="xs"
      className="tn-above"
      variant={isRepair(action) ? 'filled' : 'default'}
      aria-label={
        action === 'install' || action === 'unavailable' || action === 'wait' ? `View ${plugin.displayName}` : label
      }
      onClick={open}
    >
      {action === 'install' || action === 'unavailable' || action === 'wait' ? 'View' : actionLabels[action]}
    </Button>
  )
}

/** Whether a plugin that is installed does not work before this was done. */
function isRepair(action: NextAction): boolean {
  return action === 'configure' || action === 'connect' || action === 'fix' || action === 'enable'
}

function RequestButton({ plugin, request, onRequest, onWithdraw, loading }: PluginCardProps) {
  const isOpen = request?.state === 'open' && onWithdraw !== undefined
  return (
    <Button
      size="xs"
      className="tn-above"
      variant={isOpen ? 'default' : 'filled'}
      loading={loading}
      aria-label={isOpen ? `Withdraw the request for ${plugin.displayName}` : `Ask for ${plugin.displayName}`}
      onClick={() => (isOpen ? onWithdraw(request) : onRequest?.(plugin))}
    >
      {isOpen ? 'Withdraw' : 'Ask for it'}
    </Button>
  )
}

/** Whoever is asked says by itself how it went. */
async function removing(uninstall: NonNullable<PluginCardProps['onUninstall']>, id: number): Promise<void> {
  try {
    await uninstall(id)
  } catch {
    // A refusal that nobody caught is no failure of the card.
  }
}

function CardMenu({ plugin, onUninstall, open }: PluginCardProps & { open: (event: MouseEvent) => void }) {
  const { installationId } = plugin
  return (
    <Menu position="bottom-end" withinPortal withInitialFocusPlaceholder={false}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" className="tn-above" aria-label={`More for ${plugin.displayName}`}>
          <EllipsisVertical size={16} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Item leftSection={<Settings2 size={15} />} onClick={open}>
          Manage
        </Menu.Item>
        {onUninstall && installationId !== undefined && (
          <Menu.Item
            className="tn-danger"
            leftSection={<Trash2 size={15} />}
            onClick={() => void removing(onUninstall, installationId)}
          >
            Uninstall
          </Menu.Item>
        )}
      </Menu.Dropdown>
    </Menu>
  )
}
