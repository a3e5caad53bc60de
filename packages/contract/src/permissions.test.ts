import { expect, test } from 'vitest'
import { catalogEntrySchema } from './catalog.js'
import { askedPermissions, grantedEntry, widerPermissions } from './permissions.js'

const entry = catalogEntrySchema.parse({
  key: 'plugin',
  name: 'Plugin',
  displayName: 'Plugin',
  description: 'Does things',
  version: '1.0.0',
  category: 'security',
  isOfficial: false,
  isPublished: true,
  requiresConfiguration: false,
  installationType: 'tenant_scoped',
  pluginPath: 'plugin',
  entryPoint: 'index.ts',
  permissions: {
    database: { tenantSchema: true, tables: { risks: ['select', 'insert'], 'public.users': ['select'] } },
    network: { hosts: ['a.example', '*.b.example:8443'], fromConfiguration: ['server'], reason: 'Sends news' },
    environment: ['TOKEN'],
    events: ['risk.*', 'model.added'],
    schedule: true,
    newerThanThisHost: true,
  },
  contributes: {
    configuration: { properties: { server: { title: 'Server address' } } },
    actions: [{ id: 'sync', title: 'Sync', route: 'POST /sync', schedule: '0 * * * *' }],
    connections: [{ id: 'workspace', kind: 'oauth2', provider: 'chat', scopes: ['write'] }],
    events: [
      { name: 'risk.added', handler: 'onRisk' },
      { name: 'model.added', handler: 'onModel' },
    ],
    publishes: ['plugin.done'],
  },
})

test('everything that an entry asks for has a name and a sentence', () => {
  expect(askedPermissions(entry)).toEqual([
    { id: 'table:risks:select', group: 'read', sentence: 'Read the table risks' },
    { id: 'table:risks:insert', group: 'change', sentence: 'Add rows to the table risks' },
    { id: 'table:public.users:select', group: 'read', sentence: 'Read the table public.users' },
    { id: 'own-tables', group: 'change', sentence: 'Keep tables of its own among the data of your organization' },
    { id: 'network:a.example', group: 'outside', sentence: 'Talk to a.example (Sends news)' },
    { id: 'network:*.b.example:8443', group: 'outside', sentence: 'Talk to *.b.example:8443 (Sends news)' },
    {
      id: 'network-setting:server',
      group: 'outside',
      sentence: 'Talk to the address that you enter as "Server address" (Sends news)',
    },
    { id: 'connection:workspace', group: 'outside', sentence: 'Use each account at chat that you connect (write)' },
    { id: 'environment:TOKEN', group: 'read', sentence: 'Read the value TOKEN, which the operator has set for it' },
    { id: 'event:risk.*', group: 'events', sentence: 'Be told of risk events' },
    { id: 'event:model.added', group: 'events', sentence: 'Be told of the event “model added”' },
    { id: 'publish:plugin.done', group: 'events', sentence: 'Announce the event plugin.done to other plugins' },
    { id: 'schedule', group: 'schedule', sentence: 'Run on a schedule, without anybody asking' },
  ])
})

test('an account is called as the plugin calls it', () => {
  const contributes = { connections: [{ id: 'w', kind: 'oauth2', provider: 'chat', title: 'Chat room', scopes: [] }] }
  const { sentence } = askedPermissions(catalogEntrySchema.parse({ ...entry, permissions: {}, contributes }))[0] ?? {}
  expect(sentence).toBe('Use each Chat room that you connect')
})

test('granting nothing in particular, or everything, leaves the entry as it is', () => {
  const everything = askedPermissions(entry).map(({ id }) => id)
  expect(grantedEntry(entry, null)).toBe(entry)
  expect(grantedEntry(entry, everything)).toEqual(entry)
})

test('granting nothing leaves nothing to ask for', () => {
  const left = grantedEntry(entry, [])
  expect(askedPermissions(left)).toEqual([])
  expect(left.contributes).toMatchObject({
    actions: [{ id: 'sync' }],
    connections: [],
    events: [],
    publishes: [],
    configuration: entry.contributes?.configuration,
  })
  expect(left.contributes?.actions[0]).not.toHaveProperty('schedule')
})

test.each(askedPermissions(entry))('granting all but $id leaves exactly that out', ({ id: missing }) => {
  const others = askedPermissions(entry).filter(({ id }) => id !== missing)
  const left = grantedEntry(
    entry,
    others.map(({ id }) => id),
  )
  expect(askedPermissions(left)).toEqual(others)
  expect(left.key).toBe('plugin')
})

test('an entry that declares nothing has nothing to choose', () => {
  const { permissions: _none, ...undeclared } = entry
  expect(askedPermissions(undeclared)).toEqual([])
  expect(grantedEntry(undeclared, [])).toBe(undeclared)
})

test('more of the same is other scopes of an account, and pages that now call routes', () => {
  const ui = (routes: string[]) => ({ entry: 'ui.ts', pages: [{ id: 'main', title: 'Main' }], routes })
  const connection = (scopes: string[]) => ({ id: 'workspace', kind: 'oauth2', provider: 'chat', scopes })
  const asking = (scopes: string[], routes: string[]) =>
    catalogEntrySchema.parse({ ...entry, contributes: { connections: [connection(scopes)], ui: ui(routes) } })
  const before = asking(['read', 'write'], [])
  expect(widerPermissions(before, asking(['write'], []))).toEqual([])
  expect(widerPermissions(before, asking(['read', 'admin'], []))).toEqual(['connection:workspace'])
  expect(widerPermissions(before, asking(['read'], ['GET /own']))).toEqual(['ui'])
  expect(widerPermissions({}, before)).toEqual([])
})
