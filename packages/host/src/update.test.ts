import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { applicationGrantable } from './testing/tenancy-database.js'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

const service = {
  clientId: 'client',
  clientSecret: 'secret',
  authorizeUrl: 'https://service.example/authorize',
  tokenUrl: 'https://service.example/token',
  audience: [],
}

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest({
    grantable: { tables: applicationGrantable, allowUndeclared: true, connections: { scopes: service } },
  })
})
afterAll(() => it.close())

let count = 0
let key = ''
beforeEach(() => {
  key = `plugin-${++count}`
})

interface Version {
  version: string
  permissions?: object
  /** Exports besides those that every version has. */
  code?: string
  install?: string
}

const ownSchema = { database: { tenantSchema: true } }

/** Keeps notes in a table of its own; `GET /version` says which code runs. */
const plugin = ({ version, permissions = ownSchema, code = '', install = '' }: Version): TestPlugin => ({
  key,
  entry: { version, permissions },
  files: {
    'index.ts': `
      export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) {
        await sequelize.query('CREATE TABLE IF NOT EXISTS "${key}-notes" (text text)')
        await sequelize.query(\`INSERT INTO "${key}-notes" VALUES ('installed ${version}')\`)
        ${install}
        return { success: true }
      }
      export async function uninstall() { return { success: true } }
      export const metadata = { name: '${key}', version: '${version}' }
      export const router = {
        'GET /version': async () => ({ data: '${version}' }),
        'GET /notes': async ({ sequelize }: any) => ({ data: (await sequelize.query('SELECT text FROM "${key}-notes"'))[0].map((row: any) => row.text) }),
        'GET /risks': async ({ sequelize }: any) => ({ data: (await sequelize.query('SELECT count(*)::int AS count FROM risks'))[0][0].count }),
      }
      ${code}`,
  },
})

async function installed(): Promise<number> {
  await it.publish(plugin({ version: '1.0.0' }))
  const { content } = await it.api('POST', '/install', { pluginKey: key })
  return (content as { id: number }).id
}

const running = async () => (await it.api('GET', `/${key}/version`)).content
const notes = async () => (await it.api('GET', `/${key}/notes`)).content
const row = async (id: number) =>
  ((await it.api('GET', '/installations')).content as { id: number }[]).find((one) => one.id === id)

test('an update replaces the code and keeps the data; a rollback brings the earlier code back', async () => {
  const id = await installed()
  await it.publish(plugin({ version: '1.1.0' }))
  expect(await row(id)).toMatchObject({ version: '1.0.0', updateAvailable: '1.1.0', previousVersion: null })
  expect(await running()).toBe('1.0.0')

  const updated = await it.api('POST', `/installations/${id}/update`)
  expect(updated).toMatchObject({
    status: 200,
    content: { id, status: 'installed', version: '1.1.0', updateAvailable: null, previousVersion: '1.0.0' },
  })
  expect([await running(), await notes()]).toEqual(['1.1.0', ['installed 1.0.0', 'installed 1.1.0']])

  expect(await it.api('POST', `/installations/${id}/update`)).toMatchObject({
    status: 409,
    body: { code: 'ALREADY_THIS_VERSION' },
  })

  const back = await it.api('POST', `/installations/${id}/rollback`)
  expect(back).toMatchObject({
    status: 200,
    content: { version: '1.0.0', updateAvailable: '1.1.0', previousVersion: null },
  })
  expect([await running(), await notes()]).toEqual(['1.0.0', ['installed 1.0.0', 'installed 1.1.0']])
  expect(await it.api('POST', `/installations/${id}/rollback`)).toMatchObject({
    status: 409,
    body: { code: 'NO_PREVIOUS_VERSION' },
  })
})

test('a plugin that exports update() is told where it comes from instead of being installed once more', async () => {
  const id = await installed()
  await it.publish(
    plugin({
      version: '2.0.0',
      code: `
        export async function update(userId: number, tenantId: string, { from, to }: any, { sequelize }: any) {
          await sequelize.query('ALTER TABLE "${key}-notes" ADD COLUMN author text')
          await sequelize.query(\`INSERT INTO "${key}-notes" VALUES ('from \${from} to \${to} by \${userId}')\`)
          return { success: true, message: 'Notes have an author now' }
        }`,
    }),
  )
  expect(await it.api('POST', `/installations/${id}/update`)).toMatchObject({
    status: 200,
    content: { version: '2.0.0', metadata: { installMessage: 'Notes have an author now' } },
  })
  expect(await notes()).toEqual(['installed 1.0.0', 'from 1.0.0 to 2.0.0 by 1'])
})

