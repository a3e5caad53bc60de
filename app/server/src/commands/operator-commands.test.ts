import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { createSealer, openAudit } from '@tenon/host'
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

/** As npm runs them, on the database of the test. */
function run(command: string, args: string[], secretKey: string): Promise<Outcome> {
  const { host, port, user, password, database } = app.pool.options
  const url = new URL('postgres://localhost')
  url.username = String(user)
  url.password = String(password)
  url.pathname = `/${database}`
  url.search = new URLSearchParams({ host: String(host), port: String(port) }).toString()
  const file = fileURLToPath(new URL(`../../dist/commands/${command}.js`, import.meta.url))
  const env = { PATH: process.env['PATH'], DATABASE_URL: url.href, TENON_SECRET_KEY: secretKey, JWT_SECRET: secretKey }
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
      stdout: 'The audit is whole: 3 entries. Keep that number for --at-least.\n',
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
