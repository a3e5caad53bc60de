import { Badge, type Plugin, PluginIcon, type PluginInstallation, publisherOf, StatusBadge } from '@tenon/react'
import type { ReactNode } from 'react'
import classes from './ManagementPage.module.css'

interface PluginHeadProps {
  plugin: Plugin
  installation?: PluginInstallation
  actions: ReactNode
}

/** Which plugin this is, who made it, how it stands, and the next thing to do. */
export function PluginHead({ plugin, installation, actions }: PluginHeadProps) {
  return (
    <header className={classes.head}>
      <PluginIcon plugin={plugin} size={60} />
      <div className={classes.headText}>
        <h1>
          {plugin.displayName}
          <span className={classes.badges}>
            {installation && <StatusBadge status={installation.status} />}
            {plugin.isOfficial && (
              <Badge tone="note" icon={false}>
                Official
              </Badge>
            )}
            {!plugin.permissions && <Badge tone="warn">Does not say what it needs</Badge>}
          </span>
        </h1>
        <p>
          {publisherOf(plugin)} · Version {installation?.version ?? plugin.version} · {plugin.description}
        </p>
      </div>
      <div className={classes.actions}>{actions}</div>
    </header>
  )
}
