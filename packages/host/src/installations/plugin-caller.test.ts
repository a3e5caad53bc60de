import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHostInTest, type HostInTest } from '../testing/host-in-test.js'

let it: HostInTest
let id: number

/** A plugin that puts its token into everything that leaves a call. */
const chatty = {
  key: 'chatty',
  entry: {
    contributes: {
      configuration: { type: 'object', properties: { mode: {}, token: { type: 'string', writeOnly: true } } },
    },
  },
  files: {
    'index.ts': `
      const told = (config: any) => 'the token is ' + config.token
      export const install = async () => ({ success: true })
      export const uninstall = async (_user: number, _tenant: string, context: any) => ({ success: true, message: told(context.configuration) })
      export const validateConfig = (config: any) => ({ valid: config.mode !== 'invalid', errors: [told(config)] })
      export async function configure(_user: number, _tenant: string, config: any) {
        if (config.mode === 'throw') throw Object.assign(new Error(told(config)), { code: config.token, cause: new Error(told(config)) })
        return { success: config.mode !== 'refuse', message: told(config) }
      }
      export const testConnection = async (config: any) => ({ success: true, message: told(config), steps: [{ name: told(config), success: true }] })
      export const router = {
        'GET /print': async ({ configuration, log }: any) => {
          console.error(told(configuration))
          log.warn(JSON.stringify(configuration))
          return { data: 'printed' }
        },
        'GET /throw': async ({ configuration }: any) => { throw new Error(told(configuration)) },
        'GET /answer': async ({ configuration }: any) => ({ data: configuration.token }),
      }`,
  },
}

beforeAll(async () => {
  it = await startHostInTest()
  await it.publish(chatty)
  id = ((await it.api('POST', '/install', { pluginKey: 'chatty' })).content as { id: number }).id
})
afterAll(() => it.close())

const configure = (mode: string) =>
  it.api('PUT', `/installations/${id}/configuration`, { configuration: { mode, token: 'canary "1"' } })

describe('a plugin that tells its secrets', () => {
  test.each([
    ['invalid', 422],
    ['refuse', 422],
    ['throw', 422],
    ['save', 200],
  ])('does not tell them in what configuring says (%s)', async (mode, status) => {
    const answer = await configure(mode)
    expect(answer.status).toBe(status)
    expect(JSON.stringify(answer)).not.toContain('canary')
  })

  test('does not tell them in the result of a connection test', async () => {
    const answer = await it.api('POST', '/chatty/test-connection', { configuration: { token: 'canary "2"' } })
    expect(answer).toMatchObject({ content: { success: true, message: 'the token is [hidden]' } })
    expect(JSON.stringify(answer)).not.toContain('canary')
  })

  test('does not tell them in the log, whose level stays its own', async () => {
    expect(await it.api('GET', '/chatty/print')).toMatchObject({ content: 'printed' })
    await expect.poll(() => it.log.join('')).toContain('the token is [hidden]')
    const line = it.log.find((text) => text.includes('the token is [hidden]')) ?? '{}'
    expect(JSON.parse(line)).toMatchObject({ level: expect.any(Number) as number, pluginLevel: 'error' })
  })

  test('does not tell them in an error; what its routes answer is its own', async () => {
    const answer = await it.api('GET', '/chatty/throw')
    expect(JSON.stringify(answer)).toContain('the token is [hidden]')
    expect((await it.api('GET', '/chatty/answer')).content).toBe('canary "1"')
  })

  test('does not tell them in the history, nor anywhere in the log', async () => {
    expect(await it.api('DELETE', `/installations/${id}`)).toMatchObject({ status: 200 })
    const { rows } = await it.pool.query("SELECT message FROM tenon.plugin_events WHERE plugin_key = 'chatty'")
    expect(JSON.stringify(rows)).toContain('the token is [hidden]')
    expect(JSON.stringify([rows, it.log])).not.toContain('canary')
  })
})
