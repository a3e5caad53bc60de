// @vitest-environment jsdom
import { describe, expect, it } from 'vitest'
import { setStage } from '../testing/stage.js'
import { TenonProvider } from '../TenonProvider.js'
import { ReasonedButton } from './ReasonedButton.js'

const stage = setStage()
let pressed = 0

function show(props: { reason?: string; hint?: string }): HTMLElement {
  pressed = 0
  stage.show(
    <TenonProvider>
      <ReasonedButton {...props} onClick={() => (pressed += 1)}>
        Send
      </ReasonedButton>
    </TenonProvider>,
  )
  return stage.page.querySelector('button') as HTMLElement
}
const descriptionOf = (button: HTMLElement) =>
  document.getElementById(button.getAttribute('aria-describedby') ?? '')?.textContent
const tooltip = () => document.querySelector('[role="tooltip"]')?.textContent

describe('a button that cannot be pressed now', () => {
  it('says why to everybody, and does nothing', async () => {
    const button = show({ reason: 'It is on its way already', hint: 'Sends it' })
    expect(button.getAttribute('aria-disabled')).toBe('true')
    expect(descriptionOf(button)).toBe('It is on its way already')
    button.focus()
    expect(document.activeElement).toBe(button)
    await expect.poll(tooltip).toBe('It is on its way already')
    button.click()
    expect(pressed).toBe(0)
  })

  it('keeps the focus when it can be pressed again', () => {
    const button = show({ reason: 'It is on its way already' })
    button.focus()
    expect(show({})).toBe(button)
    expect(document.activeElement).toBe(button)
    expect(button.getAttribute('aria-disabled')).toBe(null)
    button.click()
    expect(pressed).toBe(1)
  })

  it('says what it does, where there is something to say', async () => {
    show({ hint: 'Sends it' }).focus()
    await expect.poll(tooltip).toBe('Sends it')
  })
})
