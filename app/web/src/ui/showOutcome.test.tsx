// @vitest-environment jsdom
import { MantineProvider } from '@mantine/core'
import { Notifications, notifications } from '@mantine/notifications'
import { ApiError } from '@tenon/react'
import { flushSync } from 'react-dom'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { showFailure } from './showOutcome.js'

let root: Root
let page: HTMLElement
beforeEach(() => {
  window.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as never
  page = document.createElement('div')
  document.body.append(page)
  root = createRoot(page)
  flushSync(() =>
    root.render(
      <MantineProvider>
        <Notifications />
      </MantineProvider>,
    ),
  )
})
afterEach(() => {
  notifications.clean()
  root.unmount()
  page.remove()
})

const alert = () => document.querySelector('[role="alert"]')

describe('what is said in the corner of the page', () => {
  it('of a request that failed has its id, which a person needs to ask for help', async () => {
    showFailure('Ada Lovelace', new ApiError('It broke.', 500, 'INTERNAL', 'req-42'))
    await expect.poll(() => alert()?.textContent).toBe('Ada LovelaceIt broke.Request req-42')
  })

  it('of a server that was not reached has no id', async () => {
    showFailure('Ada Lovelace', new ApiError('Nobody is there.', 0, 'UNREACHABLE'))
    await expect.poll(() => alert()?.textContent).toBe('Ada LovelaceNobody is there.')
  })
})
