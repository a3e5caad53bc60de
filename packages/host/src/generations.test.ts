import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest } from './testing/host-in-test.js'

/** Three plugins that do the same thing, each written the way of its generation. */
const generations = ['seed', 'router', 'tenon'] as const

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest()
  for (const generation of generations) {
    const source = await readFile(new URL(`../fixtures/generations/${generation}/index.ts`, import.meta.url), 'utf8')
    await it.publish({ key: `of-${generation}`, files: { 'index.ts': source } })
  }
})
afterAll(() => it.close())

describe.each(generations)('a plugin of the generation "%s"', (generation) => {
  const key = `of-${generation}`

  test('answers what the others answer, from installation to uninstallation', async () => {
    const installed = await it.api('POST', '/install', { pluginKey: key })
    expect(installed).toMatchObject({ status: 201, content: { metadata: { installMessage: 'Ready' } } })
    const { id } = installed.content as { id: number }
    const configure = (configuration: unknown) => it.api('PUT', `/installations/${id}/configuration`, { configuration })
    expect(await configure({})).toMatchObject({
      status: 422,
      content: 'The configuration is not valid: A greeting is required',
    })
    expect(await configure({ greeting: 'hello' })).toMatchObject({
      status: 200,
      content: { configuration: { greeting: 'hello' } },
    })
    const tried = (greeting: string) => it.api('POST', `/${key}/test-connection`, { configuration: { greeting } })
    expect((await tried('hello')).content).toMatchObject({ success: true, message: `hello to ${getTenantHash(1)}` })
    expect((await tried('bye')).content).toMatchObject({ success: false })

    expect(await it.api('POST', `/${key}/import`, { csvData: [{ name: "it's" }, { name: 'two' }] })).toMatchObject({
      status: 200,
      content: { success: true, imported: 2, failed: 0 },
    })
    expect((await it.api('POST', `/${key}/sync`)).content).toEqual({
      success: true,
      greeting: 'hello',
      names: ['hello from 1', "it's", 'two'],
    })
    const file = await it.api('GET', `/${key}/template`)
    expect([file.content, file.headers.get('content-disposition'), file.headers.get('content-type')]).toEqual([
      'for 1',
      'attachment; filename="generation.xlsx"',
      'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    ])
    expect(await it.api('GET', `/${key}/elsewhere`)).toMatchObject({ status: 404 })

    expect(await it.api('DELETE', `/installations/${id}`)).toMatchObject({ status: 200 })
    const { rows } = await it.pool.query(`SELECT FROM pg_tables WHERE tablename = 'generation_${generation}'`)
    expect(rows).toEqual([])
  })
})
