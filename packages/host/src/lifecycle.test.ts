import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'
import { getTenantHash } from './tenancy/tenant-hash.js'

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest()
})
afterAll(() => it.close())

const schema = getTenantHash(1)

/** Parts of a plugin that all samples here have in common. */
const body = (install: string, rest = '') => `
  export async function install(userId: number, tenantId: string, config: any, context: any) { ${install} }
  export async function uninstall(userId: number, tenantId: string, context: any) {
    await context.sequelize.query(\`DROP TABLE IF EXISTS "\${tenantId}".notes\`)
    return { success: true }
  }
  export const metadata = { name: 'x', version: '1.0.0', author: 'a', description: 'd' }
  ${rest}`
const makesTable =
  'await context.sequelize.query(`CREATE TABLE IF NOT EXISTS "${tenantId}".notes (id serial PRIMARY KEY, text text)`);'

const notes: TestPlugin = {
  key: 'notes',
  entry: {
    contributes: {
      configuration: {
        type: 'object',
        required: ['url'],
        properties: { url: { type: 'string' }, token: { type: 'string', writeOnly: true } },
      },
    },
  },
  files: {
    'index.ts': body(
      `${makesTable} return { success: true, message: 'made' }`,
      `
      export function validateConfig(config: any) { return config.url === 'bad' ? { valid: false, errors: ['url is bad'] } : { valid: true, errors: [] } }
      export async function configure(u: number, t: string, config: any, context: any) {
        await context.sequelize.query('INSERT INTO notes (text) VALUES (:text)', { replacements: { text: config.url + config.token } })
        return config.url === 'refused' ? { success: false, message: 'not this one' } : { success: true }
      }
      export async function testConnection(config: any) { return { success: config.token === 'canary-1', message: 'token ' + (config.token ? 'known' : 'unknown') } }
      export const router = {
        'GET /list': async ({ sequelize }: any) => ({ data: await sequelize.query('SELECT text FROM notes ORDER BY id', { type: 'SELECT' }) }),
        'POST /add': async ({ sequelize, body, userId }: any) => {
          await sequelize.query('INSERT INTO notes (text) VALUES (:text)', { replacements: { text: body.text } })
          return { status: 201, data: { userId } }
        },
        'GET /:id/file': async ({ params }: any) => ({ buffer: Buffer.from('file ' + params.id), filename: 'a b.txt', contentType: 'text/html', headers: { 'Set-Cookie': 'x=1' } }),
        'GET /secret': async ({ configuration }: any) => ({ data: configuration }),
      }`,
    ),
  },
}

/** Answers everything with words that are nobody else's business. */
const talkative: TestPlugin = {
  key: 'talkative',
  files: {
    'index.ts': `
      const answer = (about: string) => async () => ({ success: true, message: 'words of ' + about })
      export const metadata = {}
      export const install = answer('an installation')
      export const uninstall = answer('an uninstallation')
      export const configure = answer('a configuration')
      export const testConnection = answer('a test')
      export const router = { 'GET /words': async () => ({ data: { said: 'words of a route' } }) }`,
  },
}

const tested: TestPlugin = {
  key: 'tested',
  entry: { contributes: { testOnSave: true, configuration: { type: 'object', required: ['url'] } } },
  files: {
    'index.ts': body(
      'return { success: true }',
      `
      const steps = [{ name: 'Address', ok: true }, { name: 'Sign-in', ok: false, message: 'Refused (401)' }]
      export function validateConfig({ url }: any) { return { valid: url !== 'bad', errors: url === 'bad' ? ['url is bad'] : [] } }
      export async function testConnection({ url }: any) {
        return url === 'good' ? { success: true, message: 'Connected' } : { success: false, message: 'Refused (401)', steps }
      }`,
    ),
  },
}

