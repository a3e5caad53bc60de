import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createTestDatabase } from '@tenon/embedded-postgres/testing'
import { createSealer, isDatabaseHardened, openAudit } from '@tenon/host'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestApp, testSecretKey, type TestApp } from '../testing/test-app.js'

const firstKey = testSecretKey
const secondKey = 'another key of the tests that is long enough as well'

let app: TestApp
beforeAll(async () => {
  app = await startTestApp()
  const { organizationId } = await app.register()
  const audit = await openAudit({ pool: app.pool, sealer: createSealer([firstKey]) })
  for (const action of ['install', 'configure', 'uninstall'])
    await audit.record({ organizationId, userId: 1, pluginKey: 'example', action, outcome: 'done' })
})
afterAll(() => app.stop())

interface Outcome {
  code: number
  stdout: string
  stderr: string
}

function addressOf({ host, port, user, password, database }: pg.ClientConfig): string {
  const url = new URL('postgres://localhost')
  url.username = String(user)
  url.password = String(password)
  url.pathname = `/${database}`
  url.search = new URLSearchParams({ host: String(host), port: String(port) }).toString()
  return url.href
}

/** As npm runs them, on the database of the test. */
function run(
  command: string,
  args: string[],
  secretKey: string,
  more: Record<string, string | undefined> = {},
): Promise<Outcome> {
  const databaseUrl = addressOf(app.pool.options)
  const file = fileURLToPath(new URL(`../../dist/commands/${command}.js`, import.meta.url))
  const secrets = { TENON_SECRET_KEY: secretKey, JWT_SECRET: secretKey }
  const env = { PATH: process.env['PATH'], DATABASE_URL: databaseUrl, ...secrets, ...more }
  return new Promise((resolve) => {
    execFile(process.execPath, [file, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: error ? Number(error.code ?? 1) : 0, stdout, stderr }),
    )
  })
}

describe('npm run audit', () => {
  test('says that the audit is whole, and lists it', async () => {
    expect(await run('audit', ['verify', '--at-least', '3'], firstKey)).toMatchObject({
      code: 0,
      stdout: 'The audit is whole: 3 entries. Ask for --at-least 3 the next time.\n',
    })
    const { stdout } = await run('audit', ['list', '--limit', '2'], firstKey)
    expect(stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^3 {2}\S+Z {2}organization 1 {2}user 1 {2}uninstall example done {2}\{\}$/) as string,
      expect.stringContaining('configure example done') as string,
    ])
  })

  test('ends with status 1 when there are fewer entries than there were, or one was altered', async () => {
    expect(await run('audit', ['verify', '--at-least', '4'], firstKey)).toMatchObject({
      code: 1,
      stderr: 'The audit is not whole after 3 entries. There were 4 entries already.\n',
    })
    await app.pool.query(`UPDATE tenon.audit SET action = 'update' WHERE seq = 2`)
    expect(await run('audit', ['verify'], firstKey)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Entry 2 was altered') as string,
    })
    await app.pool.query(`UPDATE tenon.audit SET action = 'configure' WHERE seq = 2`)
  })
})

test('npm run backup says how much it wrote, one or several', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'tenon-backup-'))
  try {
    const folder = join(parent, 'backup')
    const { code, stdout } = await run('backup', [folder], firstKey)
    expect({ code, stdout }).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/: 1 organization, \d+ tables, 0 roles of plugins\.\n$/) as string,
    })
  } finally {
    await rm(parent, { recursive: true })
  }
})

test('npm run rotate-keys seals anew, and then the earlier key is not needed', async () => {
  expect(await run('audit', ['verify'], secondKey)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('TENON_SECRET_KEY') as string,
  })
  const rotated = await run('rotate-keys', [], `${secondKey},${firstKey}`)
  expect(rotated).toMatchObject({ code: 0, stdout: expect.stringContaining('Sealed anew: 0 configurations') as string })
  expect(rotated.stdout).toContain('Take them out of TENON_SECRET_KEY')
  expect(await run('audit', ['verify'], secondKey)).toMatchObject({ code: 0 })
})

describe('npm run prepare-database', () => {
  test('lets the database itself refuse, once a superuser has said so', async (context) => {
    const { connection, superuser, drop } = await createTestDatabase()
    // A server of the operator's own has no superuser that tests may use.
    if (!superuser) {
      await drop()
      return context.skip()
    }
    const prepare = (superuserUrl?: string) =>
      run('prepare-database', [], firstKey, {
        DATABASE_URL: addressOf(connection),
        ...(superuserUrl === undefined ? {} : { SUPERUSER_DATABASE_URL: superuserUrl }),
      })
    const client = new pg.Client(connection)
    await client.connect()
    try {
      expect(await prepare()).toMatchObject({ code: 1, stderr: expect.stringContaining('Set SUPERUSER') as string })
      const another = addressOf({ ...superuser, database: 'postgres' })
      expect(await prepare(another)).toMatchObject({ code: 1, stderr: expect.stringContaining('another') as string })
      expect(await prepare(addressOf(connection))).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('no superuser') as string,
      })
      expect(await isDatabaseHardened(client)).toBe(false)
      expect(await prepare(addressOf(superuser))).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^Prepared\. /) as string,
      })
      expect(await isDatabaseHardened(client)).toBe(true)
      expect(await prepare(addressOf(superuser))).toMatchObject({ code: 0, stdout: 'Prepared again.\n' })
    } finally {
      await client.end()
      await drop()
    }
  })
})