test.each([
  ['says that it failed', `return { success: false, message: 'not today' }`, 'not today'],
  ['throws', `throw new Error('broken')`, 'broken'],
  ['ends its process', `process.exit(1)`, ''],
])('when the new version %s, the earlier one stays with its data as it was', async (_what, install, message) => {
  const id = await installed()
  await it.publish(plugin({ version: '2.0.0', install }))
  const answer = await it.api('POST', `/installations/${id}/update`)
  expect(answer.status).toBeGreaterThanOrEqual(422)
  expect(String(answer.content)).toContain(message)
  expect(await row(id)).toMatchObject({ status: 'installed', version: '1.0.0', updateAvailable: '2.0.0' })
  expect([await running(), await notes()]).toEqual(['1.0.0', ['installed 1.0.0']])
})

test('code that cannot be loaded changes nothing', async () => {
  const id = await installed()
  await it.publish(plugin({ version: '2.0.0', code: `throw new Error('not loadable')` }))
  expect((await it.api('POST', `/installations/${id}/update`)).status).toBe(422)
  expect([await row(id), await running()]).toMatchObject([{ status: 'installed', version: '1.0.0' }, '1.0.0'])
})

test('what is new in the versions on the way is shown before an update, and all of it with the plugin', async () => {
  const id = await installed()
  const releases = ['1.0.0', '1.10.0', '1.9.0', '2.0.0', '3.0.0'].map((version) => ({
    version,
    date: '2026-05-03',
    notes: [`News of ${version}`],
  }))
  const next = plugin({ version: '2.0.0' })
  await it.publish({ ...next, entry: { ...next.entry, releases } })
  const versionsOf = (content: unknown) =>
    (content as { releases: { version: string }[] }).releases.map(({ version }) => version)
  const plan = await it.api('GET', `/installations/${id}/update`)
  expect(versionsOf(plan.content)).toEqual(['2.0.0', '1.10.0', '1.9.0'])
  expect(plan.content).toMatchObject({ releases: [{ date: '2026-05-03', notes: ['News of 2.0.0'] }, {}, {}] })
  const shown = await it.api('GET', `/marketplace/${key}`)
  expect(versionsOf(shown.content)).toEqual(['3.0.0', '2.0.0', '1.10.0', '1.9.0', '1.0.0'])
  const list = (await it.api('GET', '/marketplace')).content as object[]
  expect(list.filter((one) => 'releases' in one)).toEqual([])
})

test('a version that asks for more is shown first, and gets it only when an admin says so', async () => {
  const id = await installed()
  const more = { database: { tenantSchema: true, tables: { risks: ['select'] } } }
  await it.publish(plugin({ version: '2.0.0', permissions: more }))
  const plan = await it.api('GET', `/installations/${id}/update`)
  expect(plan.content).toEqual({
    from: '1.0.0',
    to: '2.0.0',
    digest: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    asks: ['table:risks:select', 'own-tables'].map((one) => expect.objectContaining({ id: one }) as object),
    declared: true,
    added: [{ id: 'table:risks:select', group: 'read', sentence: 'Read the table risks' }],
    removed: [],
    releases: [{ version: '2.0.0', notes: [] }],
  })
  expect(await it.api('POST', `/installations/${id}/update`)).toMatchObject({
    status: 409,
    body: { code: 'CONSENT_NEEDED' },
    content: expect.stringContaining('Read the table risks') as string,
  })
  expect(await running()).toBe('1.0.0')

  await it.api('POST', `/installations/${id}/update`, { permissions: ['own-tables'] })
  expect(await running()).toBe('2.0.0')
  expect((await it.api('GET', `/${key}/risks`)).status).not.toBe(200)
  await it.api('PUT', `/installations/${id}/permissions`, { permissions: ['own-tables', 'table:risks:select'] })
  expect(await it.api('GET', `/${key}/risks`)).toMatchObject({ status: 200, content: 0 })

  await it.api('POST', `/installations/${id}/rollback`)
  expect(await running()).toBe('1.0.0')
  expect((await it.api('GET', `/${key}/risks`)).status).not.toBe(200)
})

