import { Alert, Button, Group, Modal, Progress } from '@mantine/core'
import { CircleCheck } from 'lucide-react'
import { useState } from 'react'
import type { ApiError } from '../api/ApiError.js'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { ReasonedButton } from '../api/ReasonedButton.js'
import { useArrivalFocus } from '../api/useArrivalFocus.js'
import { PermissionList } from '../installation/PermissionList.js'
import { PluginIcon } from '../plugins/PluginIcon.js'
import type { InstallConsent } from '../plugins/plugin.repository.js'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { usePluginPermissions } from '../records/records.js'
import { keyOf } from '../plugins/usePlugins.js'
import { ReleaseNotes } from './ReleaseNotes.js'
import type { UpdatePlan } from './update.repository.js'
import { useUpdatePlan, useUpdatePlugin } from './updates.js'

export interface UpdateDialogProps {
  /** What is about to be updated; without it the dialog is closed. */
  subject: { plugin: Plugin; installation: PluginInstallation } | undefined
  onClose: () => void
  /** Called once the new version works. */
  onUpdated?: ((installation: PluginInstallation) => void) | undefined
}

/**
 * Shows what a newer version may do that the present one may not, asks for consent to it, and updates. When the update
 * fails the present version goes on with its data as it was.
 *
 * @example
 * const [updating, setUpdating] = useState(true)
 * return <UpdateDialog subject={updating ? { plugin, installation } : undefined} onClose={() => setUpdating(false)} />
 * @since 0.1.0
 */
export function UpdateDialog({ subject, ...rest }: UpdateDialogProps) {
  return (
    <Modal
      opened={subject !== undefined}
      onClose={rest.onClose}
      size="lg"
      title={subject ? `Update ${subject.plugin.displayName}` : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {subject && <Updating key={subject.installation.id} {...subject} {...rest} />}
    </Modal>
  )
}

type UpdatingProps = Omit<UpdateDialogProps, 'subject'> & { plugin: Plugin; installation: PluginInstallation }

function Updating({ plugin, installation, onClose, onUpdated }: UpdatingProps) {
  // As it was when the dialog was opened: the update changes the installation under it.
  const [before] = useState(installation)
  const plan = useUpdatePlan(before)
  const now = usePluginPermissions({ pluginKey: keyOf(before), installationId: before.id })
  const [chosen, setChosen] = useState<ReadonlySet<string>>()
  const update = useUpdatePlugin()
  const granted = now.data?.permissions.filter((permission) => permission.granted).map(({ id }) => id)

  const failure = update.error as ApiError | null
  // The answer was lost, but it was done.
  const arrived = failure?.isUncertain && installation.version !== before.version ? installation : undefined
  const updated = update.data ?? arrived
  if (updated) return <Updated plugin={plugin} version={updated.version} onClose={onClose} />
  const accepted = chosen ?? new Set(plan.data?.added.map(({ id }) => id))
  const isKnown = plan.data !== undefined && granted !== undefined
  const whyNotYet = plan.error ? 'It is not known what it would change.' : 'What it would change is on its way.'
  const showAnew = () => {
    setChosen(undefined)
    void plan.refetch()
  }
  const start = () => {
    if (!plan.data || !granted) return
    const isChoice = plan.data.declared !== false && plan.data.added.length > 0
    const permissions = isChoice ? permissionsAfter(plan.data, granted, accepted) : undefined
    update.mutate(
      { installationId: before.id, ...(permissions ? { permissions } : {}), ...shownIn(plan.data) },
      {
        onSuccess: (now) => onUpdated?.(now),
        onError: (refusal) => (refusal as ApiError).code === 'CONSENT_OUTDATED' && showAnew(),
      },
    )
  }
  return (
    <div className="tn-dialog">
      <div className="tn-dialog-subject">
        <PluginIcon plugin={plugin} />
        <div>
          <strong>{plugin.displayName}</strong>
          <p className="tn-quiet">
            Version {before.version ?? 'unknown'} → {plan.data?.to ?? before.updateAvailable ?? 'the newest'}
          </p>
        </div>
      </div>
      {plan.isPending && <Loading height={68} />}
      {plan.error && !plan.data && (
        <ErrorNote error={plan.error} title="What the update would change cannot be shown">
          <Button variant="default" size="xs" onClick={() => void plan.refetch()}>
            Ask again
          </Button>
        </ErrorNote>
      )}
      {plan.data && <News plan={plan.data} />}
      {plan.data && <Difference plan={plan.data} chosen={accepted} onChoose={setChosen} />}
      {update.isPending && <Progress value={100} animated aria-label="The update is under way" />}
      {failure && (
        <ErrorNote
          error={failure}
          title={failure.isUncertain ? 'It is not known whether it is updated' : 'It could not be updated'}
        >
          {failure.isUncertain
            ? 'It may have been begun. When it is done, it is shown here.'
            : `Version ${before.version} goes on as it was, with its settings and data. You can try again.`}
        </ErrorNote>
      )}
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose} data-autofocus>
          {update.isPending ? 'Close' : 'Cancel'}
        </Button>
        <ReasonedButton onClick={start} loading={update.isPending} reason={isKnown ? undefined : whyNotYet}>
          {update.error ? 'Try again' : plan.data && plan.data.added.length > 0 ? 'Allow and update' : 'Update'}
        </ReasonedButton>
      </Group>
    </div>
  )
}

