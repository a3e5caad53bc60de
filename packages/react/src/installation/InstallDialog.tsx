import { Alert, Anchor, Button, Group, Modal } from '@mantine/core'
import { CircleCheck, TriangleAlert } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import type { ApiError } from '../api/ApiError.js'
import { ErrorNote } from '../api/ErrorNote.js'
import { Loading } from '../api/Loading.js'
import { ReasonedButton } from '../api/ReasonedButton.js'
import { useArrivalFocus } from '../api/useArrivalFocus.js'
import { useIsMounted } from '../api/useIsMounted.js'
import { nextAction, type NextAction } from '../plugins/nextAction.js'
import { PluginIcon } from '../plugins/PluginIcon.js'
import { publisherOf } from '../plugins/publisherOf.js'
import type { InstallConsent } from '../plugins/plugin.repository.js'
import { useInstallations, usePluginDetails } from '../plugins/queries.js'
import type { Plugin, PluginInstallation } from '../plugins/types.js'
import { usePluginInstallation } from '../plugins/usePluginInstallation.js'
import { keyOf } from '../plugins/usePlugins.js'
import { useRunShown } from '../runs/watchedRuns.js'
import { InstallProgress } from './InstallProgress.js'
import { useInstallRun, useInstallRunId } from './installRun.js'
import { PermissionList } from './PermissionList.js'
import { whyNotInstallable } from './whyNotInstallable.js'

export interface InstallDialogProps {
  /** The plugin that is about to be installed; without one the dialog is closed. */
  plugin: Plugin | undefined
  onClose: () => void
  /** Called while the dialog is open; of one that was closed `useRunOutcomes` tells the end. */
  onInstalled?: ((installation: PluginInstallation) => void) | undefined
  /** Called by the button that follows a successful installation. */
  onContinue?: ((plugin: Plugin) => void) | undefined
}

/**
 * Asks whether a plugin may do what it asks for, all of it or a part, installs it, and says how that went.
 *
 * @example
 * const [chosen, setChosen] = useState<Plugin>()
 * return (
 *   <>
 *     <PluginCard plugin={plugin} onInstall={setChosen} />
 *     <InstallDialog plugin={chosen} onClose={() => setChosen(undefined)} onInstalled={() => toast('Installed')} />
 *   </>
 * )
 * @since 0.1.0
 */
export function InstallDialog({ plugin, ...rest }: InstallDialogProps) {
  return (
    <Modal
      opened={plugin !== undefined}
      onClose={rest.onClose}
      size="lg"
      title={plugin ? `Install ${plugin.displayName}` : ''}
      closeButtonProps={{ 'aria-label': 'Close' }}
    >
      {plugin && <Installing key={plugin.key} plugin={plugin} {...rest} />}
    </Modal>
  )
}

function Installing({ plugin, onClose, onInstalled, onContinue }: InstallDialogProps & { plugin: Plugin }) {
  const { install, isInstalling } = usePluginInstallation()
  const details = usePluginDetails(plugin.key)
  // What is agreed to is what is shown, which may be newer than what a list had.
  const offered = details.data ?? plugin
  const asks = details.data?.asks
  const [refused, setRefused] = useState<ReadonlySet<string>>(new Set())
  const [choosing, setChoosing] = useState(false)
  const [error, setError] = useState<ApiError>()
  const [installed, setInstalled] = useState<PluginInstallation>()
  const isUnderWay = useInstallRun(plugin.key) !== undefined
  const row = useInstallations().data?.find((one) => keyOf(one) === plugin.key)
  const busy = isInstalling(plugin.key) || isUnderWay
  const isOpen = useIsMounted()
  const dialog = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // What was pressed to begin can no longer be; whoever has no mouse stays in the dialog.
    if (busy) dialog.current?.focus()
  }, [busy])
  useRunShown(useInstallRunId(plugin.key))
  const ids = (asks ?? []).map(({ id }) => id)
  const granted = ids.filter((id) => !refused.has(id))

  const run = async () => {
    setError(undefined)
    try {
      const installation = await install(plugin.key, consentTo(offered, ids, granted))
      setInstalled(installation)
      if (isOpen()) onInstalled?.(installation)
    } catch (failure) {
      if (isOutdated(failure as ApiError)) await details.refetch()
      setError(failure as ApiError)
    }
  }

  const done = installed ?? (error?.isUncertain && row?.status === 'installed' ? row : undefined)
  if (done) return <Installed plugin={plugin} installation={done} onClose={onClose} onContinue={onContinue} />
  const choice = choosing
    ? {
        chosen: new Set(granted),
        onChoose: (chosen: ReadonlySet<string>) => setRefused(new Set(ids.filter((id) => !chosen.has(id)))),
      }
    : {}
  return (
    <div className="tn-dialog" ref={dialog} tabIndex={-1}>
      <div className="tn-dialog-subject">
        <PluginIcon plugin={plugin} />
        <div>
          <strong>{plugin.displayName}</strong>
          <p className="tn-quiet">
            Version {offered.version} · {publisherOf(offered)}
            {offered.isOfficial ? ' · Official' : ''}
          </p>
        </div>
      </div>
      {error && (
        <ErrorNote error={error} title={titleOf(error)}>
          {whatNow(error, busy)}
        </ErrorNote>
      )}
      {/* While it goes on there is nothing to decide, and on a small screen the steps have to be in sight. */}
      <section aria-label="Permissions" hidden={busy}>
        <div className="tn-dialog-question">
          <h3>It will be able to</h3>
          {offered.permissions && ids.length > 0 && !choosing && (
            <Anchor component="button" type="button" size="sm" onClick={() => setChoosing(true)}>
              Allow only some of it
            </Anchor>
          )}
        </div>
        {details.isPending && <Loading height={76} />}
        {asks && <PermissionList permissions={asks} {...choice} />}
        {details.error && !asks && (
          <ErrorNote error={details.error} title="What it asks for cannot be shown">
            <Button variant="default" size="xs" onClick={() => void details.refetch()} loading={details.isFetching}>
              Ask again
            </Button>
          </ErrorNote>
        )}
        <p className="tn-quiet">
          It can do nothing else. It runs in a process of its own, sees only your organization, and can be removed at
          any time.
        </p>
        {!offered.permissions && (
          <Alert className="tn-note" data-tone="warn" icon={<TriangleAlert size={18} />} mt="sm">
            It was not written to say what it needs, so it gets a fixed set, in reach of other such plugins of your
            organization.
          </Alert>
        )}
      </section>
      <InstallProgress pluginKey={plugin.key} starting={busy} />
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose} data-autofocus>
          {busy ? 'Go on in the background' : 'Cancel'}
        </Button>
        <ReasonedButton onClick={() => void run()} loading={busy} reason={whyNotYet(asks, details.error)}>
          {error && !isOutdated(error) ? 'Try again' : 'Allow and install'}
        </ReasonedButton>
      </Group>
    </div>
  )
}

