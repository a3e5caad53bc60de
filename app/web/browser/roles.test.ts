import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { startBrowser } from './find-browser.js'
import { type Api, registerOverApi } from './people.js'
import { startTenon, type Tenon } from './start-tenon.js'
import { accessibilityProblems, password, settle, signIn, visit, type Visitor } from './visitor.js'

const people = {
  admin: { name: 'Ada', surname: 'Lovelace', email: 'ada@acme.example', role: 'Admin' },
  editor: { name: 'Emmy', surname: 'Noether', email: 'emmy@acme.example', role: 'Editor' },
  reader: { name: 'Alan', surname: 'Turing', email: 'alan@acme.example', role: 'Reviewer' },
  second: { name: 'Mary', surname: 'Somerville', email: 'mary@acme.example', role: 'Admin' },
  third: { name: 'Grace', surname: 'Hopper', email: 'grace@acme.example', role: 'Admin' },
}
const risk = {
  risk_name: 'Drift',
  risk_description: 'Scores get worse.',
  ai_lifecycle_phase: 'Monitoring & maintenance',
  likelihood: 'Rare',
  severity: 'Minor',
}

let tenon: Tenon
let browser: Browser
let admin: Api
const ids = new Map<string, number>()
const visitors: Visitor[] = []
beforeAll(async () => {
  ;[tenon, browser] = await Promise.all([startTenon(), startBrowser()])
  admin = await registerOverApi(tenon.url, 'Acme', people.admin.email)
  for (const person of [people.editor, people.reader, people.second, people.third]) {
    const { id } = await admin.call<{ id: number }>('POST', '/api/users', { ...person, password })
    ids.set(person.email, id)
  }
  await admin.call('POST', '/api/risks', { ...risk, risk_owner: ids.get(people.second.email) })
  for (const pluginKey of ['mlflow', 'slack', 'risk-import']) {
    const { id } = await admin.call<{ id: number }>('POST', '/api/plugins/install', { pluginKey })
    const configuration = tenon.samples.find((sample) => sample.pluginKey === pluginKey)?.configuration
    if (configuration) await admin.call('PUT', `/api/plugins/installations/${id}/configuration`, { configuration })
  }
}, 120_000)
afterEach(async () => {
  for (const visitor of visitors.splice(0)) await visitor.close()
})
afterAll(async () => {
  await browser?.close()
  await tenon?.stop()
})

async function enter({ email }: { email: string }, address = '/'): Promise<Page> {
  const visitor = await visit(browser, { baseURL: tenon.url })
  visitors.push(visitor)
  await visitor.page.goto(address)
  await signIn(visitor.page, email)
  await settle(visitor.page)
  return visitor.page
}

const choose = async (page: Page, field: string, option: string) => {
  await page.getByRole('combobox', { name: field }).click()
  await page.getByRole('option', { name: option }).click()
}
const isShown = (page: Page, text: string) => page.getByText(text).first().waitFor({ timeout: 10_000 })

describe('an admin who gives up their own role', { timeout: 60_000 }, () => {
  it('is asked first, and keeps it by saying no', async () => {
    const page = await enter(people.second, '/members')
    await choose(page, 'Role of Mary Somerville', 'Auditor')
    const question = page.getByRole('dialog', { name: 'Stop being an admin?' })
    await question.waitFor({ timeout: 10_000 })
    expect(await accessibilityProblems(page)).toEqual([])
    await question.getByRole('button', { name: 'Stay an admin' }).click()
    await question.waitFor({ state: 'detached' })
    await page.reload()
    await isShown(page, 'Acme · Admin')
  })

  it('has only what the new role allows from then on', async () => {
    const page = await enter(people.second, '/members')
    await choose(page, 'Role of Mary Somerville', 'Auditor')
    await page.getByRole('button', { name: 'Become Auditor' }).click()
    await isShown(page, 'Acme · Auditor')
    await isShown(page, 'Only admins see the members')
    await isShown(page, 'Is Auditor now')
    expect(await page.getByRole('button', { name: 'Add a member' }).count()).toBe(0)
  })
})

describe('an admin who was given another role meanwhile', { timeout: 60_000 }, () => {
  it('is shown it with the first thing that is refused', async () => {
    const page = await enter(people.third, '/members')
    await admin.call('PATCH', `/api/users/${ids.get(people.third.email)}`, { role: 'Auditor' })
    await choose(page, 'Role of Alan Turing', 'Auditor')
    await isShown(page, 'Acme · Auditor')
    await isShown(page, 'Only admins see the members')
  })
})

describe('an editor', { timeout: 60_000 }, () => {
  it('sees whose a risk is, and gives one to any member', async () => {
    const page = await enter(people.editor, '/risks')
    await page.getByRole('cell', { name: 'Mary Somerville' }).waitFor({ timeout: 10_000 })
    await page.getByRole('button', { name: 'Add a risk' }).first().click()
    const dialog = page.getByRole('dialog', { name: 'Add a risk' })
    await dialog.getByLabel('Name').fill('Bias')
    await dialog.getByLabel('Description').fill('Some are always refused.')
    await choose(page, 'Owner', 'Alan Turing')
    await dialog.getByRole('button', { name: 'Add the risk' }).click()
    await page.getByRole('cell', { name: 'Alan Turing' }).waitFor()
  })
})

