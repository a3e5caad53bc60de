import { CircleCheck, CirclePause, CircleX, Info, LoaderCircle, type LucideIcon, TriangleAlert } from 'lucide-react'
import type { ReactNode } from 'react'
import type { InstallationStatus } from './types.js'

export type Tone = 'good' | 'busy' | 'bad' | 'quiet' | 'note'

const icons: Record<Tone, LucideIcon> = {
  good: CircleCheck,
  busy: LoaderCircle,
  bad: CircleX,
  quiet: CirclePause,
  note: Info,
}

/**
 * A short word with a sign and a colour, so that neither colour nor sign has to be seen.
 *
 * @example <Badge tone="good">Official</Badge>
 * @since 0.1.0
 */
export function Badge({
  tone,
  children,
  icon,
}: {
  tone: Tone | 'warn'
  children: ReactNode
  icon?: boolean | undefined
}) {
  const Icon = tone === 'warn' ? TriangleAlert : icons[tone]
  return (
    <span className="tn-badge" data-tone={tone}>
      {icon === false ? null : <Icon size={13} strokeWidth={2.25} aria-hidden />}
      {children}
    </span>
  )
}

const words: Record<InstallationStatus, [tone: Tone, word: string]> = {
  installing: ['busy', 'Installing'],
  installed: ['good', 'Installed'],
  failed: ['bad', 'Failed'],
  disabled: ['quiet', 'Disabled'],
  updating: ['busy', 'Updating'],
  uninstalling: ['busy', 'Uninstalling'],
  uninstalled: ['quiet', 'Uninstalled'],
}

/**
 * The state of an installation: installed, installing, failed, and so on.
 *
 * @example <StatusBadge status={installation.status} />
 * @since 0.1.0
 */
export function StatusBadge({ status }: { status: InstallationStatus }) {
  const [tone, word] = words[status]
  return <Badge tone={tone}>{word}</Badge>
}
