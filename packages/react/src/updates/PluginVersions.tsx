import { Button, Group, Modal } from '@mantine/core'
import { useState } from 'react'
import { ErrorNote } from '../api/ErrorNote.js'
import { Badge } from '../plugins/StatusBadge.js'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { ReleaseNotes } from './ReleaseNotes.js'
import { useRollBackPlugin } from './updates.js'

export interface PluginVersionsProps {
  installation: PluginInstallation
  /** As its own page has it: with it, all versions are listed with what is new in them. */
  plugin?: Plugin | undefined
  /** Called by Update; without it, and without `mayChange`, versions are only shown. */
  onUpdate?: (() => void) | undefined
  /** Called once the earlier version works again. */
  onRolledBack?: ((installation: PluginInstallation) => void) | undefined
  /** Whether the person may go back to the earlier version. */
  mayChange?: boolean | undefined
}

/**
 * The version that runs, the exact bytes of it, the one before it, the newest of the marketplace, and what is new in each.
 *
 * @example
 * const [updating, setUpdating] = useState(false)
 * return (
 *   <>
 *     <PluginVersions plugin={plugin} installation={installation} mayChange onUpdate={() => setUpdating(true)} />
 *     <UpdateDialog subject={updating ? { plugin, installation } : undefined} onClose={() => setUpdating(false)} />
 *   </>
 * )
 * @since 0.1.0
 */
export function PluginVersions(props: PluginVersionsProps) {
  const { installation, plugin, onUpdate, onRolledBack, mayChange = false } = props
  const { version, previousVersion, updateAvailable, digest } = installation
  const [leaving, setLeaving] = useState(false)
  return (
    <div className="tn-versions">
      <ul className="tn-list">
        {updateAvailable && (
          <Version version={updateAvailable} badge={<Badge tone="note">In the marketplace</Badge>}>
            {onUpdate && (
              <Button size="xs" variant="default" onClick={onUpdate}>
                Update to {updateAvailable}
              </Button>
            )}
          </Version>
        )}
        <Version version={version ?? 'unknown'} badge={<Badge tone="good">Running</Badge>}>
          {digest && (
            <p className="tn-quiet">
              SHA-256 <code title={digest}>{digest.slice(0, 16)}…</code>
            </p>
          )}
        </Version>
        {previousVersion && (
          <Version version={previousVersion} badge={<Badge tone="note">Before the last update</Badge>}>
            {mayChange && (
              <Button size="xs" variant="default" onClick={() => setLeaving(true)}>
                Roll back to {previousVersion}
              </Button>
            )}
          </Version>
        )}
      </ul>
      {plugin?.releases?.some(({ notes }) => notes.length > 0) && (
        <section className="tn-published" aria-label="All versions">
          <h3>What is new in each version</h3>
          <ReleaseNotes
            releases={plugin.releases}
            badgeOf={(release) => release.version === version && <Badge tone="good">Running</Badge>}
          />
        </section>
      )}
      <RollBackDialog
        installation={leaving ? installation : undefined}
        onClose={() => setLeaving(false)}
        {...(onRolledBack ? { onRolledBack } : {})}
      />
    </div>
  )
}

function Version({
  version,
  badge,
  children,
}: {
  version: string
  badge: React.ReactNode
  children?: React.ReactNode
}) {
  return (
    <li className="tn-activity">
      <div>
        <strong>Version {version}</strong> {badge}
      </div>
      {children}
    </li>
  )
}

interface RollBackDialogProps extends Pick<PluginVersionsProps, 'onRolledBack'> {
  /** Without one the dialog is closed. */
  installation: PluginInstallation | undefined
  onClose: () => void
}

function RollBackDialog({ installation, onClose, onRolledBack }: RollBackDialogProps) {
  const rollBack = useRollBackPlugin()
  const start = (installationId: number) =>
    rollBack.mutate(
      { installationId },
      {
        onSuccess: (restored) => {
          onClose()
          onRolledBack?.(restored)
        },
      },
    )
  return (
    <Modal
      opened={installation !== undefined}
      onClose={onClose}
      title={`Roll back to version ${installation?.previousVersion ?? ''}`}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {installation && (
        <div className="tn-dialog">
          <p>
            The code of version {installation.previousVersion} runs again, with what it was allowed then, except for
            what has been taken away since. What version {installation.version} has changed in the data of the plugin
            stays as it is.
          </p>
          {rollBack.error && <ErrorNote error={rollBack.error} title="It could not be rolled back" />}
          <Group justify="flex-end" gap="sm">
            <Button variant="default" onClick={onClose} data-autofocus>
              Cancel
            </Button>
            <Button loading={rollBack.isPending} onClick={() => start(installation.id)}>
              Roll back
            </Button>
          </Group>
        </div>
      )}
    </Modal>
  )
}
