import { ApiError } from '@tenon/react'
import { type RefObject, useEffect, useRef } from 'react'

interface FieldProblems {
  /** Of the form: the first field with a problem gets the focus. */
  form: RefObject<HTMLFormElement | null>
  /** What the server found wrong with a field. */
  problemOf: (name: string) => string | undefined
  /** True when every problem is shown at a field, so that nothing else need say it. */
  areShown: boolean
}

/** Brings what a server found wrong to the fields of a form. `names` are those that the form has. */
export function useFieldProblems(error: Error | null, names: readonly string[]): FieldProblems {
  const form = useRef<HTMLFormElement>(null)
  const problems = error instanceof ApiError ? error.problems : []
  const nameOf = (field: string) => field.replace(/^\//, '')
  const areShown = problems.length > 0 && problems.every(({ field }) => names.includes(nameOf(field)))
  useEffect(() => {
    if (error) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus()
  }, [error])
  return { form, problemOf: (name) => problems.find(({ field }) => nameOf(field) === name)?.message, areShown }
}