/** Nobody agrees to what is not shown. */
function whyNotYet(asks: Plugin['asks'], error: Error | null): string | undefined {
  if (asks) return undefined
  return error ? 'It is not known what it asks for.' : 'What it asks for is on its way.'
}

/** Exactly what is shown, with what is granted of it. Of a plugin that declares nothing there is nothing to choose. */
function consentTo({ version, artifact, permissions }: Plugin, ids: string[], granted: string[]): InstallConsent {
  const digest = artifact?.sha256
  return permissions
    ? { permissions: granted, shown: { version, digest, permissions: ids } }
    : { shown: { version, digest, permissions: null } }
}

const isOutdated = ({ code }: ApiError): boolean => code === 'CONSENT_OUTDATED'

function titleOf(error: ApiError): string {
  if (isOutdated(error)) return 'It has changed since it was shown'
  return error.isUncertain ? 'It is not known whether it is installed' : 'It could not be installed'
}

/** What was undone, and what to do. */
function whatNow(error: ApiError, isUnderWay: boolean): string {
  if (isOutdated(error)) return 'Nothing was begun. Below is what it asks for now.'
  if (error.isUncertain) {
    return isUnderWay ? 'It goes on, as is shown below.' : 'It may have been begun. If it goes on, it is shown here.'
  }
  const { undone, nextStep } = error.details
  return typeof undone === 'string' && typeof nextStep === 'string'
    ? `${undone} ${nextStep}`
    : 'Nothing of it was kept. You can try again.'
}

/** S15: a plugin that requires a configuration, or an account, leads to it. */
const continuations: Partial<Record<NextAction, { sentence: string; label: string }>> = {
  configure: { sentence: 'Tell it next what to work with.', label: 'Configure it' },
  connect: { sentence: 'Connect an account next.', label: 'Connect an account' },
}
const readyToUse = { sentence: 'It is ready to be used.', label: 'Open it' }

interface InstalledProps extends Pick<InstallDialogProps, 'onClose' | 'onContinue'> {
  plugin: Plugin
  installation: PluginInstallation
}

function Installed({ plugin, installation, onClose, onContinue }: InstalledProps) {
  // What was installed just now has no account yet, also where the answer does not say so.
  const next = nextAction(plugin, { connected: false, ...installation })
  const { sentence, label } = continuations[next] ?? readyToUse
  const frame = useArrivalFocus<HTMLDivElement>()
  return (
    <div className="tn-dialog" ref={frame}>
      <Alert className="tn-note" data-tone="good" icon={<CircleCheck size={18} />} role="status">
        <strong>{plugin.displayName} is installed.</strong> {sentence}
      </Alert>
      <Group justify="flex-end" gap="sm">
        <Button variant="default" onClick={onClose} autoFocus={!onContinue}>
          Close
        </Button>
        {onContinue && (
          <Button onClick={() => onContinue(plugin)} autoFocus>
            {label}
          </Button>
        )}
      </Group>
    </div>
  )
}

/**
 * Why a plugin cannot be installed here, for its page.
 *
 * @example {!plugin.installable && <NotInstallable plugin={plugin} />}
 * @since 0.1.0
 */
export function NotInstallable({ plugin }: { plugin: Plugin }) {
  const reason = whyNotInstallable(plugin)
  if (reason === undefined) return null
  return (
    <Alert
      className="tn-note"
      data-tone="warn"
      icon={<TriangleAlert size={18} />}
      title="It cannot be installed here"
      mb="md"
    >
      {reason}
    </Alert>
  )
}
