import { describe, expect, it } from 'vitest'
import { admit, describeRefusals, eventPatternCovers, hostPatternCovers, type OperatorCeiling } from './admission.js'
import { parseManifest, type CatalogEntry } from './catalog.js'

function entryWith(changes: Record<string, unknown>): CatalogEntry {
  const manifest = parseManifest({
    plugins: [
      {
        key: 'slack',
        name: 'Slack',
        displayName: 'Slack',
        description: '',
        version: '1.0.0',
        category: 'communication',
        isOfficial: true,
        isPublished: true,
        requiresConfiguration: true,
        installationType: 'standard',
        pluginPath: 'plugins/slack',
        entryPoint: 'index.ts',
        permissions: {},
        ...changes,
      },
    ],
  })
  const [entry] = manifest.entries
  if (entry === undefined) throw new Error(JSON.stringify(manifest.problems))
  return entry
}

const grant = {
  clientId: 'id',
  clientSecret: 'secret',
  authorizeUrl: 'https://slack.com/oauth/v2/authorize',
  tokenUrl: 'https://slack.com/api/oauth.v2.access',
  audience: ['slack.com'],
}

interface Case {
  field: string
  asks: Record<string, unknown>
  refused: OperatorCeiling
  refusal: string
  allowed: OperatorCeiling
}

const oauth = { connections: [{ id: 'workspace', kind: 'oauth2', provider: 'slack', scopes: ['chat:write'] }] }

const artifact = { path: 'artifacts/slack-1.0.0.tgz', sha256: 'ab'.repeat(32), size: 1 }
const ui = { entry: 'ui.ts', pages: [{ id: 'main', title: 'Main' }] }

const cases: Case[] = [
  {
    field: 'database.tables',
    asks: { permissions: { database: { tables: { risks: ['select', 'delete'] } } } },
    refused: { tables: { risks: ['select'] } },
    refusal: 'asks to delete rows of the table risks',
    allowed: { tables: { risks: ['select', 'delete'] } },
  },
  {
    field: 'database.tables of a table that is not granted at all',
    asks: { permissions: { database: { tables: { files: ['select'] } } } },
    refused: {},
    refusal: 'asks to read the table files',
    allowed: { tables: { files: ['select'] } },
  },
  {
    field: 'database.tenantSchema',
    asks: { permissions: { database: { tenantSchema: true } } },
    refused: { tenantSchema: false },
    refusal: 'asks to create tables of its own',
    allowed: {},
  },
  {
    field: 'network.hosts',
    asks: { permissions: { network: { hosts: ['slack.com', 'evil.example.com'] } } },
    refused: { network: { hosts: ['slack.com', '*.example.org'] } },
    refusal: 'asks to reach evil.example.com',
    allowed: { network: { hosts: ['slack.com', '*.example.com'] } },
  },
  {
    field: 'network.fromConfiguration',
    asks: {
      permissions: { network: { fromConfiguration: ['url'] } },
      contributes: { configuration: { properties: { url: { type: 'string' } } } },
    },
    refused: { network: { fromConfiguration: false } },
    refusal: 'asks to reach the address in its setting url',
    allowed: {},
  },
  {
    field: 'environment',
    asks: { permissions: { environment: ['PATH', 'SLACK_TEAM'] } },
    refused: { environment: { other: ['PATH'], slack: ['SLACK_TEAM'] } },
    refusal: 'asks for the environment variable PATH',
    allowed: { environment: { slack: ['PATH', 'SLACK_TEAM'] } },
  },
  {
    field: 'events',
    asks: { permissions: { events: ['user.*'] } },
    refused: { events: ['risk.*'] },
    refusal: 'asks for the events user.*',
    allowed: {},
  },
  {
    field: 'contributes.publishes',
    asks: { permissions: {}, contributes: { publishes: ['user.removed'] } },
    refused: { events: ['risk.*'] },
    refusal: 'asks to publish the events user.removed',
    allowed: {},
  },
  {
    field: 'schedule',
    asks: { permissions: { schedule: true } },
    refused: { schedule: false },
    refusal: 'asks to run on a schedule',
    allowed: {},
  },
  {
    field: 'contributes.connections',
    asks: { contributes: oauth },
    refused: { connections: { other: grant } },
    refusal: 'asks to connect accounts at slack, which the operator has not set up',
    allowed: { connections: { slack: grant } },
  },
  {
    field: 'contributes.connections[].scopes',
    asks: { contributes: oauth },
    refused: { connections: { slack: { ...grant, scopes: ['incoming-webhook'] } } },
    refusal: 'asks for the scope chat:write at slack',
    allowed: { connections: { slack: { ...grant, scopes: ['chat:write'] } } },
  },
  {
    field: 'contributes.ui',
    asks: { artifact, contributes: { ui } },
    refused: { ui: false },
    refusal: 'asks to show pages of its own',
    allowed: {},
  },
  {
    field: 'contributes.ui.images',
    asks: { artifact, contributes: { ui: { ...ui, images: true } } },
    refused: { ui: { images: false } },
    refusal: 'asks to show pictures in pages of its own',
    allowed: { ui: { images: true } },
  },
  {
    field: 'no permissions at all',
    asks: { permissions: undefined },
    refused: {},
    refusal: 'does not declare what it needs, and plugins that do not are not admitted here',
    allowed: { allowUndeclared: true },
  },
]

