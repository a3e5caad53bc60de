// @vitest-environment jsdom
import { MantineProvider } from '@mantine/core'
import { createRoot, type Root } from 'react-dom/client'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { Value } from './Value.js'

let root: Root
let page: HTMLElement
const zone = process.env['TZ']
beforeAll(() => {
  process.env['TZ'] = 'America/New_York'
  window.matchMedia ??= () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as never
})
afterAll(() => {
  if (zone === undefined) delete process.env['TZ']
  else process.env['TZ'] = zone
})
beforeEach(() => {
  page = document.createElement('div')
  root = createRoot(page)
})
afterEach(() => root.unmount())

async function shown(value: unknown, type: string): Promise<string> {
  root.render(
    <MantineProvider>
      <main>
        <Value value={value} type={type} />
      </main>
    </MantineProvider>,
  )
  await expect.poll(() => page.querySelector('main')?.textContent).toBeTruthy()
  return page.querySelector('main')?.textContent ?? ''
}

describe('a value of a plugin', () => {
  it.each([
    [0, '0'],
    [0.91314, '0.9131'],
    [12_345.6789, '12,345.6789'],
    [0.00002, '0.00002'],
    [-0.000123456, '-0.0001235'],
    [1e-7, '1e-7'],
    [1.23456e-12, '1.235e-12'],
    ['0.00002', '0.00002'],
    ['NaN', 'NaN'],
  ])('%s is a number that says something: %s', async (value, text) => {
    expect(await shown(value, 'number')).toBe(text)
  })

  it.each([
    ['a day is that day in every zone', '2026-05-03', '3 May 2026'],
    ['a moment is shown by the clock here', '2026-05-03T01:00:00Z', '2 May 2026, 21:00'],
    ['no date is shown as it is', 'tomorrow', 'tomorrow'],
  ])('that is %s', async (_what, value, text) => {
    expect(await shown(value, 'date')).toBe(text)
  })
})
