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
  const latest = useRef({ parameters, wasTyped })
  useEffect(() => {
    latest.current = { parameters, wasTyped }
  }, [parameters, wasTyped])
  const change = useCallback(
    (edit: Edit, { isTyped = false } = {}) => {
      const before = latest.current
      const next = new URLSearchParams(before.parameters)
      edit(next)
      if (next.toString() === before.parameters.toString()) return
      latest.current = { parameters: next, wasTyped: isTyped }
      setParameters(next, { replace: isTyped && before.wasTyped, state: { isTyped }, preventScrollReset: true })
    },
    [setParameters],
  )
  return [parameters, change]
}
