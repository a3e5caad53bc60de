import { FailedState } from '../ui/FailedState.js'
import { Mark } from '../ui/Mark.js'
import { useTitle } from '../ui/useTitle.js'
import classes from './Entrance.module.css'

/** Nobody knows who this is, because the server does not say. */
export function Unreachable({ error, onRetry }: { error: Error; onRetry: () => void }) {
  useTitle('Not reached')
  return (
    <div className={classes.page}>
      <main className={classes.panel} id="main">
        <Mark />
        <FailedState level={1} title="Tenon cannot be reached" error={error} onRetry={onRetry} />
      </main>
    </div>
  )
}
