import { Checkbox } from '@mantine/core'
import { BookOpen, Clock, Globe, type LucideIcon, PencilLine, Radio } from 'lucide-react'
import type { ReactNode } from 'react'

/** One thing that a plugin asks for, in a sentence. */
export interface AskedPermission {
  id: string
  group: string
  sentence: string
}

const groups: { id: string; title: string; icon: LucideIcon }[] = [
  { id: 'read', title: 'Read your data', icon: BookOpen },
  { id: 'change', title: 'Change your data', icon: PencilLine },
  { id: 'outside', title: 'Send data outside', icon: Globe },
  { id: 'schedule', title: 'Run on a schedule', icon: Clock },
  { id: 'events', title: 'Exchange events', icon: Radio },
]

export interface PermissionListProps<Permission extends AskedPermission> {
  permissions: readonly Permission[]
  /** With it each permission can be chosen; it holds the ids of the chosen ones. */
  chosen?: ReadonlySet<string> | undefined
  onChoose?: ((chosen: ReadonlySet<string>) => void) | undefined
  /** Beside a sentence: how often it was used, for instance. */
  noteOf?: ((permission: Permission) => ReactNode) | undefined
}

/**
 * What a plugin may do, in plain sentences by kind.
 *
 * @example <PermissionList permissions={plugin.asks ?? []} />
 * @since 0.1.0
 */
export function PermissionList<Permission extends AskedPermission>(props: PermissionListProps<Permission>) {
  const { permissions } = props
  if (permissions.length === 0)
    return <p className="tn-quiet">It asks for nothing: no data, no network, no schedule.</p>
  return (
    <ul className="tn-permissions">
      {groups.map(({ id, title, icon: Icon }) => {
        const own = permissions.filter(({ group }) => group === id)
        return own.length === 0 ? null : (
          <li key={id} data-kind={id}>
            <span className="tn-permission-sign" aria-hidden>
              <Icon size={16} />
            </span>
            <div>
              <p className="tn-permission-title">{title}</p>
              {own.map((permission) => (
                <Permission key={permission.id} permission={permission} {...props} />
              ))}
            </div>
          </li>
        )
      })}
    </ul>
  )
}

function Permission<One extends AskedPermission>({
  permission,
  chosen,
  onChoose,
  noteOf,
}: Omit<PermissionListProps<One>, 'permissions'> & { permission: One }) {
  const { id, sentence } = permission
  const note = noteOf?.(permission)
  if (!chosen || !onChoose) {
    return (
      <p>
        {sentence}
        {note ? <span className="tn-permission-note"> · {note}</span> : null}
      </p>
    )
  }
  const toggle = (checked: boolean) => {
    const next = new Set(chosen)
    if (checked) next.add(id)
    else next.delete(id)
    onChoose(next)
  }
  return (
    <Checkbox
      size="sm"
      className="tn-permission-choice"
      label={sentence}
      description={note}
      checked={chosen.has(id)}
      onChange={(event) => toggle(event.currentTarget.checked)}
    />
  )
}
