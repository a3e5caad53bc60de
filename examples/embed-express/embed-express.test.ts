import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { installCopy, type InstalledCopy } from './installed-copy.js'

let copy: InstalledCopy
let server: Awaited<ReturnType<InstalledCopy['start']>>
beforeAll(async () => {
  copy = await installCopy({
    directory: import.meta.dirname,
    dependencies: ['express'],
    // What a TypeScript application installs beside Express.
    devDependencies: ['@types/express', '@types/node', '@types/pg'],
  })
  server = await copy.start()
}, 180_000)
afterAll(() => copy.remove())

async function api(key: string | undefined, method: string, place: string, body?: unknown) {
  const response = await fetch(`${server.url}/api/plugins${place}`, {
    method,
    headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { 'x-api-key': key }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const { data, code } = (await response.json()) as { data?: unknown; code?: string }
  return { status: response.status, data, code }
}

test('the application needs at most 30 lines', async () => {
  const text = await readFile(path.join(import.meta.dirname, 'server.mjs'), 'utf8')
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//'))
  expect(lines.length).toBeLessThanOrEqual(30)
})

test('the application stays what it was', async () => {
  const response = await fetch(server.url)
  expect(await response.text()).toBe('The application itself')
})

test('its own authentication decides who may do what', async () => {
  expect(await api(undefined, 'GET', '/marketplace')).toMatchObject({ status: 401, code: 'NOT_AUTHENTICATED' })
  expect(await api('reader-of-7', 'POST', '/install', { pluginKey: 'guestbook' })).toMatchObject({ status: 403 })
  expect(await api('reader-of-7', 'GET', '/marketplace')).toMatchObject({
    status: 200,
    data: [{ key: 'guestbook', installable: true }],
  })
})

test('a plugin of its own marketplace is installed, and called', async () => {
  const installed = await api('admin-of-7', 'POST', '/install', { pluginKey: 'guestbook' })
  expect(installed).toMatchObject({ status: 201, data: { status: 'installed' } })
  const written = await api('admin-of-7', 'POST', '/guestbook/entries', { text: 'Good day' })
  expect(written).toMatchObject({ status: 201, data: { text: 'Good day' } })
  const read = await api('reader-of-7', 'GET', '/guestbook/entries')
  expect(read).toMatchObject({ status: 200, data: [{ user_id: 1, text: 'Good day' }] })
})

test('another organization sees nothing of it', async () => {
  expect(await api('admin-of-8', 'GET', '/installations')).toMatchObject({ status: 200, data: [] })
  expect((await api('admin-of-8', 'GET', '/guestbook/entries')).status).toBe(404)
})

test('a TypeScript application can use every option', async () => {
  expect(await copy.typeCheck('consumer.ts')).toBe('')
}, 180_000)

test('it ends when it is told to, and everything is there after the next start', async () => {
  expect(await server.stop()).toBe(0)
  server = await copy.start()
  expect(await api('reader-of-7', 'GET', '/guestbook/entries')).toMatchObject({ data: [{ text: 'Good day' }] })
}, 180_000)
