import { setParameter, useParameters } from './useParameters.js'

/** What of a register is shown. */
export interface RegisterQuery {
  q: string
  page: number
}

/** Keeps it in the address, so that Back, a reload and a link that was sent show the same. */
export function useRegisterQuery(): [RegisterQuery, (query: RegisterQuery) => void] {
  const [parameters, change] = useParameters()
  const page = Number(parameters.get('page'))
  const query = { q: parameters.get('q') ?? '', page: Number.isSafeInteger(page) && page > 0 ? page : 1 }
  const write = (next: RegisterQuery) =>
    change(
      (changed) => {
        setParameter(changed, 'q', next.q)
        setParameter(changed, 'page', next.page === 1 ? '' : String(next.page))
      },
      { isTyped: next.q !== query.q },
    )
  return [query, write]
}
