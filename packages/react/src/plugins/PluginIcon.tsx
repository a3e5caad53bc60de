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
import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { addressOf, imagesNeedHeaders, requestFile } from '../api/request.js'
import { pluginKeys } from './queries.js'
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
  size?: number | undefined
}

/**
 * The picture of a plugin, shown as nothing but an image, or the sign of its category.
 *
 * @example <PluginIcon plugin={plugin} size={48} />
 * @since 0.1.0
 */
export function PluginIcon({ plugin, size = 40 }: PluginIconProps) {
  const [broken, setBroken] = useState(false)
  const source = useIconSource(plugin)
  const Fallback = fallbacks[plugin.category] ?? Puzzle
  return (
    <span className="tn-icon" data-size={size >= 56 ? 'large' : 'small'} aria-hidden>
      {source !== undefined && !broken ? (
        <img src={source} alt="" loading="lazy" width={size} height={size} onError={() => setBroken(true)} />
      ) : (
        <Fallback size={size * 0.55} strokeWidth={1.75} />
      )}
    </span>
  )
}

const iconFreshMs = 60 * 60_000

/** An address that the browser may fetch by itself, or one of bytes that were fetched for it. */
function useIconSource({ key, iconUrl }: PluginIconProps['plugin']): string | undefined {
  const path = `/plugins/marketplace/${encodeURIComponent(key)}/icon`
  const isFetched = imagesNeedHeaders()
  const { data } = useQuery({
    queryKey: pluginKeys.of(key, 'icon'),
    queryFn: async ({ signal }) => (await requestFile(path, { signal })).content,
    enabled: isFetched && iconUrl !== undefined,
    staleTime: iconFreshMs,
    retry: false,
  })
  const ofBytes = useMemo(() => (data ? URL.createObjectURL(data) : undefined), [data])
  useEffect(() => () => (ofBytes === undefined ? undefined : URL.revokeObjectURL(ofBytes)), [ofBytes])
  if (iconUrl === undefined) return undefined
  return isFetched ? ofBytes : addressOf(path)
}
