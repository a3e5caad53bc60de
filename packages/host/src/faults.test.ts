import { readFile, mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { packMarketplace } from './artifacts/packing.js'
import { startNpmRegistry, type NpmRegistry } from '@tenon/standins'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

const schema = getTenantHash(1)

let it: HostInTest
let npm: NpmRegistry
beforeAll(async () => {
  npm = await startNpmRegistry({ shouter: { files: { 'index.js': "exports.shout = (text) => text + '!'" } } })
  it = await startHostInTest({
    npm: { registry: npm.url },
    limits: { runtime: { lifecycleMs: 1_500, uninstallMs: 1_000, graceMs: 200 } },
  })
})
afterAll(async () => {
  await it.close()
  await npm.close()
})

const metadata = 'export const metadata = {}'
const answersFine = 'return { success: true }'
const makes = (table: string) => `await context.sequelize.query('CREATE TABLE IF NOT EXISTS ${table} (text text)');`

/** A plugin whose install() and uninstall() do this. */
function source(install: string, uninstall = answersFine, rest = ''): Record<string, string> {
  return {
    'index.ts': `
      export async function install(userId: number, tenantId: string, config: any, context: any) { ${install} }
      export async function uninstall(userId: number, tenantId: string, context: any) { ${uninstall} }
      ${metadata}
      ${rest}`,
  }
}

const install = (pluginKey: string) => it.api('POST', '/install', { pluginKey })

async function installed(plugin: TestPlugin): Promise<number> {
  await it.publish(plugin)
  const answer = await install(plugin.key)
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 201 })
  return (answer.content as { id: number }).id
}

const uninstall = (id: number, query = '') => it.api('DELETE', `/installations/${id}${query}`)

async function tables(): Promise<string[]> {
  const { rows } = await it.pool.query<{ name: string }>(
    "SELECT tablename AS name FROM pg_tables WHERE schemaname = $1 AND tableowner LIKE 'tn\\_%' ORDER BY 1",
    [schema],
  )
  return rows.map(({ name }) => name)
}

async function rolesOf(key: string): Promise<number | null> {
  return (await it.pool.query('SELECT FROM tenon.plugin_roles WHERE owner_key = $1', [key])).rowCount
}

async function lastMessage(key: string, action: string): Promise<string | undefined> {
  const { rows } = await it.pool.query<{ message: string }>(
    'SELECT message FROM tenon.plugin_events WHERE plugin_key = $1 AND action = $2 ORDER BY id DESC LIMIT 1',
    [key, action],
  )
  return rows[0]?.message
}

describe('an install() that never returns', () => {
  test('is ended at its deadline and leaves nothing', async () => {
    const endless = { key: 'endless', files: source(`${makes('endless')} await new Promise(() => {})`) }
    const spinning = { key: 'spinning', files: source(`${makes('spinning')} while (true) {}`) }
    await it.publish(endless, spinning)
    const answers = await Promise.all([install('endless'), install('spinning')])
    expect(answers.map(({ status, body }) => [status, body['code']])).toEqual([
      [504, 'CALL_TIMEOUT'],
      [504, 'CALL_TIMEOUT'],
    ])
    expect(await tables()).toEqual([])
    expect([await rolesOf('endless'), await rolesOf('spinning')]).toEqual([0, 0])
    expect((await it.api('GET', '/installations')).content).toMatchObject([{ status: 'failed' }, { status: 'failed' }])
    expect(await it.host.health()).toMatchObject({ processes: 0 })
  })
})

describe('an uninstall() that does not do its part', () => {
  const cases = [
    { name: 'throws', body: "throw new Error('not today')", says: 'not today' },
    { name: 'hangs', body: 'await new Promise(() => {})', says: 'did not answer within' },
    { name: 'says false', body: "return { success: false, message: 'I stay' }", says: 'I stay' },
    { name: 'exits', body: 'process.exit(1)', says: 'uninstall() failed' },
  ]
  test.each(cases)('$name: a warning, and the plugin goes all the same', async ({ name, body, says }) => {
    const key = `clings-${name.replace(' ', '-')}`
    const id = await installed({ key, files: source(`${makes('clings')} ${answersFine}`, body) })
    expect(await tables()).toEqual(['clings'])
    expect(await uninstall(id)).toMatchObject({ status: 200 })
    expect(await lastMessage(key, 'uninstall')).toContain(says)
    expect(await tables()).toEqual([])
    expect(await rolesOf(key)).toBe(0)
  })
})

