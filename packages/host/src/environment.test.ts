import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

const code = `
  export async function install() { return { success: true } }
  export async function uninstall() { return { success: true } }
  export const metadata = {}
  export const router = {
    'GET /environment': async (request: any) => { console.log('the key is', process.env.READER_KEY); return { data: { ...process.env } } },
  }`
const asking = (key: string, environment: string[]): TestPlugin => ({
  key,
  entry: { permissions: { database: { tenantSchema: true }, environment } },
  files: { 'index.ts': code },
})

let it: HostInTest
beforeAll(async () => {
  vi.stubEnv('READER_KEY', 'the-value-of-the-operator')
  vi.stubEnv('OTHER_KEY', 'of-somebody-else')
  it = await startHostInTest({
    grantable: { environment: { reader: ['READER_KEY', 'MISSING_KEY'] } },
  })
  await it.publish(
    asking('reader', ['READER_KEY', 'MISSING_KEY']),
    asking('modest', []),
    asking('greedy', ['OTHER_KEY']),
  )
})
afterEach(() => void (it.log.length = 0))
afterAll(async () => {
  vi.unstubAllEnvs()
  await it.close()
})

test('a plugin finds what it asked for and the operator allows, as far as it is set, and nothing else', async () => {
  await it.api('POST', '/install', { pluginKey: 'reader' })
  await it.api('POST', '/install', { pluginKey: 'modest' })
  expect((await it.api('GET', '/reader/environment')).content).toEqual({ READER_KEY: 'the-value-of-the-operator' })
  expect((await it.api('GET', '/modest/environment')).content).toEqual({})
})

test('a value of the environment does not get into the log', async () => {
  await it.api('GET', '/reader/environment')
  const lines = it.log.filter((line) => line.includes('the key is'))
  expect(lines).not.toEqual([])
  for (const line of lines) expect(line).toContain('the key is [hidden]')
})

test('a plugin that asks for more than the operator allows cannot be installed', async () => {
  expect(await it.api('POST', '/install', { pluginKey: 'greedy' })).toMatchObject({
    status: 422,
    content: expect.stringContaining('asks for the environment variable OTHER_KEY') as string,
  })
})