describe('the life of a plugin', () => {
  let id = 0

  test('is listed, found by search, and shown alone', async () => {
    await it.publish(notes)
    expect((await it.api('GET', '/marketplace')).content).toMatchObject([{ key: 'notes', installable: true }])
    expect((await it.api('GET', '/marketplace/search?q=NOTE')).content).toMatchObject([{ key: 'notes' }])
    expect((await it.api('GET', '/marketplace/notes')).content).toMatchObject({ key: 'notes' })
    expect(await it.api('GET', '/marketplace/nothing')).toMatchObject({ status: 404, content: 'Plugin not found' })
    expect(await it.api('GET', '/marketplace/search')).toMatchObject({
      status: 400,
      content: "Query parameter 'q' is required",
    })
    expect((await it.api('GET', '/categories')).content).toHaveLength(7)
  })

  test('is installed in its own role', async () => {
    const answer = await it.api('POST', '/install', { pluginKey: 'notes' })
    expect(answer).toMatchObject({
      status: 201,
      body: { message: 'Created', data: { pluginKey: 'notes', status: 'installed' } },
    })
    id = (answer.content as { id: number }).id
    const { rows } = await it.pool.query('SELECT tableowner FROM pg_tables WHERE schemaname = $1 AND tablename = $2', [
      schema,
      'notes',
    ])
    expect(rows[0]).toMatchObject({ tableowner: expect.stringMatching(/^tn_[a-z2-7]{20}$/) as string })
  })

  test('is told where its metadata differs from its entry', async () => {
    const [listed] = (await it.api('GET', '/installations')).content as { metadata: { warnings: string[] } }[]
    expect(listed?.metadata.warnings).toEqual(['Its metadata calls it "x", the marketplace "notes".'])
  })

  test('cannot be installed twice, and not by an editor', async () => {
    expect(await it.api('POST', '/install', { pluginKey: 'notes' })).toMatchObject({
      status: 409,
      content: 'Plugin is already installed',
    })
    const refused = await it.api('POST', '/install', { pluginKey: 'notes' }, { role: 'Editor' })
    expect(refused).toMatchObject({ status: 403, body: { code: 'ROLE_FORBIDDEN' } })
  })

  test('answers at its own routes, by role', async () => {
    expect(await it.api('POST', '/notes/add', { text: "it's one" }, { role: 'Editor' })).toMatchObject({
      status: 201,
      content: { userId: 1 },
    })
    expect(await it.api('POST', '/notes/add', { text: 'no' }, { role: 'Auditor' })).toMatchObject({ status: 403 })
    expect((await it.api('GET', '/notes/list', undefined, { role: 'Auditor' })).content).toEqual([{ text: "it's one" }])
    expect(await it.api('GET', '/notes/nowhere/at/all')).toMatchObject({ status: 404 })
  })

  test('sends files that no browser takes for a page of ours, and sets no cookie', async () => {
    const { headers, content } = await it.api('GET', '/notes/7/file')
    expect(content).toBe('file 7')
    expect(headers.get('content-disposition')).toBe('attachment; filename="a b.txt"')
    expect(headers.get('content-security-policy')).toContain('sandbox')
    expect(headers.get('set-cookie')).toBeNull()
  })

  test('is not there for another organization', async () => {
    expect(await it.api('GET', '/notes/list', undefined, { organizationId: 2 })).toMatchObject({
      status: 404,
      body: { code: 'PLUGIN_NOT_INSTALLED' },
    })
    expect((await it.api('GET', '/installations', undefined, { organizationId: 2 })).content).toEqual([])
    expect(await it.api('DELETE', `/installations/${id}`, undefined, { organizationId: 2 })).toMatchObject({
      status: 404,
    })
  })

  test('keeps its earlier configuration until a new one has passed every check', async () => {
    const save = (configuration: unknown) => it.api('PUT', `/installations/${id}/configuration`, { configuration })
    expect(await save({ url: 'good', token: 'canary-1' })).toMatchObject({ status: 200 })
    expect(await save({})).toMatchObject({ status: 422, content: expect.stringContaining('url is required') as string })
    expect(await save({ url: 'bad' })).toMatchObject({
      status: 422,
      content: expect.stringContaining('url is bad') as string,
    })
    expect(await save({ url: 'refused', token: 'canary-2' })).toMatchObject({ status: 422, content: 'not this one' })
    expect(await save([])).toMatchObject({ status: 400, content: 'Configuration object is required' })
    expect((await it.api('GET', '/notes/list')).content).toEqual([{ text: "it's one" }, { text: 'goodcanary-1' }])
    expect((await it.api('GET', '/notes/secret')).content).toEqual({ url: 'good', token: 'canary-1' })
  })

  test('keeps a configuration that was changed since somebody looked at it', async () => {
    const stored = async () =>
      ((await it.api('GET', '/installations')).content as { configuration: object; configurationRevision: string }[])[0]
    const save = (url: string, revision?: string) =>
      it.api('PUT', `/installations/${id}/configuration`, { configuration: { url }, revision })
    const seen = (await stored())?.configurationRevision
    expect(await save('of one', seen)).toMatchObject({ status: 200 })
    expect(await save('of another', seen)).toMatchObject({ status: 409, body: { code: 'CONFIGURATION_OUTDATED' } })
    expect(await stored()).toMatchObject({ status: 'installed', configuration: { url: 'of one' } })
    expect(await save('of another', (await stored())?.configurationRevision)).toMatchObject({ status: 200 })
    expect(await save('good')).toMatchObject({ status: 200 })
  })

  test('never shows a secret: not in answers, not in the database, not in the log', async () => {
    const { content } = await it.api('GET', '/installations')
    expect(content).toMatchObject([{ configuration: { url: 'good', token: { $secret: true, setBy: 1 } } }])
    const { rows } = await it.pool.query(`SELECT configuration FROM "${schema}".plugin_installations`)
    expect(JSON.stringify([content, rows, it.log])).not.toContain('canary')
  })

  test('keeps out of the log what a plugin answers, secret or not', async () => {
    await it.publish(talkative)
    const installed = await it.api('POST', '/install', { pluginKey: 'talkative' })
    expect(installed).toMatchObject({ status: 201 })
    const answered = [
      (await it.api('POST', '/talkative/test-connection', { configuration: {} })).content,
      (await it.api('GET', '/talkative/words')).content,
    ]
    expect(answered).toMatchObject([{ message: 'words of a test' }, { said: 'words of a route' }])
    const { id: installationId } = installed.content as { id: number }
    await it.api('PUT', `/installations/${installationId}/configuration`, { configuration: {} })
    await it.api('DELETE', `/installations/${installationId}`)
    expect(it.log.join('\n')).toContain('talkative')
    expect(it.log.join('\n')).not.toContain('words of')
  })

  test('tests a connection with stored secrets and unsaved values, and always answers 200', async () => {
    const tried = (configuration: unknown) => it.api('POST', '/notes/test-connection', { configuration })
    expect(await tried({ url: 'x' })).toMatchObject({ status: 200, content: { success: true, message: 'token known' } })
    expect(await tried({ url: 'x', token: 'other' })).toMatchObject({ status: 200, content: { success: false } })
  })

  test('can be disabled and enabled without losing anything', async () => {
    expect(await it.api('POST', `/installations/${id}/disable`)).toMatchObject({
      status: 200,
      content: { status: 'disabled' },
    })
    expect(await it.api('GET', '/notes/list')).toMatchObject({ status: 409, body: { code: 'PLUGIN_DISABLED' } })
    expect(await it.api('POST', `/installations/${id}/enable`)).toMatchObject({
      status: 200,
      content: { status: 'installed' },
    })
    expect(await it.api('GET', '/notes/list')).toMatchObject({ status: 200 })
  })

  test('lists and calls what is installed while the registry is away, without asking it', async () => {
    it.registry.down = true
    const asked = it.registry.requests.length
    expect((await it.api('GET', '/installations')).content).toMatchObject([
      { pluginKey: 'notes', plugin: { displayName: 'notes' } },
    ])
    expect(await it.api('GET', '/marketplace')).toMatchObject({ status: 200 })
    expect(await it.api('GET', '/notes/list')).toMatchObject({ status: 200 })
    expect(it.registry.requests.length).toBe(asked)
    it.registry.down = false
  })

  test('is uninstalled and leaves no table, no role and no row', async () => {
    expect(await it.api('DELETE', '/installations/abc')).toMatchObject({ status: 400 })
    expect(await it.api('DELETE', '/installations/9999')).toMatchObject({
      status: 404,
      content: 'Plugin installation not found',
    })
    expect(await it.api('DELETE', `/installations/${id}`)).toMatchObject({
      status: 200,
      content: 'Plugin uninstalled successfully',
    })
    expect(await leftovers('notes')).toEqual({ tables: [], roles: 0, rows: 0 })
    expect(await it.api('DELETE', `/installations/${id}`)).toMatchObject({ status: 404 })
  })
})

