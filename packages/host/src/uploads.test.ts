import { spawn, type ChildProcess } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request as httpRequest } from 'node:http'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest()
  await it.publish(reader, { ...reader, key: 'stranger' })
  for (const organizationId of [1, 2]) await it.api('POST', '/install', { pluginKey: 'reader' }, { organizationId })
  await it.api('POST', '/install', { pluginKey: 'stranger' })
})
afterAll(() => it.close())

const reader: TestPlugin = {
  key: 'reader',
  entry: {
    permissions: {},
    contributes: { importers: [{ id: 'rows', title: 'Rows', slot: 'risks.import', import: 'POST /import' }] },
  },
  files: {
    'index.ts': `
      import { createHash } from 'node:crypto'
      export async function install() { return { success: true } }
      export async function uninstall() { return { success: true } }
      export const metadata = {}
      async function digestOf(id: string, uploads: any) {
        const hash = createHash('sha256')
        let pieces = 0, longest = 0
        for await (const piece of uploads.read(id)) {
          hash.update(piece)
          pieces += 1
          longest = Math.max(longest, piece.length)
        }
        return { digest: hash.digest('hex'), pieces, longest }
      }
      const inPieces = async ({ file, body, uploads }: any) => ({
        data: { imported: 1, name: file.originalname, type: file.mimetype, size: file.size, id: file.id, body, ...(await digestOf(file.id, uploads)) },
      })
      export const router = {
        'POST /import': { file: 'pieces', handler: inPieces },
        'POST /pieces': { file: 'pieces', handler: inPieces },
        'POST /greedy': { file: 'pieces', handler: async ({ file }: any) => ({ data: file.buffer.length }) },
        'POST /any': inPieces,
        'POST /whole': async ({ file }: any) => ({
          data: { size: file.size, length: file.buffer.length, isBuffer: Buffer.isBuffer(file.buffer), digest: createHash('sha256').update(file.buffer).digest('hex') },
        }),
        'POST /read': async ({ body, uploads }: any) => ({ data: await digestOf(body.id, uploads) }),
      }`,
  },
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

async function send(path: string, bytes: Uint8Array, fields: Record<string, string> = {}) {
  const form = new FormData()
  form.set('before', 'b')
  form.set('file', new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'text/csv' }), 'rows.csv')
  for (const [name, value] of Object.entries(fields)) form.set(name, value)
  const headers = { 'x-test-user': 'Editor:1:1:s' }
  const response = await fetch(`${it.url}/api/plugins${path}`, { method: 'POST', body: form, headers })
  return { status: response.status, body: (await response.json()) as { data?: unknown; code?: string; error?: string } }
}

const uploads = async () => (await it.pool.query<{ is_idle: boolean }>('SELECT is_idle FROM tenon.uploads')).rows

describe('a file that is sent to a plugin', () => {
  test.each(['/reader/import', '/reader/pieces'])('%s: reaches its handler in pieces of 1 MB', async (path) => {
    const bytes = randomBytes(2_500_000)
    expect(await send(path, bytes, { after: 'a' })).toMatchObject({
      status: 200,
      body: {
        data: {
          ...{ name: 'rows.csv', type: 'text/csv', size: 2_500_000, body: { before: 'b', after: 'a' } },
          ...{ digest: sha256(bytes), pieces: 3, longest: 1_000_000 },
        },
      },
    })
    await expect.poll(async () => (await uploads()).every(({ is_idle: isIdle }) => isIdle)).toBe(true)
  })

  test('is whole in `buffer` for a handler that says nothing else, up to 20 MB', async () => {
    const fits = randomBytes(20_000_000)
    expect(await send('/reader/whole', fits)).toMatchObject({
      status: 200,
      body: { data: { size: fits.length, length: fits.length, isBuffer: true, digest: sha256(fits) } },
    })
    const larger = Buffer.alloc(20_000_001)
    const refused = await send('/reader/whole', larger)
    expect(refused.status).toBe(422)
    expect(JSON.stringify(refused.body)).toContain('use context.uploads.read(file.id)')
    expect(await send('/reader/any', larger)).toMatchObject({ status: 200, body: { data: { digest: sha256(larger) } } })
    expect(JSON.stringify((await send('/reader/greedy', Buffer.from('x'))).body)).toContain('context.uploads.read')
  })

  test('may have 50 MB and not a byte more', async () => {
    const most = Buffer.alloc(50_000_000, 'x')
    expect(await send('/reader/import', most)).toMatchObject({ status: 200, body: { data: { digest: sha256(most) } } })
    expect(await send('/reader/import', Buffer.alloc(50_000_001))).toMatchObject({
      status: 413,
      body: { code: 'BODY_TOO_LARGE', data: 'The body of the request is larger than 50 MB.' },
    })
  })

  test('can be read again by the same plugin, and by no other plugin or organization', async () => {
    const { id, digest } = (await send('/reader/pieces', Buffer.from('mine'))).body.data as Record<string, string>
    expect(await it.api('POST', '/reader/read', { id })).toMatchObject({ status: 200, content: { digest } })
    const elsewhere = [
      await it.api('POST', '/stranger/read', { id }),
      await it.api('POST', '/reader/read', { id }, { organizationId: 2 }),
      await it.api('POST', '/reader/read', { id: 'no id' }),
    ]
    for (const { body } of elsewhere) expect(JSON.stringify(body)).toContain('There is no such upload')
  })
})

