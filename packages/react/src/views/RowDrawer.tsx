import { Drawer } from '@mantine/core'
import type { ViewContribution } from '@tenon/contract'
import type { Plugin } from '../plugins/types.js'
import { RowCharts } from './RowCharts.js'
import { textOf, Value } from './Value.js'
import type { Row } from './viewRows.js'

interface RowDrawerProps {
  plugin: Plugin
  view: ViewContribution
  /** Without one the drawer is closed. */
  row: Row | undefined
  onClose: () => void
}

/** All that is known of one row: its charts, and all of its values. */
export function RowDrawer({ plugin, view, row, onClose }: RowDrawerProps) {
  const [first, ...rest] = view.columns
  return (
    <Drawer
      opened={row !== undefined}
      onClose={onClose}
      position="right"
      size="lg"
      title={row && first ? textOf(row[first.key]) : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {row && (
        <div className="tn-row-detail">
          <RowCharts plugin={plugin} charts={view.detail?.charts ?? []} row={row} />
          <dl className="tn-detail">
            {rest.map(({ key, title, type }) => (
              <div key={key}>
                <dt>{title}</dt>
                <dd>
                  <Value value={row[key]} type={type} full />
                </dd>
              </div>
            ))}
          </dl>
        </div>
      )}
    </Drawer>
  )
}
