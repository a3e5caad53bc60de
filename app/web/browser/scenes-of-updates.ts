import type { Page } from 'playwright-core'

const release = (version: string, date: string, notes: string[]) => ({ version, date, notes })
const releases = [
  release('1.2.0', '2026-05-03', [
    'Reads archived models too, and says so beside their names',
    'Twice as quick where there are more than 10,000 versions',
  ]),
  release('1.1.0', '2026-03-12', ['Keeps the tags of a model, however many there are']),
]

/** There is a newer version of everything, with two versions on the way to it. */
export async function hasUpdate(page: Page) {
  await page.route('**/api/plugins/installations', async (route) => {
    const answer = await route.fetch()
    const body = (await answer.json()) as { data: object[] }
    const data = body.data.map((installation) => ({ ...installation, updateAvailable: '1.2.0' }))
    await route.fulfill({ response: answer, json: { ...body, data } })
  })
  await page.route('**/api/plugins/installations/*/update', (route) =>
    route.fulfill({
      json: { message: 'OK', data: { from: '1.0.0', to: '1.2.0', added: [], removed: [], releases } },
    }),
  )
}
