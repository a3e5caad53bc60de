import {
  Activity,
  ChartColumn,
  Database,
  GitBranch,
  type LucideIcon,
  MessageSquare,
  Network,
  Puzzle,
  ShieldCheck,
} from 'lucide-react'
import { useState } from 'react'
import type { Plugin } from './types.js'

/** By category, for plugins without a picture of their own; a category that a manifest made up gets the last one. */
const fallbacks: Record<string, LucideIcon> = {
  communication: MessageSquare,
  ml_ops: Network,
  version_control: GitBranch,
  monitoring: Activity,
  security: ShieldCheck,
  data_management: Database,
  analytics: ChartColumn,
}

export interface PluginIconProps {
  plugin: Pick<Plugin, 'key' | 'category' | 'iconUrl'>
  /** Edge in pixels. Default: 40. */
  size?: number
}

/** The picture of a plugin, shown as nothing but an image, or the sign of its category. */
export function PluginIcon({ plugin, size = 40 }: PluginIconProps) {
  const [broken, setBroken] = useState(false)
  const Fallback = fallbacks[plugin.category] ?? Puzzle
  return (
    <span className="tn-icon" data-size={size >= 56 ? 'large' : 'small'} aria-hidden>
      {plugin.iconUrl && !broken ? (
        <img
          src={`/api/plugins/marketplace/${encodeURIComponent(plugin.key)}/icon`}
          alt=""
          loading="lazy"
          width={size}
          height={size}
          onError={() => setBroken(true)}
        />
      ) : (
        <Fallback size={size * 0.55} strokeWidth={1.75} />
      )}
    </span>
  )
}
