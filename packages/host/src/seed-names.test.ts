import type { PluginInstallationJson } from '@tenon/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { PluginHostOptions } from './plugin-host.js'
import { getTenantHash } from './tenancy/tenant-hash.js'
import { startHostInTest, type HostInTest, type Replica, type TestPlugin } from './testing/host-in-test.js'

/** Code that was written against the seed finds every endpoint and every method under the name it knows. */

let it: HostInTest
beforeAll(async () => {
  it = await startHostInTest()
})
afterAll(() => it.close())

const tenantId = getTenantHash(1)
const otherTenant = getTenantHash(2)

type Row = [operation: string, method: string, path: string, leastRole: 'Reviewer' | 'Editor' | 'Admin', body?: unknown]

/** S65 to S81; a plugin's own routes (the last four) ask for the role that the plugin says. */
const endpoints: Row[] = [
  ['getAllPlugins', 'get', '/marketplace', 'Reviewer'],
  ['getPluginByKey', 'get', '/marketplace/{key}', 'Reviewer'],
  ['searchPlugins', 'get', '/marketplace/search', 'Reviewer'],
  ['getCategories', 'get', '/categories', 'Reviewer'],
  ['installPlugin', 'post', '/install', 'Admin', {}],
  ['getInstalledPlugins', 'get', '/installations', 'Reviewer'],
  ['uninstallPlugin', 'delete', '/installations/{id}', 'Admin'],
  ['updatePluginConfiguration', 'put', '/installations/{id}/configuration', 'Admin', {}],
  ['testPluginConnection', 'post', '/{key}/test-connection', 'Admin', {}],
  ['connectOAuthWorkspace', 'post', '/{key}/oauth/connect', 'Admin', {}],
  ['getOAuthWorkspaces', 'get', '/{key}/oauth/workspaces', 'Reviewer'],
  ['updateOAuthWorkspace', 'patch', '/{key}/oauth/workspaces/{webhookId}', 'Admin', {}],
  ['disconnectOAuthWorkspace', 'delete', '/{key}/oauth/workspaces/{webhookId}', 'Admin'],
  ['getMLflowModels', 'get', '/{key}/models', 'Reviewer'],
  ['syncMLflowModels', 'post', '/{key}/sync', 'Editor'],
  ['getRiskImportTemplate', 'get', '/{key}/template', 'Reviewer'],
  ['importRisks', 'post', '/{key}/import', 'Editor', { csvData: [] }],
]

const addressOf = (path: string) =>
  path.replace('{key}', 'sample').replace('{id}', '999').replace('{webhookId}', '999') +
  (path.endsWith('/search') ? '?q=x' : '')

const sample: TestPlugin = {
  key: 'sample',
  files: {
    'index.ts': `
      export const install = async (userId: number, tenantId: string, config: object, context: any) => ({
        success: true, message: JSON.stringify([userId, tenantId, config, typeof context.sequelize.query]) })
      export const uninstall = async () => ({ success: true })
      export const configure = async (userId: number, tenantId: string, configuration: any) => ({ success: configuration.url !== 'refused' })
      export const testConnection = async (configuration: any, { userId, tenantId }: any) =>
        ({ success: true, message: [configuration.url, userId, tenantId].join(' ') })`,
  },
}

describe('the limit on installations', () => {
  const tryInstall = (replica: Replica) => replica.api('POST', '/install', { pluginKey: 'nothing' })
  const limited = (installLimitPerHour: number | undefined) =>
    it.startReplica({ installLimitPerHour } as Partial<PluginHostOptions>)

  test('is twenty an hour for an address, over all replicas, in the words of the seed', async () => {
    const [one, two] = [await limited(undefined), await limited(undefined)]
    for (let count = 0; count < 20; count += 1) expect((await tryInstall(count % 2 ? one : two)).status).toBe(404)
    const refused = await tryInstall(one)
    expect(refused).toMatchObject({
      status: 429,
      content: 'Too many plugin installation requests from this IP, please try again after an hour.',
      body: { message: 'Too Many Requests', code: 'INSTALL_LIMIT' },
    })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(3_000)
    expect((await tryInstall(two)).status).toBe(429)
    expect((await one.api('GET', '/marketplace')).status).toBe(200)
    await Promise.all([one.close(), two.close()])
  })

  test('can be set', async () => {
    await it.pool.query('DELETE FROM tenon.rate_limits')
    const replica = await limited(2)
    const statuses = [await tryInstall(replica), await tryInstall(replica), await tryInstall(replica)]
    expect(statuses.map(({ status }) => status)).toEqual([404, 404, 429])
    await replica.close()
    await it.pool.query('DELETE FROM tenon.rate_limits')
  })
})

