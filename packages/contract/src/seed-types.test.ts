import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  PluginCategory,
  builtInCategories,
  catalogEntrySchema,
  parseManifest,
  pluginCategorySchema,
  pluginFeatureSchema,
  pluginSchema,
  type Plugin,
} from './catalog.js'
import { STATUS_CODE } from './envelope.js'
import { pluginInstallationSchema, type IPluginInstallation, type PluginInstallationJson } from './installation.js'
import { PluginInstallationStatus } from './installation-states.js'
import type {
  ConfigureResult,
  ImportResult,
  InstallResult,
  PluginMetadata,
  SyncResult,
  TemplateResult,
  TestConnectionResult,
  UninstallResult,
  ValidationResult,
} from './plugin-api.js'

const words = (text: string): string[] => text.trim().split(/\s+/)

/** An entry as the seed prints it, with all of its twenty fields. */
const printed = {
  key: 'plugin-key',
  name: 'Plugin Name',
  displayName: 'Plugin Display Name',
  description: 'Brief description',
  longDescription: 'Detailed description of the plugin functionality',
  version: '1.0.0',
  author: 'VerifyWise',
  category: 'communication',
  iconUrl: '/assets/plugin_logo.svg',
  documentationUrl: 'https://docs.example.com',
  supportUrl: 'https://support.example.com',
  isOfficial: true,
  isPublished: true,
  requiresConfiguration: true,
  installationType: 'standard',
  features: [{ name: 'Feature name', description: 'Feature description', displayOrder: 1 }],
  tags: ['tag1', 'tag2'],
  pluginPath: 'plugins/plugin-key',
  entryPoint: 'index.ts',
  dependencies: { 'some-package': '^1.0.0' },
} as const

describe('a manifest of the seed', () => {
  test('has a version, plugins of twenty fields, and categories', () => {
    const category = { id: 'communication', name: 'Communication', description: 'Team communication' }
    const manifest = parseManifest({ version: '1.0.0', plugins: [printed], categories: [category] })
    expect(manifest.problems).toEqual([])
    expect(manifest.version).toBe('1.0.0')
    expect(manifest.entries[0]).toMatchObject(printed)
    expect(Object.keys(printed)).toHaveLength(20)
    expect(Object.keys(catalogEntrySchema.shape)).toEqual(expect.arrayContaining(Object.keys(printed)))
    expect(manifest.categories[0]).toEqual(category)
  })

  test.each(['longDescription', 'author', 'iconUrl', 'documentationUrl', 'supportUrl'])('may leave out %s', (field) => {
    const { [field]: _left, ...entry } = printed as Record<string, unknown>
    expect(parseManifest({ plugins: [entry] }).entries).toHaveLength(1)
  })

  test.each(['standard', 'tenant_scoped'])('may say that a plugin is %s', (installationType) => {
    expect(parseManifest({ plugins: [{ ...printed, installationType }] }).entries[0]).toMatchObject({
      installationType,
    })
  })

  test.each([true, false])('keeps whether a plugin requires a configuration: %s', (requiresConfiguration) => {
    const { entries } = parseManifest({ plugins: [{ ...printed, requiresConfiguration }] })
    expect(pluginSchema.parse(entries[0]).requiresConfiguration).toBe(requiresConfiguration)
  })

  test.each(['https://example.com/icon.svg', '/assets/mlflow_logo.svg', 'icon.svg', undefined])(
    'may have the icon %s',
    (iconUrl) => {
      expect(parseManifest({ plugins: [{ ...printed, iconUrl }] }).entries).toMatchObject([{ key: 'plugin-key' }])
    },
  )

  test('knows the seven categories', () => {
    expect(builtInCategories.map(({ id }) => id)).toEqual(
      words('communication ml_ops version_control monitoring security data_management analytics'),
    )
    for (const category of builtInCategories)
      expect(parseManifest({ plugins: [{ ...printed, category: category.id }] }).problems).toEqual([])
  })
})

