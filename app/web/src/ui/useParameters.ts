import { useCallback, useEffect, useRef } from 'react'
import { useLocation, useSearchParams } from 'react-router'

type Edit = (parameters: URLSearchParams) => void

/** Nothing takes no room in an address. */
export function setParameter(parameters: URLSearchParams, name: string, value: string): void {
  if (value === '') parameters.delete(name)
  else parameters.set(name, value)
}

/**
 * The parameters of the address, and how they are changed. Each change is something that Back undoes; what is typed is
 * one change, however many letters it has.
 */
export function useParameters(): [URLSearchParams, (edit: Edit, options?: { isTyped?: boolean }) => void] {
  const [parameters, setParameters] = useSearchParams()
  const wasTyped = (useLocation().state as { isTyped?: boolean } | null)?.isTyped === true
  // Two changes may come before the first is drawn.
  const latest = useRef(parameters)
  useEffect(() => {
    latest.current = parameters
  }, [parameters])
  const change = useCallback(
    (edit: Edit, { isTyped = false } = {}) => {
      const next = new URLSearchParams(latest.current)
      edit(next)
      if (next.toString() === latest.current.toString()) return
      latest.current = next
      setParameters(next, { replace: isTyped && wasTyped, state: { isTyped }, preventScrollReset: true })
    },
    [setParameters, wasTyped],
  )
  return [parameters, change]
}