describe('the seventeen endpoints', () => {
  test('are there by name, method and path', () => {
    const described = Object.entries(it.host.openapi().paths).flatMap(([path, item]) =>
      Object.entries(item).map(([method, operation]) => [
        (operation as { operationId: string }).operationId,
        method,
        path,
      ]),
    )
    for (const [operation, method, path] of endpoints) {
      expect(described).toContainEqual([operation, method, `/api/plugins${path}`])
    }
  })

  test('answer nobody who is not signed in', async () => {
    const replica = await it.startReplica({ authenticate: () => undefined })
    for (const [operation, method, path, , body] of endpoints) {
      const answer = await replica.api(method.toUpperCase(), addressOf(path), body)
      expect(answer, operation).toMatchObject({
        status: 401,
        content: 'User not authenticated',
        body: { message: 'Unauthorized', code: 'NOT_AUTHENTICATED' },
      })
    }
    await replica.close()
  })

  test('ask for the role that they need, and for no more', async () => {
    await it.publish(sample)
    await it.api('POST', '/install', { pluginKey: 'sample' })
    const below = { Reviewer: undefined, Editor: 'Auditor', Admin: 'Editor' } as const
    for (const [operation, method, path, leastRole, body] of endpoints) {
      const as = async (role: 'Auditor' | 'Editor' | 'Reviewer' | 'Admin') =>
        (await it.api(method.toUpperCase(), addressOf(path), body, { role })).status
      expect(await as(leastRole), operation).not.toBe(403)
      const tooLittle = below[leastRole]
      if (tooLittle) expect(await as(tooLittle), operation).toBe(403)
      else expect(await as('Auditor'), operation).not.toBe(403)
    }
  })

  test('say in the words of the seed what a request lacks', async () => {
    const cases: [method: string, path: string, body: unknown, sentence: string][] = [
      ['GET', '/marketplace/search', undefined, "Query parameter 'q' is required"],
      ['GET', '/marketplace/search?q=%20', undefined, "Query parameter 'q' is required"],
      ['POST', '/install', {}, 'pluginKey is required'],
      ['POST', '/install', { pluginKey: 7 }, 'pluginKey is required'],
      ['PUT', '/installations/1/configuration', {}, 'Configuration object is required'],
      ['PUT', '/installations/1/configuration', { configuration: 'x' }, 'Configuration object is required'],
      ['POST', '/sample/test-connection', {}, 'Configuration object is required'],
      ['POST', '/sample/oauth/connect', { state: 'x' }, 'OAuth code is required'],
      ['POST', '/sample/import', { csvData: 'x' }, 'CSV data is required and must be an array'],
    ]
    for (const [method, path, body, sentence] of cases) {
      expect(await it.api(method, path, body), path).toMatchObject({
        status: 400,
        content: sentence,
        body: { message: 'Bad Request', code: 'VALIDATION_FAILED', requestId: expect.stringMatching(/.{8}/) as string },
      })
    }
  })

  test('answer 404 for what is not there', async () => {
    expect(await it.api('POST', '/install', { pluginKey: 'nothing' })).toMatchObject({
      status: 404,
      content: 'Plugin not found',
    })
    expect(await it.api('PUT', '/installations/999/configuration', { configuration: {} })).toMatchObject({
      status: 404,
      content: 'Plugin installation not found',
    })
    expect((await it.api('GET', '/nothing/oauth/workspaces')).content).toEqual([])
    expect(await it.api('PATCH', '/nothing/oauth/workspaces/1', { is_active: false })).toMatchObject({ status: 404 })
    for (const [method, path] of [
      ['GET', 'models'],
      ['POST', 'sync'],
      ['GET', 'template'],
    ] as const) {
      expect(await it.api(method, `/nothing/${path}`)).toMatchObject({
        status: 404,
        body: { code: 'PLUGIN_NOT_INSTALLED' },
      })
    }
  })
})

