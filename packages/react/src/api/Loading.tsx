import { Skeleton } from '@mantine/core'

export interface LoadingProps {
  /** About the height of what comes, in pixels, so that nothing jumps when it is there. */
  height: number
}

/**
 * The shape of something that is on its way, which says so to who does not see it.
 *
 * @example
 * const { data } = usePluginDetails(pluginKey)
 * if (!data) return <Loading height={120} />
 * @since 0.1.0
 */
export function Loading({ height }: LoadingProps) {
  return <Skeleton height={height} radius="md" role="status" aria-label="Loading" aria-busy />
}
