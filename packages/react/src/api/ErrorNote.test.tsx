// @vitest-environment jsdom
import { expect, it } from 'vitest'
import { TenonProvider } from '../TenonProvider.js'
import { setStage } from '../testing/stage.js'
import { ErrorNote } from './ErrorNote.js'

const stage = setStage()

it('what could not be shown can be asked for again, where that may help', () => {
  let asked = 0
  const show = (onRetry?: () => void) =>
    stage.show(
      <TenonProvider>
        <ErrorNote error={new Error('It is busy.')} title="The plugins cannot be shown" onRetry={onRetry} />
      </TenonProvider>,
    )
  show(() => (asked += 1))
  const button = stage.page.querySelector('button')
  expect(button?.textContent).toBe('Try again')
  button?.click()
  expect(asked).toBe(1)
  show()
  expect(stage.page.querySelector('button')).toBe(null)
})
