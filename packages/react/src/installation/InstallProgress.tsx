import { Check, LoaderCircle } from 'lucide-react'
import { useRunShown } from '../runs/watchedRuns.js'
import { installSteps, useInstallRun, useInstallRunId } from './installRun.js'

/**
 * How far the installation of a plugin is, step by step; nothing while none is under way.
 *
 * @example <InstallProgress pluginKey={plugin.key} />
 * @since 0.1.0
 */
export function InstallProgress({
  pluginKey,
  starting = false,
}: {
  pluginKey: string
  starting?: boolean | undefined
}) {
  const run = useInstallRun(pluginKey)
  useRunShown(useInstallRunId(pluginKey))
  if (!run && !starting) return null
  const position = Math.max(
    0,
    installSteps.findIndex(({ name }) => name === run?.step),
  )
  return (
    <div role="status" aria-label="Progress of the installation">
      <ol className="tn-steps">
        {installSteps.map(({ name, title }, index) => (
          <li
            key={name}
            data-state={index < position ? 'done' : index === position ? 'now' : undefined}
            aria-current={index === position ? 'step' : undefined}
          >
            <span className="tn-steps-sign">
              {index < position ? <Check size={13} aria-label="Done" /> : null}
              {index === position ? <LoaderCircle size={14} aria-label="Now" /> : null}
            </span>
            {title}
          </li>
        ))}
      </ol>
    </div>
  )
}
