import { type Plugin, type PluginInstallation, PluginRuns, PluginSchedules } from '@tenon/react'
import { useSearchParams } from 'react-router'
import { useMemberNames } from '../members/members.js'
import { useMay, useMayFunction } from '../session/session.js'
import { Panel } from '../ui/Panel.js'

/** What a plugin did and does, and when it does it by itself. */
export function PluginWork({ plugin, installation }: { plugin: Plugin; installation: PluginInstallation }) {
  const isAdmin = useMay('Admin')
  const may = useMayFunction()
  const names = useMemberNames()
  const [parameters, setParameters] = useSearchParams()
  return (
    <>
      <Panel title="Runs">
        <PluginRuns
          plugin={plugin}
          installation={installation}
          may={may}
          nameOf={(id) => names.get(id)}
          selected={parameters.get('run') ?? undefined}
          onSelect={(run) =>
            setParameters(run === undefined ? { section: 'runs' } : { section: 'runs', run }, {
              preventScrollReset: true,
            })
          }
        />
      </Panel>
      {plugin.contributes?.actions.length ? (
        <Panel title="Schedules" text="What it does by itself, and when.">
          <PluginSchedules installationId={installation.id} readOnly={!isAdmin} />
        </Panel>
      ) : null}
    </>
  )
}
