// @vitest-environment jsdom
import { Button } from '@mantine/core'
import { beforeEach, expect, it } from 'vitest'
import { TenonProvider } from '../TenonProvider.js'
import { setStage } from '../testing/stage.js'

const stage = setStage()
let sent = 0
let pressed = 0
beforeEach(() => {
  sent = pressed = 0
})

const show = (state: { loading?: boolean; disabled?: boolean }) =>
  stage.show(
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
  )
const button = () => stage.page.querySelector('button') as HTMLButtonElement

it('keeps the focus while its work goes on, and does nothing a second time', () => {
  show({})
  button().focus()
  button().click()
  expect([sent, pressed]).toEqual([1, 1])
  show({ loading: true })
  expect(document.activeElement).toBe(button())
  expect([button().disabled, button().getAttribute('aria-disabled')]).toEqual([false, 'true'])
  button().click()
  expect([sent, pressed]).toEqual([1, 1])
  show({ loading: false })
  button().click()
  expect([sent, pressed]).toEqual([2, 2])
})

it('is not to be pressed at all where there is nothing to do', () => {
  show({ disabled: true, loading: true })
  expect(button().disabled).toBe(true)
})
