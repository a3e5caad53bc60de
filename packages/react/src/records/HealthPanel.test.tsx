// @vitest-environment jsdom
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { pluginKeys } from '../plugins/queries.js'
import type { PluginInstallation } from '../plugins/types.js'
import { HealthPanel } from './HealthPanel.js'
import type { PluginHealth } from './records.js'

let root: Root
let page: HTMLElement
beforeEach(() => {
  window.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as never
  page = document.createElement('div')
  root = createRoot(page)
})
afterEach(() => root.unmount())

const health: PluginHealth = {
  state: 'running',
  summary: 'Works',
  since: null,
  next: null,
  calls: { calls: 3, errors: 0, meanMs: 20, p95Ms: 50 },
  restarts: 0,
  restartAfter: null,
  crashes: [],
  budgets: [
    { name: 'calls waiting for their turn', used: 3, limit: 200, unit: 'calls' },
    { name: 'database connections in use', used: 2, limit: 2, unit: 'connections' },
    { name: 'time of its longest statement', used: 1.2, limit: 30, unit: 'seconds' },
    { name: 'files kept for the organization', used: 250_000_000, limit: 500_000_000, unit: 'bytes' },
    { name: 'without a limit', used: 1, limit: null, unit: 'bytes' },
  ],
  processes: [],
}

it('what a plugin uses of its limits is in words, and what is used up says so', async () => {
  const client = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity } } })
  client.setQueryData(pluginKeys.of('stranger', 'health'), health)
  root.render(
    <MantineProvider>
      <QueryClientProvider client={client}>
        <HealthPanel installation={{ id: 7, pluginKey: 'stranger' } as PluginInstallation} />
      </QueryClientProvider>
    </MantineProvider>,
  )
  const rows = () => [...page.querySelectorAll('[aria-label="What it uses of its limits"] li')]
  await expect
    .poll(() => rows().map(({ textContent }) => textContent))
    .toEqual([
      'Calls waiting for their turn 3 of 200 calls',
      'Database connections in use 2 of 2 connections, all that it may have',
      'Time of its longest statement 1.2 of 30 seconds',
      'Files kept for the organization 250 of 500 MB',
    ])
  const meters = rows().map((row) => row.querySelector('meter'))
  expect(meters.map((meter) => [meter?.getAttribute('aria-label'), meter?.value, meter?.max])).toContainEqual([
    'Time of its longest statement',
    1.2,
    30,
  ])
})