describe('the service', () => {
  const methods = `getAllPlugins getPluginByKey searchPlugins installPlugin uninstallPlugin getInstalledPlugins
    getCategories updateConfiguration testConnection connectOAuthWorkspace getOAuthWorkspaces updateOAuthWorkspace
    disconnectOAuthWorkspace getMLflowModels syncMLflowModels getRiskImportTemplate importRisks`.split(/\s+/)
  let installation: PluginInstallationJson

  test('has the seventeen methods', () => {
    expect(methods).toHaveLength(17)
    for (const method of methods) expect(it.host.service, method).toHaveProperty(method, expect.any(Function))
  })

  test('lists, filters, finds and searches what is published', async () => {
    await it.publish(
      {
        key: 'talk',
        entry: { category: 'communication', tags: ['Chatter'], description: 'Sends MESSAGES' },
        files: {},
      },
      { key: 'hidden', entry: { isPublished: false }, files: {} },
    )
    const { service } = it.host
    const keys = (plugins: { key: string }[]) => plugins.map(({ key }) => key)
    expect(keys(service.getAllPlugins())).toEqual(['sample', 'talk'])
    expect(keys(service.getAllPlugins('communication'))).toEqual(['talk'])
    expect(service.getPluginByKey('talk')).toMatchObject({ key: 'talk', category: 'communication' })
    expect(service.getPluginByKey('hidden')).toBeNull()
    for (const query of ['TALK', 'chatter', 'messages']) expect(keys(service.searchPlugins(query))).toEqual(['talk'])
    expect(service.searchPlugins('hidden')).toEqual([])
    expect(service.getCategories().map(({ id }) => id)).toContain('ml_ops')
  })

  test('installs, with an empty configuration and a database, and trims the key', async () => {
    installation = await it.host.service.installPlugin('  sample ', 7, otherTenant)
    expect(installation).toMatchObject({
      pluginKey: 'sample',
      status: 'installed',
      errorMessage: null,
      uninstalledAt: null,
      metadata: { installMessage: JSON.stringify([7, otherTenant, {}, 'function']) },
      plugin: { key: 'sample', displayName: 'sample' },
    })
    await expect(it.host.service.installPlugin('sample', 7, otherTenant)).rejects.toThrow('Plugin is already installed')
  })

  test('shows an installation with the ten fields of the seed', () => {
    const fields = `id pluginKey status installedAt uninstalledAt errorMessage configuration metadata createdAt
      updatedAt`.split(/\s+/)
    expect(Object.keys(installation)).toEqual(expect.arrayContaining(fields))
    for (const field of ['installedAt', 'createdAt', 'updatedAt'] as const) {
      expect(Math.abs(Date.parse(installation[field] ?? '') - Date.now()), field).toBeLessThan(60_000)
    }
  })

  test('lists installations with the newest first, each with what is known of its plugin', async () => {
    await it.publish({ ...sample, key: 'later' })
    await it.host.service.installPlugin('later', 7, otherTenant)
    const installed = await it.host.service.getInstalledPlugins(otherTenant)
    expect(installed.map(({ plugin }) => (plugin as { key: string }).key)).toEqual(['later', 'sample'])
  })

  test('saves a configuration only when the plugin takes it', async () => {
    const { service } = it.host
    expect(await service.updateConfiguration(installation.id, 7, otherTenant, { url: 'u' })).toMatchObject({
      configuration: { url: 'u' },
    })
    await expect(
      service.updateConfiguration(installation.id, 7, otherTenant, { url: 'refused' }),
    ).rejects.toMatchObject({
      code: 'PLUGIN_REFUSED',
    })
    const [, stored] = await service.getInstalledPlugins(otherTenant)
    expect(stored?.configuration).toEqual({ url: 'u' })
  })

  test('tests a connection as the user and the tenant', async () => {
    const context = { userId: 7, tenantId: otherTenant }
    expect(await it.host.service.testConnection('sample', { url: 'v' }, context)).toMatchObject({
      success: true,
      message: `v 7 ${otherTenant}`,
    })
  })

  test('checks what it is given, with the exceptions of the seed', async () => {
    const { service } = it.host
    await expect(service.installPlugin('  ', 1, tenantId)).rejects.toMatchObject({
      message: 'Plugin key is required',
      status: 400,
      metadata: { field: 'plugin_key', value: '  ' },
    })
    await expect(service.installPlugin('sample', 1, 'nobody')).rejects.toMatchObject({
      message: 'Valid tenant ID is required',
      metadata: { resource: 'tenant', identifier: 'nobody' },
    })
    for (const id of [0, -1, 1.5, Number.NaN]) {
      await expect(service.uninstallPlugin(id, 1, tenantId)).rejects.toMatchObject({
        message: 'Valid installation ID is required (must be >= 1)',
        metadata: { field: 'id' },
      })
    }
    await expect(service.uninstallPlugin(999, 1, tenantId)).rejects.toMatchObject({ status: 404 })
    // Ids count up for each tenant on its own: this one is of another tenant.
    await expect(service.uninstallPlugin(installation.id + 1, 1, tenantId)).rejects.toMatchObject({ status: 404 })
  })

  test('uninstalls', async () => {
    await it.host.service.uninstallPlugin(installation.id, 7, otherTenant)
    expect(await it.host.service.getInstalledPlugins(otherTenant)).toMatchObject([{ pluginKey: 'later' }])
  })

  test('reaches models, sync, template and import of plugins of the first generation', async () => {
    const life = `export const install = async () => ({ success: true })\nexport const uninstall = install\n`
    await it.publish(
      {
        key: 'mlflow',
        files: {
          'index.ts': `${life}
            export const syncModels = async (tenantId: string, configuration: object, context: any) =>
              ({ success: true, modelCount: 3, told: [tenantId, configuration, typeof context.sequelize.query] })`,
        },
      },
      {
        key: 'risk-import',
        files: {
          'index.ts': `${life}
            export const getExcelTemplate = async (organizationId: string) =>
              ({ buffer: Buffer.from('for ' + organizationId), filename: 'template.xlsx' })
            export const importRisks = async (csvData: object[], tenantId: string) =>
              ({ success: true, imported: csvData.length, failed: 0, told: tenantId })`,
        },
      },
    )
    const { service } = it.host
    for (const key of ['mlflow', 'risk-import']) await service.installPlugin(key, 1, tenantId)
    expect(await service.syncMLflowModels(tenantId)).toEqual({
      success: true,
      modelCount: 3,
      told: [tenantId, {}, 'function'],
    })
    const template = await service.getRiskImportTemplate(tenantId, 1)
    expect([Buffer.from(template.buffer).toString(), template.filename]).toEqual(['for 1', 'template.xlsx'])
    expect(await service.importRisks([{}, {}], tenantId)).toEqual({
      success: true,
      imported: 2,
      failed: 0,
      told: tenantId,
    })
    await expect(service.getMLflowModels(otherTenant)).rejects.toMatchObject({ code: 'PLUGIN_NOT_INSTALLED' })
  })

  test('reaches the models of a plugin with a router', async () => {
    await it.publish({
      key: 'mlflow',
      entry: { version: '2.0.0' },
      files: {
        'index.ts': `
          export const install = async () => ({ success: true })
          export const uninstall = install
          export const router = { 'GET /models': async () => ({ data: { configured: false, models: [] } }) }`,
      },
    })
    await it.host.service.installPlugin('mlflow', 1, otherTenant)
    expect(await it.host.service.getMLflowModels(otherTenant)).toEqual({ configured: false, models: [] })
  })
})