describe('uninstalling', () => {
  const rows = `export const router = {
    'POST /rows': async ({ sequelize }: any) => { await sequelize.query("INSERT INTO notes VALUES ('mine')"); return {} },
    'GET /rows': async ({ sequelize }: any) => ({ data: (await sequelize.query('SELECT text FROM notes'))[0] }) }`
  const dropping = `await context.sequelize.query('DROP TABLE notes'); ${answersFine}`

  test.each([
    { kind: 'a plugin with its own role', key: 'keeps', permissions: { database: { tenantSchema: true } } },
    { kind: 'a plugin that declares nothing', key: 'keeps-shared', permissions: undefined },
  ])('keeps the data of $kind for its next installation, and then erases it', async ({ key, permissions }) => {
    const files = source(`${makes('notes')} ${answersFine}`, dropping, rows)
    const first = await installed({ key, entry: { permissions }, files })
    await it.api('POST', `/${key}/rows`)
    expect(await uninstall(first, '?data=keep')).toMatchObject({ status: 200 })
    expect(await it.api('GET', `/${key}/rows`)).toMatchObject({ status: 404 })
    expect(await tables()).toEqual(['notes'])

    const second = await installed({ key, entry: { permissions }, files })
    expect((await it.api('GET', `/${key}/rows`)).content).toEqual([{ text: 'mine' }])
    expect(await uninstall(second)).toMatchObject({ status: 200 })
    expect(await tables()).toEqual([])
  })

  test('leaves a table alone that another plugin without a role of its own shares', async () => {
    const family = (key: string) => ({
      key,
      entry: { permissions: undefined },
      files: source(`${makes('family')} ${makes(key.replace('-', '_'))} ${answersFine}`),
    })
    const [first, second] = [await installed(family('family-a')), await installed(family('family-b'))]
    expect(await uninstall(first)).toMatchObject({ status: 200 })
    expect(await tables()).toEqual(['family', 'family_b'])
    expect(await uninstall(second)).toMatchObject({ status: 200 })
    expect(await tables()).toEqual([])
  })

  test('works, as does the plugin, when the marketplace has neither its entry nor its code any more (D-19)', async () => {
    const key = 'withdrawn'
    const id = await installed({
      key,
      files: source(
        `${makes('withdrawn')} ${answersFine}`,
        answersFine,
        "export const router = { 'GET /': async () => ({ data: 'here' }), 'GET /x': async () => ({ data: 'here' }) }",
      ),
    })
    await it.publish({ key, entry: { isPublished: false }, files: { 'index.ts': 'no code' } })
    // S14
    expect(await it.api('GET', `/marketplace/${key}`)).toMatchObject({ status: 404 })
    expect(JSON.stringify((await it.api('GET', '/marketplace')).content)).not.toContain(key)
    expect((await it.api('GET', `/marketplace/search?q=${key}`)).content).toEqual([])
    expect((await install(key)).status).toBe(404)

    const other = await it.startReplica()
    expect(await other.api('GET', `/${key}/x`)).toMatchObject({ status: 200, content: 'here' })
    expect((await other.api('GET', '/installations')).content).toContainEqual(
      expect.objectContaining({ pluginKey: key, plugin: expect.objectContaining({ displayName: key }) as unknown }),
    )
    expect(await other.api('DELETE', `/installations/${id}`)).toMatchObject({ status: 200 })
    await other.close()
    expect(await tables()).toEqual([])
  })
})