test('an update that says what was shown is refused when another version came meanwhile', async () => {
  const id = await installed()
  await it.publish(plugin({ version: '2.0.0' }))
  const plan = (await it.api('GET', `/installations/${id}/update`)).content as {
    to: string
    digest: string
    asks: { id: string }[]
  }
  const shown = { version: plan.to, digest: plan.digest, permissions: plan.asks.map((one) => one.id) }
  await it.publish(plugin({ version: '3.0.0' }))
  expect(await it.api('POST', `/installations/${id}/update`, { shown })).toMatchObject({
    status: 409,
    body: { code: 'CONSENT_OUTDATED' },
    content: expect.stringContaining('it is at version 3.0.0 now') as string,
  })
  expect(await running()).toBe('1.0.0')
  await it.publish(plugin({ version: '2.0.0' }))
  expect(await it.api('POST', `/installations/${id}/update`, { shown })).toMatchObject({ status: 200 })
  expect(await running()).toBe('2.0.0')
})

test('an update goes to an older version only when that is named', async () => {
  await it.publish(plugin({ version: '2.0.0' }))
  const id = ((await it.api('POST', '/install', { pluginKey: key })).content as { id: number }).id
  await it.publish(plugin({ version: '1.0.0' }))
  const refusal = {
    status: 409,
    body: { code: 'OLDER_VERSION' },
    content: expect.stringContaining('has 1.0.0, which is older than 2.0.0') as string,
  }
  expect(await it.api('GET', `/installations/${id}/update`)).toMatchObject(refusal)
  expect(await it.api('POST', `/installations/${id}/update`)).toMatchObject(refusal)
  expect(await running()).toBe('2.0.0')
  const version = '1.0.0'
  expect(await it.api('GET', `/installations/${id}/update?version=${version}`)).toMatchObject({ status: 200 })
  expect(await it.api('POST', `/installations/${id}/update`, { version })).toMatchObject({ status: 200 })
  expect(await running()).toBe(version)
})

test('of two updates at the same time one is told that the other is under way', async () => {
  const id = await installed()
  await it.publish(plugin({ version: '2.0.0', install: 'await new Promise((go) => setTimeout(go, 300))' }))
  const answers = await Promise.all([1, 2].map(() => it.api('POST', `/installations/${id}/update`)))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
  expect(await running()).toBe('2.0.0')
})

test('only admins update', async () => {
  const id = await installed()
  for (const path of ['update', 'rollback'])
    expect((await it.api('POST', `/installations/${id}/${path}`, {}, { role: 'Editor' })).status).toBe(403)
})

const readsAndAdds = { database: { tenantSchema: true, tables: { risks: ['select', 'insert'] } } }
const onlyOwnTables = (id: number) => it.api('PUT', `/installations/${id}/permissions`, { permissions: ['own-tables'] })
const grantsOf = async (id: number) =>
  ((await it.api('GET', `/installations/${id}/permissions`)).content as PermissionsAnswer).permissions
    .filter(({ granted }) => granted)
    .map((one) => one.id)
interface PermissionsAnswer {
  permissions: { id: string; granted: boolean }[]
}

test('what was taken from a plugin while its update was fetched stays taken', async () => {
  await it.publish(plugin({ version: '1.0.0', permissions: readsAndAdds }))
  const id = await it.install(key)
  await it.publish(plugin({ version: '2.0.0', permissions: readsAndAdds }))
  const asked = it.registry.requests.length
  const release = it.registry.hold(`/${key}/index.ts`)
  const updating = it.api('POST', `/installations/${id}/update`)
  await expect.poll(() => it.registry.requests.slice(asked)).toContain(`/${key}/index.ts`)
  expect(await onlyOwnTables(id)).toMatchObject({ status: 200 })
  release()
  expect(await updating).toMatchObject({ status: 200, content: { version: '2.0.0' } })
  expect(await grantsOf(id)).toEqual(['own-tables'])
  expect((await it.api('GET', `/${key}/risks`)).status).not.toBe(200)
})

