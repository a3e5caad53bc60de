import { useEffect, useRef } from 'react'

/**
 * Whether a component is still shown, for what ends later.
 *
 * @example
 * const isMounted = useIsMounted()
 * return <PluginCard plugin={plugin} onUninstall={() => void (isMounted() && navigate('/plugins'))} />
 * @since 0.1.0
 */
export function useIsMounted(): () => boolean {
  const mounted = useRef(false)
  useEffect(() => {
    mounted.current = true
    return () => {
      mounted.current = false
    }
  }, [])
  return () => mounted.current
}
