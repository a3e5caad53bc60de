// @vitest-environment jsdom
import { MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot, type Root } from 'react-dom/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PluginAlerts } from './PluginAlerts.js'
import type { PluginAlert } from './run.repository.js'
import { runKeys } from './runCache.js'

let root: Root
let page: HTMLElement
beforeEach(() => {
  window.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} }) as never
  page = document.createElement('div')
  root = createRoot(page)
})
afterEach(() => root.unmount())

const alert = (subject: PluginAlert['subject']): PluginAlert => ({
  pluginKey: 'stranger',
  plugin: 'Stranger',
  installationId: 7,
  subject,
  failures: 3,
  error: { code: 'PLUGIN_THREW', kind: 'configuration', message: 'It was refused.', nextStep: 'Connect again.' },
  lastFailedAt: '2026-01-05T08:00:00.000Z',
})

describe('an alert', () => {
  it.each([
    [{ kind: 'action', action: 'sync', title: 'Sync', runId: 'x' }, 'Stranger: “Sync” failed 3 times in a row'],
    [{ kind: 'connection', connectionId: 1, account: 'Acme' }, 'Stranger: Acme no longer works'],
    [{ kind: 'events', event: 'risk.created' }, 'Stranger did not take 3 events in a row'],
  ] as const)('about %j says what fails, and what to do', async (subject, title) => {
    const client = new QueryClient()
    client.setQueryData(runKeys.alerts, [alert(subject)])
    root.render(
      <MantineProvider>
        <QueryClientProvider client={client}>
          <PluginAlerts />
        </QueryClientProvider>
      </MantineProvider>,
    )
    await expect.poll(() => page.textContent).toContain(title)
    expect(page.textContent).toContain('It was refused.Connect again.')
  })
})
