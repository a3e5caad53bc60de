import { afterAll, beforeAll, expect, it } from 'vitest'
import { type HostInTest, startHostInTest } from './testing/host-in-test.js'

const plugin = `
export const install = async () => ({ success: true })
export const uninstall = async () => ({ success: true })
export const metadata = { name: 'Bytes', version: '1.0.0', author: 'A', description: 'Hands over bytes' }
const many = Buffer.alloc(262_145, 200)
const said = (work) => work.then((data) => ({ data }), ({ code, message }) => ({ data: { code, message } }))
export const router = {
  'GET /seals': ({ secrets }) => said(secrets.seal({ many })),
  'GET /seals-few': async ({ secrets }) => ({ data: await secrets.open(await secrets.seal(Buffer.from('few'))) }),
  'GET /publishes': (context) => said(context.publish('something.happened', { many })),
  'GET /binds': ({ sequelize }) => said(sequelize.query('SELECT $1::jsonb', { bind: [{ many }], type: 'SELECT' })),
  'GET /binds-bytes': async ({ sequelize }) => ({
    data: await sequelize.query('SELECT length($1::bytea) AS bytes', { bind: [many], type: 'SELECT' }),
  }),
  'GET /answers': () => ({ data: { many } }),
  'GET /refuses': () => ({ status: 422, data: { many } }),
  'GET /file': () => ({ buffer: many, filename: 'many.bin' }),
}
`

let host: HostInTest
beforeAll(async () => {
  host = await startHostInTest()
  await host.publish({ key: 'bytes', files: { 'index.ts': plugin } })
  await host.install('bytes')
})
afterAll(() => host.close())

it.each(['seals', 'publishes', 'binds'])(
  'a plugin that %s more bytes than JSON may be made of is told so',
  async (route) => {
    const { status, content } = await host.api('GET', `/bytes/${route}`)
    expect(status).toBe(200)
    expect(content).toMatchObject({ message: expect.stringContaining('more than 262,144 bytes') as string })
  },
)

it.each(['answers', 'refuses'])('a route that %s with them has no answer', async (route) => {
  const { status, body } = await host.api('GET', `/bytes/${route}`)
  expect(status).toBe(502)
  expect(body).toMatchObject({ code: 'PLUGIN_RESULT_INVALID' })
})

it('bytes travel where no JSON is made of them, and a few also where it is', async () => {
  expect((await host.api('GET', '/bytes/file')).bytes).toHaveLength(262_145)
  expect((await host.api('GET', '/bytes/binds-bytes')).content).toEqual([{ bytes: 262_145 }])
  expect((await host.api('GET', '/bytes/seals-few')).content).toEqual({ type: 'Buffer', data: [...Buffer.from('few')] })
})
