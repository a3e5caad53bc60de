import type { Page } from 'playwright-core'

const hourMs = 3_600_000

/** A day as it is for a plugin that much is asked of, with a bad hour in it. */
const busyHours = Array.from({ length: 24 }, (_, index) => {
  const calls = index < 6 ? 0 : Math.round(900 + 700 * Math.sin(index / 3))
  const errors = index === 17 ? 240 : Math.round(calls / 120)
  const times =
    calls === 0 ? { meanMs: null, p95Ms: null } : { meanMs: 12 + (index % 5), p95Ms: index === 17 ? 500 : 50 }
  return { at: new Date(Date.UTC(2026, 0, 5) + index * hourMs).toISOString(), calls, errors, ...times }
})

/** What a server with a history answers. */
export const hasBusyHours = (page: Page) =>
  page.route('**/api/plugins/installations/*/health', async (route) => {
    const answer = await route.fetch()
    const body = (await answer.json()) as { data: object }
    Object.assign(body.data, { hours: busyHours })
    await route.fulfill({ response: answer, json: body })
  })