describe('an organization with more members than the server gives at once', { timeout: 60_000 }, () => {
  it('knows all of them by name', async () => {
    const page = await enter(people.admin)
    await page.route('**/api/users**', (route) =>
      route.continue({
        url: route
          .request()
          .url()
          .replace(/pageSize=\d+/, 'pageSize=2'),
      }),
    )
    await page.goto('/risks')
    await page.getByRole('cell', { name: 'Mary Somerville' }).waitFor({ timeout: 10_000 })
  })

  it('shows them in pages, which have addresses, and finds one by name', async () => {
    const names = Array.from({ length: 30 }, (_, index) => `Number${String(index).padStart(2, '0')}`)
    for (const name of names) {
      const email = `${name}@acme.example`.toLowerCase()
      await admin.call('POST', '/api/users', { name, surname: 'Many', email, role: 'Editor', password })
    }
    const page = await enter(people.admin, '/members')
    await isShown(page, '35 entries')
    const rows = page.getByRole('table').getByRole('row')
    expect(await rows.count()).toBe(1 + 25)
    expect(await accessibilityProblems(page)).toEqual([])
    await page.getByRole('button', { name: 'Page 2' }).click()
    await page.getByRole('cell', { name: 'Number29 Many' }).waitFor()
    expect(await rows.count()).toBe(1 + 10)
    await choose(page, 'Role of Number29 Many', 'Auditor')
    await isShown(page, 'Is Auditor now')
    await page.reload()
    await page.getByRole('cell', { name: 'Number29 Many' }).waitFor()
    await page.getByRole('searchbox', { name: 'Search members' }).fill('number07')
    await isShown(page, '1 entry')
    await page.getByRole('cell', { name: 'number07@acme.example' }).waitFor()
    await page.goBack()
    await page.getByRole('cell', { name: 'Number29 Many' }).waitFor()
  })
})

describe('a reader', { timeout: 60_000 }, () => {
  it('sees who did what', async () => {
    const page = await enter(people.reader, '/plugins/activity')
    await isShown(page, 'Ada Lovelace')
  })

  it('is asked to do nothing that is for others', async () => {
    const page = await enter(people.reader)
    await isShown(page, 'See what your organization works with')
    expect(await page.getByText(/Bring in the models of/).count()).toBe(0)
    await page.goto('/plugins/my-plugins')
    await isShown(page, '3 plugins installed')
    await settle(page)
    expect(await page.getByRole('link', { name: /^Connect / }).count()).toBe(0)
  })
})

describe('what an import brought', { timeout: 60_000 }, () => {
  it('is counted in the register, also when it is imported and taken back on the page of its plugin', async () => {
    const page = await enter(people.admin, '/risks')
    const { total } = await admin.call<{ total: number }>('GET', '/api/risks')
    const toImporter = async () => {
      await page.getByRole('link', { name: 'Plugins', exact: true }).click()
      await page.getByRole('link', { name: 'My Plugins' }).click()
      await page.getByRole('link', { name: 'Risk Import', exact: true }).click()
      await page.getByRole('link', { name: 'Data', exact: true }).click()
    }
    const risksAre = async (count: number) => {
      await page.getByRole('link', { name: 'Risks', exact: true }).first().click()
      const counted = page.getByText(/^\d entr(y|ies)$/)
      await expect.poll(() => counted.textContent()).toMatch(new RegExp(`^${count} `))
    }
    await toImporter()
    const rows = [
      'Risk Name,Risk Owner,AI Lifecycle Phase,Risk Description,Likelihood,Severity',
      `Drift,${people.admin.email},Monitoring & maintenance,It gets worse,Rare,Major`,
    ]
    const file = { name: 'drift.csv', mimeType: 'text/csv', buffer: Buffer.from(rows.join('\n')) }
    await page.getByLabel(/Choose a file/).setInputFiles(file)
    await page.getByRole('button', { name: 'Import 1 row' }).click()
    await isShown(page, 'Import completed')
    await risksAre(total + 1)
    await toImporter()
    await page.getByRole('button', { name: /^Undo the import of/ }).click()
    await page.getByRole('button', { name: 'Undo the import', exact: true }).click()
    await isShown(page, '1 risk was removed.')
    await risksAre(total)
  })
})

describe('signing out', { timeout: 60_000 }, () => {
  it('says so when it did not work, and the person stays signed in', async () => {
    const page = await enter(people.reader)
    await page.route('**/api/session', (route) =>
      route.request().method() === 'DELETE' ? route.abort() : route.fallback(),
    )
    await page.getByRole('button', { name: /Alan Turing/ }).click()
    await page.getByRole('menuitem', { name: 'Sign out' }).click()
    const alert = page.getByRole('alert').filter({ hasText: 'You are still signed in' })
    await alert.getByText('The server cannot be reached').waitFor({ timeout: 10_000 })
  })
})
