// @vitest-environment jsdom
import { Button } from '@mantine/core'
import { createRoot } from 'react-dom/client'
import { flushSync } from 'react-dom'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { TenonProvider } from '../TenonProvider.js'

let page: HTMLElement
let sent = 0
let pressed = 0
beforeEach(() => {
  window.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as never
  page = document.createElement('div')
  document.body.append(page)
  sent = pressed = 0
})
afterEach(() => page.remove())

function show(state: { loading?: boolean; disabled?: boolean }, root = createRoot(page)) {
  flushSync(() =>
    root.render(
      <TenonProvider>
        <form
          onSubmit={(event) => {
            event.preventDefault()
            sent += 1
          }}
        >
          <Button type="submit" onClick={() => (pressed += 1)} {...state}>
            Save
          </Button>
        </form>
      </TenonProvider>,
    ),
  )
  return root
}
const button = () => page.querySelector('button') as HTMLButtonElement

it('keeps the focus while its work goes on, and does nothing a second time', () => {
  const root = show({})
  button().focus()
  button().click()
  expect([sent, pressed]).toEqual([1, 1])
  show({ loading: true }, root)
  expect(document.activeElement).toBe(button())
  expect([button().disabled, button().getAttribute('aria-disabled')]).toEqual([false, 'true'])
  button().click()
  expect([sent, pressed]).toEqual([1, 1])
  show({ loading: false }, root)
  button().click()
  expect([sent, pressed]).toEqual([2, 2])
})

it('is not to be pressed at all where there is nothing to do', () => {
  show({ disabled: true, loading: true })
  expect(button().disabled).toBe(true)
})
