import { notifications } from '@mantine/notifications'
import { Loading, type Plugin, type PluginInstallation } from '@tenon/react'
import { lazy, Suspense } from 'react'
import { useSampleOf } from '../dashboard/samples.js'
import { useMemberNames } from '../members/members.js'
import { useMay } from '../session/session.js'
import { showOutcome } from '../ui/showOutcome.js'
import { Panel } from '../ui/Panel.js'
import classes from './ManagementPage.module.css'

const PluginConfigForm = lazy(() =>
  import('@tenon/react/configuration').then((module) => ({ default: module.PluginConfigForm })),
)
const PluginConnections = lazy(() =>
  import('@tenon/react/configuration').then((module) => ({ default: module.PluginConnections })),
)

/** Whether there is anything to enter. */
export function hasConfiguration({ contributes, requiresConfiguration }: Plugin): boolean {
  return contributes?.configuration !== undefined || (requiresConfiguration && !contributes?.connections?.length)
}

/** Also where nobody says which of its values are secret. */
const mayHaveSecrets = ({ contributes }: Plugin): boolean =>
  contributes?.configuration === undefined || hasSecret(contributes.configuration)

function hasSecret(schema: unknown): boolean {
  if (typeof schema !== 'object' || schema === null) return false
  const { writeOnly, format } = schema as { writeOnly?: unknown; format?: unknown }
  return writeOnly === true || format === 'password' || Object.values(schema).some(hasSecret)
}

export function Configuration({ plugin, installation }: { plugin: Plugin; installation: PluginInstallation }) {
  const isAdmin = useMay('Admin')
  const sample = useSampleOf(plugin.key)
  const names = useMemberNames()
  return (
    <Panel
      title="Configuration"
      {...(mayHaveSecrets(plugin) ? { text: 'Secrets are sealed when they are saved, and never shown again.' } : {})}
    >
      <div className={classes.form}>
        <Suspense fallback={<Loading height={260} />}>
          <PluginConfigForm
            plugin={plugin}
            installation={installation}
            readOnly={!isAdmin}
            nameOf={(id) => names.get(id)}
            sample={sample?.configuration ? { title: sample.title, configuration: sample.configuration } : undefined}
            onSaved={() => notifications.show({ message: 'Configuration saved' })}
          />
        </Suspense>
      </div>
    </Panel>
  )
}

export function Connections({ plugin }: { plugin: Plugin }) {
  const isAdmin = useMay('Admin')
  const names = useMemberNames()
  return (plugin.contributes?.connections ?? []).map((connection) => (
    <Panel key={connection.id} title={connection.title ?? 'Connections'}>
      <Suspense fallback={<Loading height={80} />}>
        <PluginConnections
          plugin={plugin}
          connection={connection}
          readOnly={!isAdmin}
          nameOf={(id) => names.get(id)}
          onOutcome={showOutcome}
        />
      </Suspense>
    </Panel>
  ))
}