/** With it no other version is brought than this one. */
function shownIn({ to, digest, asks, declared = true }: UpdatePlan): InstallConsent {
  if (!asks) return {}
  return { shown: { version: to, digest, permissions: declared ? asks.map(({ id }) => id) : null } }
}

/** All that the new version gets: what is granted now and still asked for, and what is agreed to of what is new. */
export function permissionsAfter(
  { added, removed }: Pick<UpdatePlan, 'added' | 'removed'>,
  granted: readonly string[],
  accepted: ReadonlySet<string>,
): string[] {
  // What it may and asks for more of is agreed to anew.
  const kept = granted.filter((id) => ![...added, ...removed].some((one) => one.id === id))
  return [...new Set([...kept, ...added.map(({ id }) => id).filter((id) => accepted.has(id))])]
}

function News({ plan: { releases = [] } }: { plan: UpdatePlan }) {
  if (!releases.some(({ notes }) => notes.length > 0)) return null
  return (
    // It scrolls, so the keyboard has to reach it.
    <section className="tn-news" aria-label="What is new" tabIndex={0}>
      <h3>What is new</h3>
      <ReleaseNotes releases={releases} />
    </section>
  )
}

interface DifferenceProps {
  plan: UpdatePlan
  chosen: ReadonlySet<string>
  onChoose: (chosen: ReadonlySet<string>) => void
}

function Difference({ plan: { added, removed, declared = true }, chosen, onChoose }: DifferenceProps) {
  return (
    <section aria-label="What changes">
      {added.length > 0 && (
        <>
          <h3>It will also be able to</h3>
          {!declared && <p>It no longer declares what it needs, so there is nothing to choose from.</p>}
          <PermissionList permissions={added} {...(declared ? { chosen, onChoose } : {})} />
        </>
      )}
      {removed.length > 0 && (
        <>
          <h3>It will no longer be able to</h3>
          <PermissionList permissions={removed} />
        </>
      )}
      {added.length + removed.length === 0 && <p>It may do the same as before, and nothing more.</p>}
      <p className="tn-quiet">
        The new code is fetched and verified first. If it does not work, the present version goes on. You can also go
        back to the present version afterwards.
      </p>
    </section>
  )
}

function Updated({ plugin, version, onClose }: { plugin: Plugin; version: string | null; onClose: () => void }) {
  const frame = useArrivalFocus<HTMLDivElement>()
  return (
    <div className="tn-dialog" ref={frame}>
      <Alert className="tn-note" data-tone="good" icon={<CircleCheck size={18} />} role="status">
        <strong>
          {plugin.displayName} is at version {version}.
        </strong>{' '}
        What it had stored and how it was set up were kept.
      </Alert>
      <Group justify="flex-end">
        <Button onClick={onClose} autoFocus>
          Close
        </Button>
      </Group>
    </div>
  )
}