test('an update that was overtaken by another one while it was fetched changes nothing', async () => {
  const id = await installed()
  await it.publish(plugin({ version: '2.0.0' }))
  const asked = it.registry.requests.length
  const release = it.registry.hold(`/${key}/index.ts`)
  const overtaken = it.api('POST', `/installations/${id}/update`)
  await expect.poll(() => it.registry.requests.slice(asked)).toContain(`/${key}/index.ts`)
  // As another server leaves it when it has brought other code meanwhile.
  const { rowCount } = await it.pool.query(
    `UPDATE "${getTenantHash(1)}".plugin_installations SET digest = repeat('0', 64) WHERE id = $1`,
    [id],
  )
  expect(rowCount).toBe(1)
  release()
  expect(await overtaken).toMatchObject({ status: 409, body: { code: 'INSTALLATION_BUSY' } })
  expect(await row(id)).toMatchObject({ status: 'installed', version: '1.0.0', digest: '0'.repeat(64) })
})

test('a rollback brings back no permission that was taken away since', async () => {
  await it.publish(plugin({ version: '1.0.0', permissions: readsAndAdds }))
  const id = await it.install(key)
  await it.publish(plugin({ version: '2.0.0', permissions: readsAndAdds }))
  await it.api('POST', `/installations/${id}/update`)
  await onlyOwnTables(id)
  expect(await it.api('POST', `/installations/${id}/rollback`)).toMatchObject({ status: 200 })
  expect([await running(), await grantsOf(id)]).toEqual(['1.0.0', ['own-tables']])
  expect((await it.api('GET', `/${key}/risks`)).status).not.toBe(200)
})

test('a rollback brings back what the newer version did not ask for', async () => {
  await it.publish(plugin({ version: '1.0.0', permissions: readsAndAdds }))
  const id = await it.install(key)
  await it.publish(plugin({ version: '2.0.0' }))
  await it.api('POST', `/installations/${id}/update`)
  expect(await grantsOf(id)).toEqual(['own-tables'])
  await it.api('POST', `/installations/${id}/rollback`)
  expect(await grantsOf(id)).toEqual(['table:risks:select', 'table:risks:insert', 'own-tables'])
})

test('a version that no longer declares what it needs is brought only to who was shown what it gets then', async () => {
  const plain = (version: string, permissions?: object): TestPlugin => ({
    key,
    entry: { version, permissions },
    files: {
      'index.ts': `
        export const install = async () => ({ success: true })
        export const uninstall = install
        export const metadata = {}
        export const router = { 'GET /version': async () => ({ data: '${version}' }) }`,
    },
  })
  await it.publish(plain('1.0.0', ownSchema))
  const id = await it.install(key)
  await it.publish(plain('2.0.0'))
  const plan = (await it.api('GET', `/installations/${id}/update`)).content as { to: string; digest: string }
  expect(plan).toMatchObject({
    declared: false,
    asks: [],
    added: [{ id: 'compatibility:database' }, { id: 'compatibility:network' }],
    removed: [{ id: 'own-tables' }],
  })
  expect(await it.api('POST', `/installations/${id}/update`)).toMatchObject({
    status: 409,
    body: { code: 'CONSENT_NEEDED' },
    content: expect.stringContaining('risks') as string,
  })
  expect([await running(), await row(id)]).toMatchObject(['1.0.0', { status: 'installed' }])
  const shown = { version: plan.to, digest: plan.digest, permissions: null }
  expect(await it.api('POST', `/installations/${id}/update`, { shown })).toMatchObject({ status: 200 })
  expect(await running()).toBe('2.0.0')
  expect(await grantsOf(id)).toEqual(['compatibility:database', 'compatibility:network'])
})