describe('a packed plugin', () => {
  let artifact: { path: string; sha256: string; size: number }
  let bytes: Buffer
  beforeAll(async () => {
    const marketplaceDir = path.join(it.directory, 'to-pack')
    await mkdir(path.join(marketplaceDir, 'packed'), { recursive: true })
    for (const [name, text] of Object.entries(source(answersFine)))
      await writeFile(path.join(marketplaceDir, 'packed', name), text)
    await it.registry.publish({ key: 'packed', files: {} })
    const { plugins, ...rest } = JSON.parse(
      await readFile(path.join(it.registry.directory, 'plugins.json'), 'utf8'),
    ) as { plugins: { key: string }[] }
    const own = { ...rest, plugins: plugins.filter(({ key }) => key === 'packed') }
    await writeFile(path.join(marketplaceDir, 'plugins.json'), JSON.stringify(own))
    const { packed, outDir } = await packMarketplace({ marketplaceDir, outDir: path.join(it.directory, 'packed') })
    artifact = packed[0]?.artifact as typeof artifact
    bytes = await readFile(path.join(outDir, artifact.path))
  })

  const offer = async (changes: Partial<typeof artifact>, content: Uint8Array) => {
    const file = path.join(it.registry.directory, artifact.path)
    await mkdir(path.dirname(file), { recursive: true })
    await writeFile(file, content)
    await it.publish({ key: 'packed', entry: { artifact: { ...artifact, ...changes } }, files: {} })
    return install('packed')
  }

  test.each([
    { name: 'another digest', changes: { sha256: 'ab'.repeat(32) }, code: 'ARTIFACT_DIGEST_MISMATCH' },
    { name: 'another size', changes: { size: 100_000 }, code: 'ARTIFACT_TRUNCATED' },
    { name: 'half of its bytes', cut: true, code: 'ARTIFACT_TRUNCATED' },
    { name: 'one bit turned', turned: true, code: 'ARTIFACT_' },
  ])('with $name is refused, and nothing of it is kept', async ({ changes = {}, cut, turned, code }) => {
    const content = Buffer.from(cut ? bytes.subarray(0, bytes.length >> 1) : bytes)
    if (turned) content.writeUInt8((content.at(-20) ?? 0) ^ 1, content.length - 20)
    const answer = await offer(changes, content)
    expect([answer.status >= 400, answer.body['code']], JSON.stringify(answer.body)).toEqual([
      true,
      expect.stringContaining(code),
    ])
    expect(await rolesOf('packed')).toBe(0)
  })

  test('is installed from exactly the bytes that the marketplace names', async () => {
    expect(await offer({}, bytes)).toMatchObject({ status: 201, content: { digest: artifact.sha256 } })
  })
})

describe('a dependency', () => {
  test('that could not be installed is installed by the next attempt (D-7)', { timeout: 60_000 }, async () => {
    await it.publish({
      key: 'dependent',
      entry: { dependencies: { shouter: '1.0.0' } },
      files: {
        'index.ts': `
          import { shout } from 'shouter'
          export async function install() { return { success: true, message: shout('done') } }
          export async function uninstall() { return { success: true } }
          ${metadata}`,
        'package.json': JSON.stringify({ name: 'dependent', version: '1.0.0', dependencies: { shouter: '1.0.0' } }),
      },
    })
    npm.available = false
    expect(await install('dependent')).toMatchObject({ status: 502, body: { code: 'DEPENDENCIES_FAILED' } })
    npm.available = true
    expect(await install('dependent')).toMatchObject({
      status: 201,
      content: { metadata: { installMessage: 'done!' } },
    })
  })
})

describe('a body', () => {
  test('is read up to 10 MB', async () => {
    const body = (length: number) => {
      const frame = JSON.stringify({ pluginKey: 'nothing', padding: '' })
      return JSON.stringify({ pluginKey: 'nothing', padding: 'x'.repeat(length - frame.length) })
    }
    expect(await it.api('POST', '/install', body(10_000_000))).toMatchObject({ status: 404 })
    expect(await it.api('POST', '/install', body(10_000_001))).toMatchObject({
      status: 413,
      body: { code: 'BODY_TOO_LARGE' },
    })
  })

  test('that is not JSON is named as that', async () => {
    expect(await it.api('POST', '/install', '{"pluginKey": ')).toMatchObject({
      status: 400,
      body: { code: 'BODY_NOT_JSON' },
    })
    expect(await it.api('POST', '/install', '"text"')).toMatchObject({ status: 400 })
  })
})
