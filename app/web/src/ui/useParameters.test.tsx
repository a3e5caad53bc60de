// @vitest-environment jsdom
import { act } from 'react'
import { createRoot } from 'react-dom/client'
import { createMemoryRouter, RouterProvider } from 'react-router'
import { expect, it } from 'vitest'
import { setParameter, useParameters } from './useParameters.js'

Object.assign(globalThis, { IS_REACT_ACT_ENVIRONMENT: true })

it('makes one step of what is typed, also where letters come before the first is drawn', async () => {
  let type: (text: string) => void = () => undefined
  function Page() {
    const [, change] = useParameters()
    type = (text) => change((parameters) => setParameter(parameters, 'q', text), { isTyped: true })
    return null
  }
  const router = createMemoryRouter([{ path: '/', element: <Page /> }])
  const root = createRoot(document.createElement('div'))
  await act(async () => root.render(<RouterProvider router={router} />))
  await act(async () => {
    type('ch')
    type('churn')
  })
  expect(router.state.location.search).toBe('?q=churn')
  await act(() => router.navigate(-1))
  expect(router.state.location.search).toBe('')
  act(() => root.unmount())
})