async function leftovers(key: string) {
  const tables = await it.pool.query<{ tablename: string }>(
    "SELECT tablename FROM pg_tables WHERE schemaname = $1 AND tableowner LIKE 'tn\\_%'",
    [schema],
  )
  const roles = await it.pool.query('SELECT FROM tenon.plugin_roles WHERE organization_id = 1 AND owner_key = $1', [
    key,
  ])
  const rows = await it.pool.query(
    `SELECT FROM "${schema}".plugin_installations WHERE plugin_key = $1 AND status = 'installed'`,
    [key],
  )
  return { tables: tables.rows.map(({ tablename }) => tablename), roles: roles.rowCount, rows: rows.rowCount }
}

describe('an installation that goes wrong', () => {
  const cases: { name: string; files: Record<string, string>; code: string; says: string }[] = [
    { name: 'does not parse', files: { 'index.ts': 'export const = 1' }, code: 'BUILD_FAILED', says: 'index.ts' },
    {
      name: 'lacks install',
      files: { 'index.ts': 'export const metadata = {}' },
      code: 'PLUGIN_EXPORT_MISSING',
      says: 'install()',
    },
    {
      name: 'throws while loading',
      files: { 'index.ts': body('') + '\nthrow new Error("boom at load")' },
      code: 'PLUGIN_LOAD_FAILED',
      says: 'boom at load',
    },
    {
      name: 'returns success: false',
      files: { 'index.ts': body(`${makesTable} return { success: false, message: 'no licence' }`) },
      code: 'PLUGIN_REFUSED',
      says: 'no licence',
    },
    {
      name: 'throws',
      files: { 'index.ts': body(`${makesTable} throw new Error('half-way')`) },
      code: 'PLUGIN_THREW',
      says: 'half-way',
    },
    {
      name: 'breaks a statement',
      files: { 'index.ts': body(`${makesTable} await context.sequelize.query('SELECT * FROM nothing_here')`) },
      code: 'PLUGIN_THREW',
      says: 'nothing_here',
    },
    { name: 'exits', files: { 'index.ts': body(`${makesTable} process.exit(3)`) }, code: 'PLUGIN_', says: '' },
    {
      name: 'imports a file outside',
      files: { 'index.ts': `import x from '../../../../etc/passwd'; ${body('return x')}` },
      code: 'SOURCE_REFUSED',
      says: '',
    },
    {
      name: 'needs a package that does not exist',
      files: { 'index.ts': `import x from './missing.js'; ${body('return x')}` },
      code: 'S',
      says: 'missing',
    },
  ]

  for (const [index, { name, files, code, says }] of cases.entries()) {
    test(`${name}: a named error, nothing installed, nothing left behind`, async () => {
      const key = `bad-${index}`
      await it.publish({ key, files })
      const answer = await it.api('POST', '/install', { pluginKey: key })
      expect(answer.status).toBeGreaterThanOrEqual(400)
      expect(answer.body['code']).toContain(code)
      expect(answer.content).toContain(says)
      expect(await leftovers(key)).toEqual({ tables: [], roles: 0, rows: 0 })
      const listed = (await it.api('GET', '/installations')).content as {
        pluginKey: string
        status: string
        errorMessage: string
        id: number
      }[]
      const row = listed.find(({ pluginKey }) => pluginKey === key)
      expect(row).toMatchObject({ status: 'failed', errorMessage: answer.content })
      expect(await it.api('DELETE', `/installations/${row?.id}`)).toMatchObject({ status: 200 })
    })
  }

  test('is repeated by installing again once it is mended', async () => {
    await it.publish({ key: 'mended', files: { 'index.ts': body('return { success: false }') } })
    expect(await it.api('POST', '/install', { pluginKey: 'mended' })).toMatchObject({ status: 422 })
    await it.publish({
      key: 'mended',
      entry: { version: '1.0.1' },
      files: { 'index.ts': body('return { success: true }') },
    })
    expect(await it.api('POST', '/install', { pluginKey: 'mended' })).toMatchObject({
      status: 201,
      content: { version: '1.0.1' },
    })
  })

  test('of an entry that asks for more than the operator allows is refused in words', async () => {
    await it.publish({
      key: 'greedy',
      entry: { permissions: { database: { tables: { 'public.users': ['delete'] } } } },
      files: { 'index.ts': body('') },
    })
    const answer = await it.api('POST', '/install', { pluginKey: 'greedy' })
    expect(answer).toMatchObject({ status: 422, body: { code: 'PLUGIN_NOT_INSTALLABLE' } })
    expect(answer.content).toContain('delete rows of the table public.users')
  })
})