describe('admission', () => {
  it.each(cases)('refuses more than the operator allows: $field', ({ asks, refused, refusal }) => {
    expect(admit(entryWith(asks), refused)).toEqual({ installable: false, refusals: [refusal] })
  })

  it.each(cases)('admits what the operator allows: $field', ({ asks, allowed }) => {
    expect(admit(entryWith(asks), allowed)).toEqual({ installable: true, refusals: [] })
  })

  it('refuses a host from a setting that does not exist', () => {
    const entry = entryWith({ permissions: { network: { fromConfiguration: ['hidden'] } } })
    expect(admit(entry, {}).refusals).toEqual(['asks to reach the address in hidden, which is not one of its settings'])
  })

  it('refuses a schedule and events that are contributed but not in the permissions', () => {
    const entry = entryWith({
      contributes: {
        actions: [{ id: 'sync', title: 'Sync', route: 'POST /sync', schedule: '0 * * * *' }],
        events: [{ name: 'risk.imported', handler: 'notify' }],
      },
    })
    expect(admit(entry, {}).refusals).toEqual([
      'asks to run on a schedule without listing it in its permissions',
      'asks for the events risk.imported without listing them in its permissions',
    ])
  })

  it('refuses pages of its own that were not packed, or come without permissions', () => {
    expect(admit(entryWith({ contributes: { ui } }), {}).refusals).toEqual([
      'brings pages of its own, and only packed plugins may',
    ])
    const undeclared = entryWith({ artifact, permissions: undefined, contributes: { ui } })
    expect(admit(undeclared, { allowUndeclared: true }).refusals).toEqual([
      'asks to show pages of its own without declaring what else it needs',
    ])
  })

  it('finds nothing under the names that every object has', () => {
    const entry = entryWith({ permissions: { database: { tables: { constructor: ['select'] } } } })
    expect(admit(entry, { tables: {} }).refusals).toEqual(['asks to read the table constructor'])
  })

  it('says it in one sentence', () => {
    expect(describeRefusals(['asks for a', 'asks for b'])).toBe('not installable: asks for a; asks for b')
  })
})

it('lets a wildcard stand for exactly one label, on the same port', () => {
  expect(hostPatternCovers('*.example.com', 'a.example.com')).toBe(true)
  expect(hostPatternCovers('*.example.com', '*.example.com')).toBe(true)
  expect(hostPatternCovers('*.example.com', 'a.b.example.com')).toBe(false)
  expect(hostPatternCovers('*.example.com', 'example.com')).toBe(false)
  expect(hostPatternCovers('example.com', '*.example.com')).toBe(false)
  expect(hostPatternCovers('example.com', 'example.com:8443')).toBe(false)
  expect(hostPatternCovers('example.com:443', 'example.com')).toBe(true)
})

it('lets an event pattern cover what is below it', () => {
  expect(eventPatternCovers('risk.*', 'risk.imported')).toBe(true)
  expect(eventPatternCovers('risk.*', 'risk.a.*')).toBe(true)
  expect(eventPatternCovers('risk.*', 'risky.imported')).toBe(false)
  expect(eventPatternCovers('risk.imported', 'risk.*')).toBe(false)
})
