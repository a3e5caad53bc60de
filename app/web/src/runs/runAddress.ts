import type { Run } from '@tenon/react'

/** Where a run is shown in full. */
export function runAddress({ pluginKey, id }: Pick<Run, 'pluginKey' | 'id'>): string {
  return `/plugins/${pluginKey}/manage?section=runs&run=${id}`
}
