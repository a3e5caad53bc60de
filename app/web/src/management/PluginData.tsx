import { type Plugin, PluginActions, PluginImporter, PluginView, type PluginViewProps } from '@tenon/react'
import { useMemberNames } from '../members/members.js'
import { useRefreshRisks } from '../risks/risks.js'
import { useMayFunction } from '../session/session.js'
import { showOutcome } from '../ui/showOutcome.js'
import { useViewInAddress } from '../ui/useViewInAddress.js'
import { Panel } from '../ui/Panel.js'

/** What a plugin shows and does, drawn from what it declares. */
export function PluginData({ plugin }: { plugin: Plugin }) {
  const may = useMayFunction()
  const names = useMemberNames()
  const refreshRisks = useRefreshRisks()
  const { views = [], importers = [], actions = [] } = plugin.contributes ?? {}
  return (
    <>
      {actions.length > 0 && (
        <Panel title="Actions">
          <div className="tn-view-actions">
            <PluginActions plugin={plugin} actions={actions} may={may} onOutcome={showOutcome} />
          </div>
        </Panel>
      )}
      {views.map((view) => (
        <Panel key={view.id} title={view.title}>
          <View plugin={plugin} view={view} />
        </Panel>
      ))}
      {may('Editor') &&
        importers.map((importer) => (
          <Panel key={importer.id} title={importer.title} text={importer.description}>
            <PluginImporter
              plugin={plugin}
              importer={importer}
              nameOf={(id) => names.get(id)}
              onImported={() => void refreshRisks()}
              onUndone={() => void refreshRisks()}
            />
          </Panel>
        ))}
    </>
  )
}

/** A plugin may have several: each has its own part of the address. */
function View({ plugin, view }: Pick<PluginViewProps, 'plugin' | 'view'>) {
  return <PluginView plugin={plugin} view={view} {...useViewInAddress(view, `${view.id}.`)} />
}