describe('many at once', () => {
  test('two hundred installs of one plugin make one row and 199 conflicts', async () => {
    await it.publish({
      key: 'popular',
      files: { 'index.ts': body(`${makesTable.replaceAll('notes', 'popular_notes')} return { success: true }`) },
    })
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => it.api('POST', '/install', { pluginKey: 'popular' })),
    )
    const statuses = answers.map(({ status }) => status).sort()
    expect(statuses[0]).toBe(201)
    expect(statuses.slice(1)).toEqual(Array.from({ length: 199 }, () => 409))
    const { rows } = await it.pool.query(
      `SELECT count(*)::int AS count FROM "${schema}".plugin_installations WHERE plugin_key = 'popular'`,
    )
    expect(rows).toEqual([{ count: 1 }])
  }, 60_000)
})

test('a plugin that is tested on saving stores what fails the test only when the person insists', async () => {
  await it.publish(tested)
  const { id } = (await it.api('POST', '/install', { pluginKey: 'tested' })).content as { id: number }
  const save = (url: string | undefined, query = '') =>
    it.api('PUT', `/installations/${id}/configuration${query}`, { configuration: { url } })
  const stored = async () => {
    const { content } = await it.api('GET', '/installations')
    return (content as { id: number; configuration: unknown }[]).find((one) => one.id === id)?.configuration
  }
  expect(await save('good')).toMatchObject({ status: 200 })
  expect(await save('away')).toMatchObject({
    status: 422,
    content: 'Refused (401)',
    body: {
      code: 'CONNECTION_TEST_FAILED',
      details: {
        steps: [
          { name: 'Address', ok: true },
          { name: 'Sign-in', ok: false, message: 'Refused (401)' },
        ],
      },
    },
  })
  expect(await stored()).toEqual({ url: 'good' })
  expect(await save('bad', '?force=true')).toMatchObject({ status: 422, body: { code: 'CONFIGURATION_INVALID' } })
  expect(await save(undefined, '?force=true')).toMatchObject({ status: 422, body: { code: 'CONFIGURATION_INVALID' } })
  expect(await save('away', '?force=true')).toMatchObject({ status: 200 })
  expect(await stored()).toEqual({ url: 'away' })
  await it.api('DELETE', `/installations/${id}`)
})
