import { monitorEventLoopDelay } from 'node:perf_hooks'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from '../testing/host-in-test.js'

const taker: TestPlugin = {
  key: 'taker',
  files: {
    'index.ts': `
      export const install = async () => ({ success: true })
      export const uninstall = install
      export const metadata = {}
      export const router = {
        'POST /json': async ({ body }: any) => ({ data: body.text.length }),
        'POST /form': async ({ body }: any) => ({ data: Object.values(body).map((value: any) => value.length) }),
      }`,
  },
}

let usual: HostInTest
let modest: Replica
beforeAll(async () => {
  usual = await startHostInTest()
  await usual.publish(taker)
  await usual.api('POST', '/install', { pluginKey: 'taker' })
  modest = await usual.startReplica({
    limits: { requests: { maxBodyBytes: 1_000, maxFormFields: 3, maxFormFieldBytes: 1_000 } },
  })
})
afterAll(async () => {
  await modest.close()
  await usual.close()
})

const hosts = { usual: () => usual, modest: () => modest }
type Which = keyof typeof hosts

const sendJson = (which: Which, bytes: number) =>
  hosts[which]().api('POST', '/taker/json', { text: 'x'.repeat(bytes - '{"text":""}'.length) })

async function sendForm(which: Which, fields: readonly string[]) {
  const form = new FormData()
  fields.forEach((value, index) => form.set(`f${index}`, value))
  const response = await fetch(`${hosts[which]().url}/api/plugins/taker/form`, {
    method: 'POST',
    headers: { 'x-test-user': 'Editor:1:1:s' },
    body: form,
  })
  return { status: response.status, body: (await response.json()) as unknown }
}

test.each<[Which, number]>([
  ['usual', 10_000_000],
  ['modest', 1_000],
])('a body of JSON has at most maxBodyBytes: %s, %i', async (which, most) => {
  expect(await sendJson(which, most)).toMatchObject({ status: 200, content: most - 11 })
  expect(await sendJson(which, most + 1)).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } })
})

/** The body as it stands, with how long the event loop was held, which is the host's here. */
async function sendBytes(body: Buffer, contentType = 'application/json') {
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const response = await fetch(`${usual.url}/api/plugins/taker/json`, {
    method: 'POST',
    headers: { 'x-test-user': 'Editor:1:1:s', 'content-type': contentType },
    body,
  })
  const answer = (await response.json()) as { code?: string; data?: unknown }
  delay.disable()
  return { status: response.status, answer, longestMs: delay.max / 1e6 }
}

test('a body that is nicely deep passes; megabytes of brackets are refused before they are parsed', async () => {
  const deep = (levels: number, text = '') =>
    Buffer.from(`{"text":"${text}","more":${'['.repeat(levels)}${']'.repeat(levels)}}`)
  await sendBytes(deep(2))
  expect(await sendBytes(deep(90, '[[{'))).toMatchObject({ status: 200, answer: { data: 3 } })
  const refused = await sendBytes(deep(4_900_000))
  expect(refused).toMatchObject({ status: 400, answer: { code: 'VALIDATION_FAILED' } })
  expect(refused.longestMs).toBeLessThan(500)
})

test('a body of JSON is UTF-8', async () => {
  const body = Buffer.from(`{"text":"x"}`, 'utf16le')
  expect(await sendBytes(body, 'application/json; charset=utf-16le')).toMatchObject({
    status: 400,
    answer: { code: 'BODY_NOT_JSON' },
  })
})

test.each<[Which, number]>([
  ['usual', 50],
  ['modest', 3],
])('a form has at most maxFormFields: %s, %i', async (which, most) => {
  const fields = (count: number) => Array.from({ length: count }, () => 'x')
  expect(await sendForm(which, fields(most))).toMatchObject({ status: 200, body: { data: fields(most).map(() => 1) } })
  expect(await sendForm(which, fields(most + 1))).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
})

test.each<[Which, number]>([
  ['usual', 100_000],
  ['modest', 1_000],
])('a field of a form has at most maxFormFieldBytes, and is never cut: %s, %i', async (which, most) => {
  expect(await sendForm(which, ['x'.repeat(most)])).toMatchObject({ status: 200, body: { data: [most] } })
  expect(await sendForm(which, ['x'.repeat(most + 1)])).toMatchObject({
    status: 400,
    body: { data: `A field of the form has more than ${most.toLocaleString('en')} bytes.` },
  })
})
