import { startSlackStandin, type SlackStandin } from '@tenon/standins'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startBrowser } from '../../app/web/browser/find-browser.js'
import { accessibilityProblems, visit, type Visitor } from '../../app/web/browser/visitor.js'
import { installCopy, type InstalledCopy } from '../embed-express/installed-copy.js'

let copy: InstalledCopy
let url: string
let browser: Browser
let visitor: Visitor
let page: Page
let service: SlackStandin
beforeAll(async () => {
  copy = await installCopy({
    directory: import.meta.dirname,
    packages: ['react'],
    dependencies: ['express', 'react', 'react-dom', 'eventsource'],
    devDependencies: ['vite', '@vitejs/plugin-react', '@types/react', '@types/react-dom'],
  })
  await copy.run('vite', ['build', '--logLevel', 'error'])
  service = await startSlackStandin({
    clientId: 'orchard',
    clientSecret: 'only for trying it out',
    appName: 'Orchard',
    workspaces: [{ name: 'Post office of Kew', channels: [] }],
  })
  ;[{ url }, browser] = await Promise.all([copy.start({ POST_OFFICE_URL: service.url }), startBrowser()])
  visitor = await visit(browser, { baseURL: url })
  page = visitor.page
}, 180_000)
afterAll(async () => {
  await browser?.close()
  await copy?.remove()
  await service?.close()
})

test('the types of the packages suit a strict application', { timeout: 60_000 }, async () => {
  const options = ['--target', 'es2022', '--module', 'esnext', '--moduleResolution', 'bundler', '--jsx', 'react-jsx']
  expect(await copy.typeCheck('src/main.tsx', [...options, '--lib', 'es2023,dom', 'src/vite-env.d.ts'])).toBe('')
})

test(
  'a foreign application lists plugins, with icons, below its own address and in its own look',
  { timeout: 60_000 },
  async () => {
    await page.goto('/')
    await page.getByRole('link', { name: 'Greeter' }).waitFor()
    await page.getByText('Nobody greets here yet.').waitFor()
    expect(await page.locator('.tn-card').count()).toBe(2)
    const icon = page.locator('.tn-card img')
    await icon.waitFor()
    expect(await icon.evaluate((image: HTMLImageElement) => image.complete && image.naturalWidth > 0)).toBe(true)
    const install = page.getByRole('button', { name: 'Install' }).first()
    expect(await install.evaluate((button) => getComputedStyle(button).fontFamily)).toContain('Georgia')
    const heading = page.getByRole('heading', { name: 'Orchard' })
    expect(await heading.evaluate((title) => getComputedStyle(title.closest('body') ?? title).backgroundColor)).toBe(
      'rgb(250, 247, 240)',
    )
  },
)

test('installing one opens the gate, and its form saves what the server accepts', { timeout: 60_000 }, async () => {
  await page.locator('.tn-card', { hasText: 'Greeter' }).getByRole('button', { name: 'Install' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Allow and install' }).click()
  await page.getByText('A plugin greets here.').waitFor()
  await dialog.getByRole('button', { name: 'Configure it' }).click()
  const form = page.getByRole('region', { name: 'Settings of Greeter' })
  await form.getByLabel('Words').fill('LOUD')
  await form.getByRole('button', { name: /Save/ }).click()
  await form.getByText('Words must not be loud').first().waitFor()
  await form.getByLabel('Words').fill('Good day')
  await form.getByRole('button', { name: /Save/ }).click()
  await form.getByText('Saved.').waitFor()
  expect(await form.getByText('Words must not be loud').count()).toBe(0)
  await page.reload()
  await expect.poll(() => form.getByLabel('Words').inputValue(), { timeout: 10_000 }).toBe('Good day')
})

test('a file is imported, its lines are in the table, and the run says how many', { timeout: 60_000 }, async () => {
  const table = page.getByRole('region', { name: 'Greetings', exact: true })
  await table.getByText('There is nothing here yet.').waitFor()
  const importer = page.getByRole('region', { name: 'Import greetings' })
  const buffer = Buffer.from('Good morning\nGood night\n')
  await importer.locator('input[type=file]').setInputFiles({ name: 'greetings.txt', mimeType: 'text/plain', buffer })
  await importer.getByRole('button', { name: /^Import/ }).click()
  await table.getByText('Good night').first().waitFor()
  await table.getByText('1 to 2 of 2').waitFor()
  const settings = page.getByRole('region', { name: 'Settings of Greeter' })
  await settings.locator('.tn-runs', { hasText: 'Import greetings' }).getByText('Done').first().waitFor()
})

/** Goes to the service to connect an account, and answers there. */
async function answerAtTheService(answer: 'Allow' | 'Cancel') {
  await page.getByRole('button', { name: 'Connect Post office' }).click()
  await page.getByText('Orchard asks for access').first().waitFor()
  expect(Object.fromEntries(new URL(page.url()).searchParams)).toMatchObject({
    client_id: 'orchard',
    scope: 'letters:write',
    redirect_uri: `${url}/plugins/greeter/manage`,
  })
  await page.getByRole('button', { name: answer }).click()
}

test('who does not agree at the service reads that nothing was connected, and goes on', async () => {
  await answerAtTheService('Cancel')
  const note = page.getByRole('alert')
  await note.getByText('Greeter was not connected').waitFor()
  await note.getByText('You did not agree at the service.').waitFor()
  expect(page.url()).toBe(`${url}/`)
  expect(await accessibilityProblems(page)).toEqual([])
  await note.getByRole('button', { name: 'Close' }).click()
  await note.waitFor({ state: 'detached' })
})

test('what the service does not exchange is said in words, and can be tried again', async () => {
  service.failNext({ path: '/api/oauth.v2.access', status: 500 })
  await answerAtTheService('Allow')
  const note = page.getByRole('alert')
  await note.getByText('Greeter was not connected').waitFor()
  await note.getByText(/^Request /).waitFor()
  await page.reload()
  await page.getByRole('button', { name: 'Connect Post office' }).waitFor()
  expect(await note.count()).toBe(0)
})

test('an account is connected at the service, and is there when the person is back', async () => {
  await answerAtTheService('Allow')
  await page.getByText('Greeter is connected to Post office of Kew').waitFor()
  expect(page.url()).toBe(`${url}/`)
  const settings = page.getByRole('region', { name: 'Settings of Greeter' })
  await settings.locator('.tn-connection', { hasText: 'Post office of Kew' }).waitFor()
  await page.getByText('A plugin greets here.').waitFor()
  expect(await accessibilityProblems(page)).toEqual([])
})

test(
  'it has no accessibility problems of ours, light and dark, and says nothing on the console',
  { timeout: 60_000 },
  async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      await page.waitForTimeout(200)
      expect(await accessibilityProblems(page), colorScheme).toEqual([])
    }
    expect(visitor.complaints).toEqual([])
  },
)

test('somebody who may not install sees the same without buttons', { timeout: 60_000 }, async () => {
  await page.goto('/?as=reader')
  await page.getByText('A plugin greets here.').waitFor()
  await page.getByText('Good night').first().waitFor()
  expect(await page.getByRole('button', { name: /Install|Import|Connect|Save/ }).count()).toBe(0)
})
