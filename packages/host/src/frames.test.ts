import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { packMarketplace } from './artifacts/packing.js'
import { startHostInTest, type HostInTest, type TestPlugin } from './testing/host-in-test.js'

// A plugin's own UI, from the package to the frame's document.

const ui = { entry: 'ui.ts', pages: [{ id: 'main', title: 'Main' }], routes: ['GET /own'] }
const permissions = { database: { tenantSchema: false } }
const files = {
  'index.ts': `
    export const metadata = {}
    export const install = async () => ({ success: true })
    export const uninstall = async () => ({ success: true })
    export const router = { 'GET /own': async () => ({ data: 1 }) }`,
  'ui.ts': `import './ui.css'; document.title = '</script><script>alert(1)</script>'; await import('./late')`,
  'late.ts': `document.body.append('late')`,
  'ui.css': `body { color: rebeccapurple }`,
}

let host: HostInTest
beforeAll(async () => {
  host = await startHostInTest({ publicUrl: 'https://app.example/tenon' })
  await publishPacked('with-ui', { contributes: { ui } })
  await publishPacked('with-images', { contributes: { ui: { ...ui, images: true } } })
  await publishPacked('without-ui', {})
})
afterAll(() => host.close())

async function publishPacked(key: string, entry: Record<string, unknown>, given = files): Promise<void> {
  const marketplaceDir = path.join(host.directory, `sources of ${key}`)
  const written = { ...plainEntry(key), permissions, ...entry }
  await mkdir(path.join(marketplaceDir, key), { recursive: true })
  for (const [name, text] of Object.entries(given)) await writeFile(path.join(marketplaceDir, key, name), text)
  await writeFile(path.join(marketplaceDir, 'plugins.json'), JSON.stringify({ plugins: [written] }))
  const { packed, outDir } = await packMarketplace({ marketplaceDir, outDir: path.join(host.directory, `out ${key}`) })
  const artifact = packed[0]?.artifact
  await host.publish({ key, entry: { ...written, artifact }, files: {} } as TestPlugin)
  await mkdir(path.join(host.registry.directory, 'artifacts'), { recursive: true })
  const { cp } = await import('node:fs/promises')
  await cp(path.join(outDir, 'artifacts'), path.join(host.registry.directory, 'artifacts'), { recursive: true })
}

const plainEntry = (key: string) => ({
  key,
  name: key,
  displayName: key === 'with-ui' ? '<b>With UI</b>' : key,
  description: key,
  version: '1.0.0',
  category: 'data_management',
  isOfficial: false,
  isPublished: true,
  requiresConfiguration: false,
  installationType: 'standard',
  pluginPath: key,
  entryPoint: 'index.ts',
})

async function install(pluginKey: string, body: object = {}): Promise<number> {
  const { status, content } = await host.api('POST', '/install', { pluginKey, ...body })
  expect(status, JSON.stringify(content)).toBe(201)
  return (content as { id: number }).id
}
const remove = (id: number) => host.api('DELETE', `/installations/${id}`)
const openFrame = async (id: number, who = {}) => {
  const { status, body, content } = await host.api('POST', `/installations/${id}/frame`, undefined, who)
  return { status, code: body['code'], path: (content as { path: string } | undefined)?.path ?? '' }
}
const get = (place: string) => fetch(`${host.url}/api/plugins${place}`)

describe("the frame of a plugin's own UI", () => {
  it('is the packed script and style, and nothing else may run, be fetched or be around it', async () => {
    const id = await install('with-ui')
    const { status, path: place } = await openFrame(id, { role: 'Auditor' })
    expect(status).toBe(201)
    const response = await get(place)
    const page = await response.text()
    const policy = response.headers.get('content-security-policy') ?? ''
    const [, script = ''] = /<script type="module">(.*)<\/script><\/body>/s.exec(page) ?? []
    const [, style = ''] = /<style>(.*)<\/style>/s.exec(page) ?? []
    expect(script).toContain('late')
    expect(script).not.toContain('</script')
    expect(style).toContain('#639')
    expect(page).toContain('<title>&lt;b>With UI&lt;/b></title>')
    const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `script-src ${hash(script)}`,
      `style-src ${hash(style)}`,
      "img-src 'none'",
      "connect-src 'none'",
      "form-action 'none'",
      "base-uri 'none'",
      "frame-ancestors 'self' https://app.example",
      'sandbox allow-scripts',
    ])
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': 'private, no-store',
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'permissions-policy': expect.stringContaining('camera=(), clipboard-read=()'),
    })
    expect(response.headers.get('x-frame-options')).toBeNull()
    await remove(id)
    expect((await get(place)).status).toBe(404)
  })

  it('shows pictures only where the manifest asked for it', async () => {
    const id = await install('with-images')
    const { path: place } = await openFrame(id)
    expect((await get(place)).headers.get('content-security-policy')).toContain('; img-src data:; ')
    await remove(id)
  })

  it('is for members of an organization that has the plugin, while it works', async () => {
    const id = await install('with-ui')
    const { path: place } = await openFrame(id)
    expect(await openFrame(id, { organizationId: 2 })).toMatchObject({ status: 404, code: 'INSTALLATION_NOT_FOUND' })
    await host.api('POST', `/installations/${id}/disable`)
    expect(await openFrame(id)).toMatchObject({ status: 409, code: 'PLUGIN_DISABLED' })
    expect((await get(place)).status).toBe(404)
    await host.api('POST', `/installations/${id}/enable`)
    expect((await get(place)).status).toBe(200)
    const blocked = await host.api('POST', '/blocks', { pluginKey: 'with-ui', reason: 'bad' }, { isOperator: true })
    expect(blocked.status).toBe(201)
    expect(await openFrame(id)).toMatchObject({ status: 403, code: 'PLUGIN_BLOCKED' })
    expect((await get(place)).status).toBe(404)
    await host.api('DELETE', `/blocks/${(blocked.content as { id: number }).id}`, undefined, { isOperator: true })
    await remove(id)
  })

  it('has an address that nobody can make up or change', async () => {
    const id = await install('with-ui')
    const { path: place } = await openFrame(id)
    const [claims = '', mac = ''] = place.slice('/frames/'.length).split('.')
    const [tenant, , digest] = JSON.parse(Buffer.from(claims, 'base64url').toString()) as unknown[]
    const later = Buffer.from(JSON.stringify([tenant, id, digest, Date.now() + 1e9])).toString('base64url')
    for (const token of [`${later}.${mac}`, `${later}.`, later, claims, '', '.', 'x.y', `${claims}.${mac}x`]) {
      const { status } = await get(`/frames/${token}`)
      expect([401, 404, 500], token).toContain(status)
      expect(status, token).not.toBe(200)
    }
    await remove(id)
  })

  it('is not there when the admin did not allow it', async () => {
    const id = await install('with-ui', { permissions: [] })
    expect(await openFrame(id)).toMatchObject({ status: 404, code: 'UI_NOT_FOUND' })
    await remove(id)
    const plain = await install('without-ui')
    expect(await openFrame(plain)).toMatchObject({ status: 404, code: 'UI_NOT_FOUND' })
  })

  it('is only of packed plugins', async () => {
    await host.publish({ key: 'from-source', entry: { contributes: { ui }, permissions }, files })
    const { status, content } = await host.api('POST', '/install', { pluginKey: 'from-source' })
    expect([status, content]).toEqual([422, expect.stringContaining('only packed plugins may')])
  })
})
