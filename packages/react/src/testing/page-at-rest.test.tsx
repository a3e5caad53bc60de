// @vitest-environment jsdom
import { useEffect, useState } from 'react'
import { flushSync } from 'react-dom'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { whenPageRests } from './page-at-rest.js'

let root: Root
let page: HTMLElement
beforeEach(() => {
  page = document.createElement('div')
  root = createRoot(page)
})
afterEach(() => root.unmount())

/** Draws itself again and again, each time for longer than React works at a stretch. */
function Busy() {
  const [turn, setTurn] = useState(0)
  const until = performance.now() + 8
  while (performance.now() < until);
  useEffect(() => {
    if (turn < 20) setTurn(turn + 1)
  })
  return <>{turn}</>
}

it('a page rests when React has drawn all that there is to draw', async () => {
  flushSync(() => root.render(<Busy />))
  expect(page.textContent).not.toBe('20')
  await whenPageRests()
  expect(page.textContent).toBe('20')
})
