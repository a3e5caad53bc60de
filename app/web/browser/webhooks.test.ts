import { createHmac } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Api } from './people.js'
import { type SignedInAdmin, startAsAdmin } from './start-as-admin.js'
import { accessibilityProblems, type Visitor } from './visitor.js'

// An admin lets a program hear of events, in the browser alone; the program is a real server.

const received: { headers: IncomingHttpHeaders; body: string }[] = []
let status = 200
let receiver: Server
let address: string
let started: SignedInAdmin
let visitor: Visitor
let page: Page
let admin: Api
beforeAll(async () => {
  receiver = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      received.push({ headers: request.headers, body })
      response.writeHead(status).end()
    })
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  const { port } = receiver.address() as AddressInfo
  address = `http://127.0.0.1:${port}/hook`
  const environment = { EGRESS_ALLOW_PRIVATE: `127.0.0.1/32:${port}` }
  started = await startAsAdmin({ email: 'ada@acme.example', path: '/settings', environment })
  ;({ admin, visitor, page } = started)
}, 180_000)
afterAll(async () => {
  await started?.close()
  receiver?.closeAllConnections()
  receiver?.close()
})

const patiently = { timeout: 20_000 }
const addRisk = (name: string) =>
  admin.call('POST', '/api/risks', {
    risk_name: name,
    risk_description: 'Something may happen',
    likelihood: 'Likely',
    severity: 'Major',
    ai_lifecycle_phase: 'Monitoring & maintenance',
  })
const isSignedWith = (secret: string, { headers, body }: (typeof received)[number]) => {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const text = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  return headers['webhook-signature'] === `v1,${createHmac('sha256', key).update(text).digest('base64')}`
}
const focused = () => page.evaluate(() => (document.activeElement as HTMLInputElement | null)?.value)
const menu = async (name: string) => {
  await page.getByRole('button', { name: 'More', exact: true }).click()
  await page.getByRole('menuitem', { name }).click()
}

describe('webhooks', { timeout: 90_000 }, () => {
  let secret = ''

  it('are added with an address and events, and show their secret once', async () => {
    await page.getByRole('link', { name: 'Webhooks' }).click()
    await page.getByText('No webhooks yet').waitFor()
    await page.getByRole('button', { name: 'Add a webhook' }).click()
    await page.getByLabel('Address').fill('ftp://example.com')
    await page.getByRole('button', { name: 'Add the webhook' }).click()
    await page.getByText('Choose at least one event').waitFor()
    expect(await focused()).toBe('*')
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByLabel('A risk was added risk.created').check()
    await page.getByLabel('A plugin goes on failing').check()
    await page.getByRole('button', { name: 'Add the webhook' }).click()
    await page.getByText('must begin with https://').waitFor()
    await page.getByLabel('Address').fill(address)
    await page.getByLabel('What it is for').fill('Our data lake')
    let release: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    await page.route('**/api/plugins/webhooks', (route) => held.then(() => route.continue()))
    await page.getByRole('button', { name: 'Add the webhook' }).click()
    // Closed while it is saved: it is made, and its secret is shown only once.
    await page.keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    release()
    await page.unrouteAll({ behavior: 'wait' })
    const code = page.getByRole('dialog').locator('code')
    await code.waitFor()
    secret = (await code.textContent()) ?? ''
    expect(secret).toMatch(/^whsec_/)
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('button', { name: 'I have kept it' }).click()
    await page.getByRole('link', { name: address }).click()
    await page.getByText('A plugin goes on failing plugin.failing').waitFor()
    await page.getByText('Nothing was sent yet').waitFor()
    expect(await page.content()).not.toContain(secret)
  })

  it('send a test, signed with the secret', async () => {
    await page.getByRole('button', { name: 'Send a test' }).click()
    await page.getByText(/Taken with status 200/).waitFor()
    expect(received.filter((one) => isSignedWith(secret, one))).toHaveLength(1)
  })

  it('show every attempt with its answer, and send again', async () => {
    status = 500
    await addRisk('A first risk')
    await page.reload()
    await page.getByText('It answered with status 500.').first().waitFor(patiently)
    expect(await accessibilityProblems(page)).toEqual([])
    const again = page.getByRole('button', { name: 'Send again' })
    expect(await again.isDisabled()).toBe(true)
    await again.focus()
    await page.getByRole('tooltip', { name: 'It waits for its turn, and is sent by itself.' }).waitFor()
    await page.getByRole('cell', { name: 'A risk was added risk.created' }).waitFor()
    status = 200
    await page.locator('.tn-badge', { hasText: 'Delivered' }).waitFor({ timeout: 60_000 })
    await page.getByText('200', { exact: true }).waitFor()
    await page.getByText('500', { exact: true }).first().waitFor()
    const before = received.length
    await page.getByRole('button', { name: 'Send again' }).click()
    await expect.poll(() => received.length, patiently).toBe(before + 1)
    expect(JSON.parse(received.at(-1)?.body ?? '')).toMatchObject({ name: 'risk.created' })
  })

  it('are switched off and on, and get another secret', async () => {
    await menu('Switch off')
    await page.getByText('It is switched off, and nothing is sent.').waitFor()
    await menu('Switch on')
    await page.getByText('It is switched off, and nothing is sent.').waitFor({ state: 'detached' })
    await menu('Replace the secret…')
    await page.getByRole('button', { name: 'Replace it' }).click()
    const code = page.getByRole('dialog').locator('code')
    await code.waitFor()
    const fresh = (await code.textContent()) ?? ''
    await page.getByRole('button', { name: 'I have kept it' }).click()
    await page.getByRole('button', { name: 'Send a test' }).click()
    await expect
      .poll(() => received.at(-1) && isSignedWith(fresh, received.at(-1) ?? { headers: {}, body: '' }), patiently)
      .toBe(true)
  })

  it('are changed, and deleted', async () => {
    await menu('Change…')
    await page.getByLabel('All events, also those that come later').check()
    await page.getByRole('button', { name: 'Save', exact: true }).click()
    await page.getByText('All events', { exact: true }).waitFor()
    await menu('Delete…')
    await page.getByRole('button', { name: 'Delete it' }).click()
    await page.getByText('No webhooks yet').waitFor()
    expect(visitor.complaints).toEqual([])
  })

  it('stand among what was done, with the way to them', async () => {
    await page.goto('/plugins/activity')
    await page.getByRole('main').getByRole('link', { name: 'Webhooks' }).first().click()
    await page.waitForURL(/\/settings\/webhooks$/)
  })
})
