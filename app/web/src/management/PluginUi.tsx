import { type Plugin, PluginFrame, type PluginInstallation } from '@tenon/react'
import { useSearchParams } from 'react-router'
import { Panel } from '../ui/Panel.js'
import { Tabs } from '../ui/Tabs.js'

interface PluginUiProps {
  plugin: Plugin
  installation: PluginInstallation
  ui: NonNullable<NonNullable<Plugin['contributes']>['ui']>
}

/** The pages that a plugin draws itself; which one is shown is in the address. */
export function PluginUi({ plugin, installation, ui }: PluginUiProps) {
  const [parameters, setParameters] = useSearchParams()
  const current = ui.pages.find(({ id }) => id === parameters.get('page')) ?? ui.pages[0]
  return (
    <>
      {ui.pages.length > 1 && (
        <Tabs
          label={`Pages of ${plugin.displayName}`}
          tabs={ui.pages.map(({ id, title }) => ({
            to: `?section=ui&page=${id}`,
            label: title,
            current: id === current?.id,
          }))}
        />
      )}
      <Panel title={current?.title ?? ''} text={`Drawn by ${plugin.displayName} itself.`}>
        <PluginFrame
          plugin={plugin}
          installation={installation}
          page={current?.id}
          onNavigate={(page) => setParameters({ section: 'ui', page })}
        />
      </Panel>
    </>
  )
}
