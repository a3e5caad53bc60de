import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

const schema = getTenantHash(1)

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest({ limits: { claimMs: 1_000 } })
  await it.publish(waiting, unprintable, refusing, configurable)
})
afterAll(() => it.close())

const sourceOf = (install: string, uninstall: string, rest = '') => ({
  'index.ts': `
    const wait = (ms: number) => new Promise((go) => setTimeout(go, ms))
    export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) { ${install} }
    export async function uninstall(userId: number, tenantId: string, { sequelize }: any) { ${uninstall} }
    export const metadata = {}
    ${rest}`,
})
const fine = 'return { success: true }'

const waiting: TestPlugin = {
  key: 'waiting',
  files: sourceOf(`await sequelize.query('CREATE TABLE waiting (a int)'); ${fine}`, `await wait(1_000); ${fine}`),
}
const unprintable: TestPlugin = {
  key: 'unprintable',
  files: sourceOf("return { success: true, message: 'wel\\0come \\ud800' }", "throw new Error('bye\\0 bye')"),
}
const refusing: TestPlugin = { key: 'refusing', files: sourceOf("throw new Error('no\\0 no')", fine) }
const configurable: TestPlugin = {
  key: 'configurable',
  files: sourceOf(
    `await sequelize.query('CREATE TABLE configured (a int)'); ${fine}`,
    fine,
    `export async function configure(userId: number, tenantId: string, config: any, { sequelize }: any) {
       await sequelize.query('INSERT INTO configured VALUES (1)')
       return { success: true }
     }
     export const router = {
       'GET /count': async ({ sequelize }: any) => ({ data: (await sequelize.query('SELECT * FROM configured'))[0].length }) }`,
  ),
}

async function installed(pluginKey: string): Promise<number> {
  const answer = await it.api('POST', '/install', { pluginKey })
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
  return (answer.content as { id: number }).id
}

const listed = async (id: number) =>
  ((await it.api('GET', '/installations')).content as { id: number; status: string }[]).find((row) => row.id === id)

async function lastLine(pluginKey: string, action: string) {
  const { rows } = await it.pool.query<{ outcome: string; message: string | null }>(
    'SELECT outcome, message FROM tenon.plugin_events WHERE plugin_key = $1 AND action = $2 ORDER BY id DESC LIMIT 1',
    [pluginKey, action],
  )
  return rows[0]
}

test('an uninstallation whose claim was taken over erases nothing of what is there now', async () => {
  const id = await installed('waiting')
  const answer = it.api('DELETE', `/installations/${id}`)
  await vi.waitFor(async () => expect(await listed(id)).toMatchObject({ status: 'uninstalling' }))
  // As if another server had finished, and installed the plugin again, and worked on it.
  await it.pool.query(
    `UPDATE "${schema}".plugin_installations SET claimed_by = 'another', claim_expires_at = now() + interval '1 hour'
     WHERE id = $1`,
    [id],
  )
  await it.pool.query(`UPDATE tenon.open_claims SET expires_at = now() + interval '1 hour'`)
  expect(await answer).toMatchObject({ status: 503, body: { code: 'INTERRUPTED' } })
  const left = await it.pool.query(
    "SELECT FROM pg_tables WHERE tablename = 'waiting' UNION ALL SELECT FROM tenon.plugin_roles WHERE owner_key = 'waiting'",
  )
  expect(left.rowCount).toBe(2)
})

test('what a plugin says is kept without the characters that cannot be kept', async () => {
  const id = await installed('unprintable')
  expect(JSON.stringify(await listed(id))).toContain('welcome \ufffd')
  expect(await it.api('DELETE', `/installations/${id}`)).toMatchObject({ status: 200 })
  expect((await lastLine('unprintable', 'uninstall'))?.message).toContain('bye bye')

  const refused = await it.api('POST', '/install', { pluginKey: 'refusing' })
  expect(refused.status).toBeGreaterThanOrEqual(400)
  expect((await lastLine('refusing', 'install'))?.message).toContain('no no')
  const { rows } = await it.pool.query(
    `SELECT status, claimed_by FROM "${schema}".plugin_installations WHERE plugin_key = 'refusing'`,
  )
  expect(rows).toEqual([{ status: 'failed', claimed_by: null }])
})

test.each([
  ['a value', { deep: [{ text: 'a\0b' }] }, 'deep/0/text'],
  ['half a character', { text: 'a\ud800' }, 'text'],
  ['a name', { 'na\0me': 1 }, 'name'],
])(
  'a configuration that cannot be stored is refused before the plugin sees it: %s',
  async (_, configuration, field) => {
    const rows = (await it.api('GET', '/installations')).content as { id: number; pluginKey: string }[]
    const id = rows.find(({ pluginKey }) => pluginKey === 'configurable')?.id ?? (await installed('configurable'))
    const answer = await it.api('PUT', `/installations/${id}/configuration`, { configuration })
    expect(answer).toMatchObject({ status: 422, body: { code: 'CONFIGURATION_INVALID' } })
    expect(JSON.stringify(answer.body)).toContain(field)
    expect((await it.api('GET', '/configurable/count')).content).toBe(0)
  },
)

test('a configuration that was saved is answered as saved, also when the history cannot be written', async () => {
  const rows = (await it.api('GET', '/installations')).content as { id: number; pluginKey: string }[]
  const id = rows.find(({ pluginKey }) => pluginKey === 'configurable')?.id ?? (await installed('configurable'))
  await it.pool.query('ALTER TABLE tenon.plugin_events RENAME TO elsewhere')
  try {
    const configuration = { colour: 'green' }
    const answer = await it.api('PUT', `/installations/${id}/configuration`, { configuration })
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200, content: { configuration } })
    expect(await it.api('DELETE', `/installations/${id}`)).toMatchObject({ status: 200 })
  } finally {
    await it.pool.query('ALTER TABLE tenon.elsewhere RENAME TO plugin_events')
  }
  expect(it.log.join('')).toContain('history-failed')
})