test('a version that wants other scopes of an account is shown first', async () => {
  const wanting = (version: string, scopes: string[]): TestPlugin => {
    const one = plugin({ version })
    const connection = { id: 'account', kind: 'oauth2', provider: 'service', scopes }
    return { ...one, key: 'scopes', entry: { ...one.entry, contributes: { connections: [connection] } } }
  }
  await it.publish(wanting('1.0.0', ['read', 'write']))
  const id = await it.install('scopes')
  await it.publish(wanting('1.1.0', ['read']))
  expect(await it.api('POST', `/installations/${id}/update`)).toMatchObject({ status: 200 })
  await it.publish(wanting('2.0.0', ['read', 'admin']))
  expect((await it.api('GET', `/installations/${id}/update`)).content).toMatchObject({
    added: [{ id: 'connection:account', sentence: expect.stringContaining('(read, admin)') as string }],
    removed: [],
  })
  expect(await it.api('POST', `/installations/${id}/update`)).toMatchObject({
    status: 409,
    body: { code: 'CONSENT_NEEDED' },
  })
  expect(
    await it.api('POST', `/installations/${id}/update`, { permissions: ['own-tables', 'connection:account'] }),
  ).toMatchObject({ status: 200, content: { version: '2.0.0' } })
})

test('a secret is not shown because a newer version no longer calls it one', async () => {
  const settings = { token: { type: 'string' }, url: { type: 'string' } }
  const withSettings = (version: string, properties: object): TestPlugin => {
    const next = plugin({ version })
    const configuration = { type: 'object', properties }
    return { ...next, entry: { ...next.entry, contributes: { configuration } } }
  }
  const everything = async () => {
    const answers = await Promise.all(
      ['', `/${id}/activity`].map((path) => it.api('GET', `/installations${path}`, undefined, { role: 'Reviewer' })),
    )
    const { rows } = await it.pool.query(`SELECT * FROM "${getTenantHash(1)}".plugin_installations`)
    return JSON.stringify([...answers.map(({ body }) => body), rows])
  }
  await it.publish(withSettings('1.0.0', { ...settings, token: { type: 'string', writeOnly: true } }))
  const id = await it.install(key)
  const configuration = { token: 'canary-of-this-test', url: 'first' }
  const path = `/installations/${id}/configuration`
  expect(await it.api('PUT', path, { configuration })).toMatchObject({ status: 200 })
  await it.publish(withSettings('2.0.0', settings))
  expect(await it.api('POST', `/installations/${id}/update`)).toMatchObject({
    status: 200,
    content: { configuration: { token: { $secret: true }, url: 'first' } },
  })
  expect(await everything()).not.toContain('canary')

  const { configuration: shown } = (await row(id)) as unknown as { configuration: object }
  expect(await it.api('PUT', path, { configuration: { ...shown, url: 'second' } })).toMatchObject({
    status: 200,
    content: { configuration: { token: { $secret: true }, url: 'second' } },
  })
  await it.api('POST', `/installations/${id}/rollback`)
  expect(await everything()).not.toContain('canary')
})

test.each([
  ['no longer declares', ownSchema, undefined],
  ['now declares', undefined, ownSchema],
])('data of a plugin that %s what it needs is listed and erased, also from before', async (_what, before, after) => {
  const keeping = (version: string, permissions: object | undefined): TestPlugin => ({
    key,
    entry: { version, permissions },
    files: {
      'index.ts': `
        export async function install(userId: number, tenantId: string, config: any, { sequelize }: any) {
          await sequelize.query('CREATE TABLE "${key}-of-${version}" (text text)')
          return { success: true }
        }
        export const uninstall = async () => ({ success: true })
        export const metadata = {}`,
    },
  })
  const tables = async () => {
    const { rows } = await it.pool.query<{ name: string }>(
      'SELECT relname AS name FROM pg_class WHERE relname LIKE $1 ORDER BY 1',
      [`${key}-of-%`],
    )
    return rows.map(({ name }) => name)
  }
  await it.publish(keeping('1.0.0', before))
  const id = await it.install(key)
  await it.publish(keeping('2.0.0', after))
  const plan = (await it.api('GET', `/installations/${id}/update`)).content as { to: string; digest: string }
  const agreed = after
    ? { permissions: ['own-tables'] }
    : { shown: { version: plan.to, digest: plan.digest, permissions: null } }
  expect(await it.api('POST', `/installations/${id}/update`, agreed)).toMatchObject({ status: 200 })
  const both = [`${key}-of-1.0.0`, `${key}-of-2.0.0`]
  expect(await tables()).toEqual(both)
  const listed = (await it.api('GET', `/installations/${id}/tables`)).content as { name: string }[]
  expect(listed.map(({ name }) => name).sort()).toEqual(both)
  await it.api('DELETE', `/installations/${id}`)
  expect(await tables()).toEqual([])
})