test('an operator may allow less', async () => {
  const strict = await it.startReplica({ limits: { uploads: { maxFileBytes: 1_000 } } })
  const sendTo = async (size: number) => {
    const form = new FormData()
    form.set('file', new Blob([new Uint8Array(size)]), 'rows.csv')
    const headers = { 'x-test-user': 'Editor:1:1:s' }
    return (await fetch(`${strict.url}/api/plugins/reader/import`, { method: 'POST', body: form, headers })).status
  }
  expect([await sendTo(1_000), await sendTo(1_001)]).toEqual([200, 413])
  await strict.close()
})

describe('what is left of files', () => {
  test('goes with the plugin, and with the organization', async () => {
    await send('/stranger/pieces', Buffer.from('of a plugin'))
    const of = async (key: string) =>
      (await it.pool.query('SELECT FROM tenon.uploads WHERE plugin_key = $1', [key])).rowCount
    expect(await of('stranger')).toBe(1)
    const { content } = await it.api('GET', '/installations')
    const found = (content as { id: number; pluginKey: string }[]).find(({ pluginKey }) => pluginKey === 'stranger')
    await it.api('DELETE', `/installations/${found?.id}`)
    expect(await of('stranger')).toBe(0)

    await it.host.createTenant(3)
    await it.pool.query(
      `INSERT INTO tenon.uploads (organization_id, plugin_key, held_bytes, expires_at) VALUES (3, 'x', 1, now() + '1 day')`,
    )
    await it.host.removeTenant(3)
    expect((await it.pool.query('SELECT FROM tenon.uploads WHERE organization_id = 3')).rowCount).toBe(0)
  })
})

describe('a host in a process of its own', () => {
  const crashHost = fileURLToPath(new URL('../dist/testing/crash-host.js', import.meta.url))
  const boundary = 'boundary'
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\n\r\n`

  async function startChild(): Promise<{ child: ChildProcess; url: string }> {
    const { connection, registry, directory } = it
    const argument = JSON.stringify({ connection, registry: { url: registry.url }, directory: `${directory}/child` })
    const child = spawn(process.execPath, [crashHost, argument], { stdio: ['ignore', 'pipe', 'inherit'] })
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
    const [first] = (await once(lines, 'line')) as [string]
    return { child, url: (JSON.parse(first) as { url: string }).url }
  }

  function beginUpload(url: string, path: string) {
    const headers = { 'x-test-user': 'Editor:1:1:s', 'content-type': `multipart/form-data; boundary=${boundary}` }
    return httpRequest(`${url}/api/plugins${path}`, { method: 'POST', headers })
  }

  function* manyPieces(count: number): Generator<Buffer> {
    yield Buffer.from(head)
    for (let index = 0; index < count; index += 1) yield Buffer.alloc(1_000_000, index)
    yield Buffer.from(`\r\n--${boundary}--\r\n`)
  }

  const residentMegabytes = async ({ pid }: ChildProcess): Promise<number> =>
    Number(/VmHWM:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_000

  test.runIf(process.platform === 'linux')(
    'grows by less than 100 MB while 200 MB of files pass through it',
    { timeout: 120_000 },
    async () => {
      const { child, url } = await startChild()
      try {
        await send('/reader/pieces', Buffer.from('warm'))
        const before = await residentMegabytes(child)
        for (let index = 0; index < 4; index += 1) {
          const request = beginUpload(url, '/reader/pieces')
          const answered = once(request, 'response') as Promise<[{ statusCode: number; resume: () => void }]>
          await pipeline(Readable.from(manyPieces(49)), request)
          const [response] = await answered
          response.resume()
          expect(response.statusCode).toBe(200)
        }
        expect((await residentMegabytes(child)) - before).toBeLessThan(100)
      } finally {
        child.kill()
        await once(child, 'exit')
      }
    },
  )

  test('leaves nothing when it is killed within a file but what another one removes', { timeout: 60_000 }, async () => {
    await it.pool.query('DELETE FROM tenon.uploads')
    const { child, url } = await startChild()
    const request = beginUpload(url, '/reader/import').on('error', () => undefined)
    request.write(head)
    request.write(Buffer.alloc(3_500_000))
    const pieces = async () => (await it.pool.query('SELECT FROM tenon.upload_pieces')).rowCount
    await expect.poll(pieces, { timeout: 20_000 }).toBe(3)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await it.pool.query("UPDATE tenon.uploads SET expires_at = expires_at - interval '10 minutes'")
    const successor = await it.startReplica()
    await expect.poll(pieces).toBe(0)
    expect(await uploads()).toEqual([])
    await successor.close()
  })
})
