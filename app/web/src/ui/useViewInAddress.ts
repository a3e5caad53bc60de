import { type PluginViewProps, readViewState, type ViewStateProps, writeViewState } from '@tenon/react'
import { useMemo } from 'react'
import { useParameters } from './useParameters.js'

/** Keeps what of a view is shown in the address, so that Back, a reload and a link that was sent show the same. */
export function useViewInAddress(view: PluginViewProps['view'], prefix = ''): Required<ViewStateProps> {
  const [parameters, change] = useParameters()
  const state = useMemo(() => readViewState(view, parameters, prefix), [view, parameters, prefix])
  return {
    state,
    onStateChange: (next, { filters }) =>
      change((changed) => writeViewState(changed, next, prefix), { isTyped: filters !== undefined }),
  }
}
