import { BookOpen, Clock, Globe, type LucideIcon, PencilLine, Radio, ShieldQuestionMark } from 'lucide-react'
import type { Plugin } from '../plugins/types.js'
import { describePermissions, type PermissionGroup } from './describePermissions.js'

const icons: Record<PermissionGroup['id'], LucideIcon> = {
  read: BookOpen,
  change: PencilLine,
  send: Globe,
  schedule: Clock,
  events: Radio,
  undeclared: ShieldQuestionMark,
}

/**
 * What a plugin may do, in plain sentences by kind.
 *
 * @example <PermissionList plugin={plugin} />
 * @since 0.1.0
 */
export function PermissionList({ plugin }: { plugin: Plugin }) {
  const groups = describePermissions(plugin)
  if (groups.length === 0) return <p className="tn-quiet">It asks for nothing: no data, no network, no schedule.</p>
  return (
    <ul className="tn-permissions">
      {groups.map(({ id, title, sentences }) => {
        const Icon = icons[id]
        return (
          <li key={id} data-kind={id}>
            <span className="tn-permission-sign" aria-hidden>
              <Icon size={16} />
            </span>
            <div>
              <h4>{title}</h4>
              {sentences.map((sentence) => (
                <p key={sentence}>{sentence}</p>
              ))}
            </div>
          </li>
        )
      })}
    </ul>
  )
}
