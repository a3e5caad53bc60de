import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type SlackStandin, startSlackStandin } from '@tenon/standins'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type SignedInAdmin, startAsAdmin } from './start-as-admin.js'
import { accessibilityProblems, settle, type Visitor } from './visitor.js'
import { entryOf, type OwnMarketplace, writeMarketplace } from './working-plugin.js'

// A service takes a sign-in back: an admin sees it, signs in there again, and all is as before.

/** Renewed with every call: no token is good for longer than the host wants it to be when a request leaves. */
const client = { clientId: 'client', clientSecret: 'client-secret', tokenLifetimeSeconds: 30 }

/** Asks with the token of the account, as no webhook does. */
const chat = {
  entry: entryOf('slack', 'Chat', {
    permissions: { network: { hosts: ['slack.com'], reason: 'Asks who it is' } },
    contributes: {
      connections: [
        {
          id: 'workspace',
          kind: 'oauth2',
          provider: 'slack',
          title: 'Workspace',
          scopes: ['chat:write'],
          multiple: true,
          test: 'POST /ask',
          response: { account: { id: '/team/id', name: '/team/name' } },
        },
      ],
    },
  }),
  source: `
    export async function install() { return { success: true } }
    export async function uninstall() { return { success: true } }
    export const metadata = { name: 'Chat', version: '1.0.0', author: 'A', description: 'Asks' }
    export const router = {
      'POST /ask': async ({ fetch, body }: any) => {
        const url = 'https://slack.com/api/auth.test'
        const { ok, team } = await (await fetch(url, { connection: body.connectionId, method: 'POST' })).json()
        return ok ? { data: { message: 'This is ' + team } } : { status: 502, data: 'It was not answered.' }
      },
    }`,
}

let directory: string
let slack: SlackStandin
let marketplace: OwnMarketplace
let started: SignedInAdmin
let visitor: Visitor
let page: Page
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tenon-again-'))
  slack = await startSlackStandin({ ...client, tls: true })
  marketplace = await writeMarketplace([chat])
  const extraCaFile = join(directory, 'slack.pem')
  await writeFile(extraCaFile, slack.caCertificate ?? '')
  started = await startAsAdmin({
    email: 'ada@acme.example',
    path: '/plugins/slack/manage?section=connections',
    environment: {
      PLUGIN_MARKETPLACE_URL: marketplace.location,
      SLACK_CLIENT_ID: client.clientId,
      SLACK_CLIENT_SECRET: client.clientSecret,
      SLACK_AUTHORIZE_URL: `${slack.url}/oauth/v2/authorize`,
      EGRESS_HOST_MAP: `slack.com:443=${new URL(slack.url).host}`,
      TENON_EXTRA_CA: extraCaFile,
    },
    prepare: (admin) => admin.call('POST', '/api/plugins/install', { pluginKey: 'slack' }),
    ignoreHTTPSErrors: true,
  })
  ;({ visitor, page } = started)
}, 180_000)
afterAll(async () => {
  await started?.close()
  await Promise.all([slack?.close(), marketplace?.remove()])
  await rm(directory, { recursive: true, force: true })
})

const alert = 'slack no longer accepts the sign-in of Example Company.'
const refused = 'The service no longer accepts the sign-in. Sign in again with the same account.'

async function allow(team: string): Promise<void> {
  await page.waitForURL(/oauth\/v2\/authorize/)
  await page.getByLabel('Workspace').selectOption({ label: team })
  await page.getByRole('button', { name: /allow/i }).click()
  await page.waitForURL(/plugins\/slack\/manage/)
}

async function sendTest(): Promise<void> {
  await page.getByRole('button', { name: 'More for Example Company' }).click()
  await page.getByRole('menuitem', { name: 'Send a test' }).click()
}

describe('a sign-in that the service takes back', { timeout: 60_000 }, () => {
  it('works until then, and is renewed without anybody being asked', async () => {
    await page.getByRole('button', { name: 'Connect Workspace' }).click()
    await allow('Example Company')
    await page.getByText(/^Chat is connected to Example Company/).waitFor()
    await sendTest()
    await page.getByText('This is Example Company').waitFor()
    expect(slack.requests.some(({ body }) => body?.['grant_type'] === 'refresh_token')).toBe(true)
    expect(await page.getByText(refused).count()).toBe(0)
  })

  it('is shown to an admin on the page of the plugin, with what to do', async () => {
    await removeApp()
    await sendTest()
    await page.getByText('An admin has to connect it again.').first().waitFor()
    await page.getByText(refused).waitFor()
    await page.getByText('Does not work').waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
  })

  it('is shown on the dashboard, which leads to the connection', async () => {
    await page.getByRole('link', { name: 'Dashboard' }).click()
    await page.getByText(alert, { exact: true }).waitFor()
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('link', { name: 'Open its connections' }).click()
    await page.getByText(refused).waitFor()
  })

  it('is not mended by signing in with another account', async () => {
    await page.getByRole('button', { name: 'Sign in again: Example Company' }).click()
    await allow('Example Labs')
    await page.getByText('Example Labs').first().waitFor()
    await page.getByText(refused).waitFor()
  })

  it('works again once the same account has signed in', async () => {
    await page.getByRole('button', { name: 'Sign in again: Example Company' }).click()
    await allow('Example Company')
    await page.getByText(/^Chat is connected to Example Company/).waitFor()
    await page.getByText(refused).waitFor({ state: 'detached' })
    await sendTest()
    await page.getByText('This is Example Company').waitFor()
    await page.getByRole('link', { name: 'Dashboard' }).click()
    await page.getByRole('heading', { level: 1 }).waitFor()
    await settle(page)
    expect(await page.getByText(alert, { exact: true }).count()).toBe(0)
    expect(visitor.complaints).toEqual([])
  })
})

/** Somebody removes the app from the workspace. */
async function removeApp(): Promise<void> {
  const other = await visitor.context.newPage()
  await other.goto(`${slack.url}/inbox`)
  await other.getByRole('button', { name: /remove/i }).click()
  await other.waitForURL(/inbox$/)
  await other.close()
}