describe('the types of a client', () => {
  test('a category is one of the seven of the seed', () => {
    expect(PluginCategory).toEqual({
      COMMUNICATION: 'communication',
      ML_OPS: 'ml_ops',
      VERSION_CONTROL: 'version_control',
      MONITORING: 'monitoring',
      SECURITY: 'security',
      DATA_MANAGEMENT: 'data_management',
      ANALYTICS: 'analytics',
    })
    expect(builtInCategories.map(({ id }) => id)).toEqual(Object.values(PluginCategory))
  })

  test('a plugin has the fields of the manifest and what is known of its installation', () => {
    const plugin: Plugin = pluginSchema.parse({
      ...printed,
      installationId: 3,
      installationStatus: 'installed',
      installedAt: '2026-01-05T08:00:00.000Z',
    })
    expect(plugin).toMatchObject({ installationId: 3, installationStatus: PluginInstallationStatus.INSTALLED })
    expect(pluginSchema.safeParse({ ...printed, installationStatus: 'broken' }).success).toBe(false)
  })

  test('a status is one of the five that the seed shows, or one of the two that Tenon adds', () => {
    expect(Object.values(PluginInstallationStatus).sort()).toEqual(
      words('disabled failed installed installing uninstalled uninstalling updating'),
    )
  })

  test('an installation has the ten fields of the seed', () => {
    const fields = words(`id pluginKey status installedAt uninstalledAt errorMessage configuration metadata createdAt
      updatedAt`)
    expect(Object.keys(pluginInstallationSchema.shape)).toEqual(expect.arrayContaining([...fields, 'plugin']))
    expectTypeOf<PluginInstallationJson['status']>().toEqualTypeOf<PluginInstallationStatus>()
  })

  test('a feature and a category have the fields of the seed', () => {
    expect(Object.keys(pluginFeatureSchema.shape)).toEqual(words('name description displayOrder'))
    expect(Object.keys(pluginCategorySchema.shape)).toEqual(words('id name description'))
  })
})

test('a row of plugin_installations has the fields of the seed', () => {
  expectTypeOf<keyof IPluginInstallation>().toEqualTypeOf<
    | 'id'
    | 'plugin_key'
    | 'status'
    | 'installed_at'
    | 'uninstalled_at'
    | 'error_message'
    | 'configuration'
    | 'metadata'
    | 'created_at'
    | 'updated_at'
  >()
  const least: IPluginInstallation = { plugin_key: 'mlflow', status: PluginInstallationStatus.INSTALLED }
  expect(least.status).toBe('installed')
})

test('a plugin may answer with what the guide prints, or with the least of it', () => {
  expectTypeOf({ success: true }).toExtend<InstallResult & UninstallResult & ConfigureResult>()
  expectTypeOf({ success: true, message: 'm', installedAt: 't' }).toExtend<InstallResult>()
  expectTypeOf({ success: true, message: 'm', uninstalledAt: 't' }).toExtend<UninstallResult>()
  expectTypeOf({ success: true, message: 'm', configuredAt: 't' }).toExtend<ConfigureResult>()
  expectTypeOf({ success: false, message: 'm', testedAt: 't' }).toExtend<TestConnectionResult>()
  expectTypeOf({ valid: false, errors: ['e'] }).toExtend<ValidationResult>()
  expectTypeOf({ name: 'n', version: '1.0.0', author: 'a', description: 'd' }).toEqualTypeOf<PluginMetadata>()
  expectTypeOf({ success: true, modelCount: 1 }).toExtend<SyncResult>()
  expectTypeOf({ buffer: new Uint8Array(), filename: 'f' }).toExtend<TemplateResult>()
  expectTypeOf({ success: true, imported: 1, failed: 0 }).toExtend<ImportResult>()
})

describe('STATUS_CODE', () => {
  const phrases: [status: number, phrase: string][] = [
    [200, 'OK'],
    [201, 'Created'],
    [400, 'Bad Request'],
    [401, 'Unauthorized'],
    [403, 'Forbidden'],
    [404, 'Not Found'],
    [406, 'Not Acceptable'],
  ]

  test.each(phrases)('makes { message, data } of %i: %s', (status, message) => {
    expect(STATUS_CODE[status]?.('x')).toEqual({ message, data: 'x' })
  })

  test('makes { message, error } from 500 on', () => {
    expect(STATUS_CODE[500]?.('x')).toEqual({ message: 'Internal Server Error', error: 'x' })
    for (const status of [501, 502, 503, 504]) {
      expect(STATUS_CODE[status]?.('x')).toEqual({ message: expect.any(String) as string, error: 'x' })
    }
  })

  test('knows the statuses of the seed', () => {
    const known = words(`100 101 102 103 200 201 202 203 204 300 301 302 400 401 402 403 404 405 406 407 408 409 413 415
      422 500 501 502 503 504`)
    expect(Object.keys(STATUS_CODE)).toEqual(expect.arrayContaining(known))
  })
})
