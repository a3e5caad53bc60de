import { type Plugin, PluginActions, PluginImporter, PluginView } from '@tenon/react'
import { useMayFunction } from '../session/session.js'
import { showOutcome } from '../ui/showOutcome.js'
import { Panel } from '../ui/Panel.js'

/** What a plugin shows and does, drawn from what it declares. */
export function PluginData({ plugin }: { plugin: Plugin }) {
  const may = useMayFunction()
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
          <PluginView plugin={plugin} view={view} />
        </Panel>
      ))}
      {may('Editor') &&
        importers.map((importer) => (
          <Panel key={importer.id} title={importer.title} text={importer.description}>
            <PluginImporter plugin={plugin} importer={importer} />
          </Panel>
        ))}
    </>
  )
}
