import { describe, expect, it } from 'vitest'
import { openManifest, parseManifest } from './catalog.js'
import { isTenonError } from './errors.js'
import { hostPatternSchema } from './names.js'

const entry = {
  key: 'mlflow',
  name: 'mlflow',
  displayName: 'MLflow Integration',
  description: 'Sync AI/ML models from MLflow tracking server',
  version: '1.0.0',
  category: 'ml_ops',
  isOfficial: true,
  isPublished: true,
  requiresConfiguration: true,
  installationType: 'tenant_scoped',
  pluginPath: 'plugins/mlflow',
  entryPoint: 'index.ts',
}

function parseOne(changes: Record<string, unknown>) {
  return parseManifest({ plugins: [{ ...entry, ...changes }] })
}

describe('one entry that is made to do harm takes no other with it', () => {
  const good = { ...entry, key: 'good' }
  const read = (bad: unknown) => {
    const { entries, problems } = parseManifest({ plugins: [bad, good] })
    return { keys: entries.map(({ key }) => key), problem: problems[0]?.message ?? '' }
  }

  it.each([
    ['a pointer of millions of characters', { contributes: { views: [{ rows: `/${'a'.repeat(4_000_000)}` }] } }],
    ['a path of millions of folders', { pluginPath: `a${'/a'.repeat(2_000_000)}` }],
    ['a host of millions of labels', { permissions: { network: { hosts: [`a${'.a'.repeat(2_000_000)}`] } } }],
    ['a name of millions of words in a place that is not known', { surprise: { ['a-'.repeat(2_000_000)]: 1 } }],
  ])('%s', (_name, changes) => {
    expect(read({ ...entry, ...changes })).toEqual({
      keys: ['good'],
      problem: 'contains a text of more than 100,000 characters',
    })
  })

  it('a list of a million things', () => {
    expect(read({ ...entry, features: Array(1_000_000).fill({}) })).toEqual({
      keys: ['good'],
      problem: 'has more than 50,000 values',
    })
  })

  it('longest texts that are still looked at', () => {
    for (const text of ['/a'.repeat(50_000), 'a/'.repeat(50_000), 'a.'.repeat(50_000), 'a-'.repeat(50_000)])
      expect(
        read({ ...entry, pluginPath: text, version: text, category: text, contributes: { views: [{ rows: text }] } })
          .keys,
      ).toEqual(['good'])
  })
})

it('names the categories that there are when an entry has another', () => {
  const { problems } = parseManifest({ plugins: [{ ...entry, category: 'other' }] })
  expect(problems.map(({ message }) => message)).toEqual([
    '"other" is no category. Declare it in categories, or name one of communication, ml_ops, version_control, monitoring, security, data_management, analytics',
  ])
})

describe('a manifest with more in it than anybody could read', { timeout: 20_000 }, () => {
  it('is read as far as ten thousand plugins, and tells a thousand problems', () => {
    const { problems } = parseManifest({ plugins: Array(1_000_000).fill({}) })
    expect(problems).toHaveLength(1_001)
    expect(problems.at(-1)?.message).toBe('there are more problems than these 1,000')
    expect(problems[0]?.message).toBe('there are 1,000,000 plugins, and what comes after 10,000 is left out')
  })

  it('has two hundred categories at most', () => {
    const { problems, categories } = parseManifest({
      plugins: [],
      categories: Array(1_000_000).fill({ id: 'a', name: 'A' }),
    })
    expect(categories).toHaveLength(8)
    expect(problems.map(({ path }) => path)).toEqual(['categories'])
  })
})

describe('the bounds of a manifest: what comes just up to one is taken, and what goes over it is told', () => {
  const messagesOf = (changes: Record<string, unknown>) => parseOne(changes).problems.map(({ message }) => message)
  const nested = (levels: number): object => (levels === 1 ? {} : { items: nested(levels - 1) })

  it('10,000 plugins where nobody says otherwise', () => {
    const read = (count: number) =>
      parseManifest({ plugins: Array.from({ length: count }, (_, at) => ({ ...entry, key: `plugin-${at}` })) })
    expect(read(10_000)).toMatchObject({ entries: { length: 10_000 }, problems: [] })
    const { entries, problems } = read(10_001)
    expect(entries).toHaveLength(10_000)
    expect(problems).toMatchObject([{ message: 'there are 10,001 plugins, and what comes after 10,000 is left out' }])
  })

  it('200 categories', () => {
    const read = (count: number) => {
      const categories = Array.from({ length: count }, (_, at) => ({ id: `own-${at}`, name: `Own ${at}` }))
      return parseManifest({ plugins: [], categories })
    }
    const builtIn = read(0).categories.length
    expect(read(200)).toMatchObject({ categories: { length: 200 + builtIn }, problems: [] })
    expect(read(201)).toMatchObject({
      categories: { length: 200 + builtIn },
      problems: [{ path: 'categories', message: 'there are 201 categories, and what comes after 200 is left out' }],
    })
  })

  it('50,000 values of an entry', () => {
    // Each field of the entry is a name and a value.
    const own = Object.keys({ ...entry, more: [] }).length * 2
    expect(messagesOf({ more: Array(50_000 - own).fill(1) })).toEqual([])
    expect(messagesOf({ more: Array(50_001 - own).fill(1) })).toEqual(['has more than 50,000 values'])
  })

  it('64 levels of an entry', () => {
    expect(messagesOf({ more: nested(64 - 1) })).toEqual([])
    expect(messagesOf({ more: nested(64) })).toEqual(['is nested deeper than 64 levels'])
  })

  it('100,000 characters of a text', () => {
    expect(messagesOf({ more: 'x'.repeat(100_000) })).toEqual([])
    expect(messagesOf({ more: 'x'.repeat(100_001) })).toEqual(['contains a text of more than 100,000 characters'])
  })

  it('100,000 characters of a JSON Schema', () => {
    const schema = (characters: number) => {
      const configuration = { title: '', description: 'x'.repeat(60_000) }
      const title = 'x'.repeat(characters - JSON.stringify(configuration).length)
      return { contributes: { configuration: { ...configuration, title } } }
    }
    expect(messagesOf(schema(100_000))).toEqual([])
    expect(messagesOf(schema(100_001))).toEqual(['is larger than 100,000 characters'])
  })

  it('32 levels of a JSON Schema', () => {
    expect(messagesOf({ contributes: { configuration: nested(32) } })).toEqual([])
    expect(messagesOf({ contributes: { configuration: nested(33) } })).toEqual(['is nested deeper than 32 levels'])
  })

  it('1,000 problems', () => {
    const problemsOf = (count: number) => parseManifest({ plugins: [entry, ...Array(count).fill(entry)] }).problems
    expect(problemsOf(1_000)).toHaveLength(1_000)
    const note = { severity: 'error', index: 1_001, path: '', message: 'there are more problems than these 1,000' }
    for (const count of [1_001, 1_500]) expect(problemsOf(count)).toEqual([...problemsOf(1_000), note])
  })
})

it.each(['99999999999999999999.0.0', '1.0.0-01', '1.0.0-a.007', '1.0.9007199254740992'])(
  'does not take %s for a version: what compares versions throws at it',
  (version) => {
    expect(parseOne({ version }).problems[0]?.path).toBe('version')
  },
)

it.each(['999999999999999.0.1', '1.0.0-0', '1.0.0-rc.10+build.01', '1.0.0-0a.-', '1.0.0--'])('takes %s', (version) => {
  expect(parseOne({ version }).entries[0]?.version).toBe(version)
})

describe('a manifest', () => {
  it('defaults what older manifests leave out', () => {
    expect(parseOne({}).entries[0]).toMatchObject({ tags: [], features: [], dependencies: {}, versions: [] })
  })

  it('keeps fields that it does not know', () => {
    expect(parseOne({ installGuide: { steps: [1] } }).entries[0]).toMatchObject({ installGuide: { steps: [1] } })
  })

  it('orders the features by displayOrder (S8)', () => {
    const features = [
      { name: 'second', description: '', displayOrder: 2 },
      { name: 'first', description: '', displayOrder: 1 },
    ]
    expect(parseOne({ features }).entries[0]?.features.map(({ name }) => name)).toEqual(['first', 'second'])
  })

  it('reads installationType npm as standard, with a warning (C4)', () => {
    const manifest = parseOne({ installationType: 'npm' })
    expect(manifest.entries[0]?.installationType).toBe('standard')
    expect(manifest.problems).toMatchObject([{ severity: 'warning', path: 'installationType' }])
  })

  it('accepts a category that it declares itself, and no other (C5)', () => {
    expect(parseOne({ category: 'compliance' }).problems).toMatchObject([{ severity: 'error', path: 'category' }])
    const manifest = parseManifest({
      plugins: [{ ...entry, category: 'compliance' }],
      categories: [{ id: 'compliance', name: 'Compliance' }],
    })
    expect(manifest.entries).toHaveLength(1)
    expect(manifest.categories).toHaveLength(8)
  })

  it('leaves out a bad entry, says why, and keeps the others', () => {
    const manifest = parseManifest({ plugins: [null, { ...entry, version: 'latest' }, 7, { ...entry, key: 'slack' }] })
    expect(manifest.entries.map(({ key }) => key)).toEqual(['slack'])
    expect(manifest.problems.map(({ index, path }) => [index, path])).toEqual([
      [0, ''],
      [1, 'version'],
      [2, ''],
    ])
    expect(manifest.problems[1]).toMatchObject({ key: 'mlflow', severity: 'error' })
  })

  it('takes the first of two entries with one key', () => {
    const manifest = parseManifest({ plugins: [entry, { ...entry, version: '2.0.0' }] })
    expect(manifest.entries.map(({ version }) => version)).toEqual(['1.0.0'])
    expect(manifest.problems).toMatchObject([{ index: 1, path: 'key' }])
  })

  it('says what is wrong with a document that is not a manifest', () => {
    const attempts: [unknown, string][] = [
      ['<html>', 'MANIFEST_NOT_JSON'],
      ['[]', 'MANIFEST_INVALID'],
      ['{"plugins": {}}', 'MANIFEST_INVALID'],
      ['null', 'MANIFEST_INVALID'],
    ]
    for (const [source, code] of attempts) {
      expect(() => parseManifest(source)).toThrow(expect.objectContaining({ code }) as Error)
      expect(() => parseManifest(source)).toThrow(expect.toSatisfy((error: unknown) => isTenonError(error)) as Error)
    }
  })

  it('can be read entry by entry', () => {
    const reader = openManifest({ plugins: [entry, { ...entry, key: 'slack' }] })
    expect(reader.readNext()).toBe(true)
    expect(reader.manifest.entries).toHaveLength(1)
    expect(reader.readNext()).toBe(false)
    expect(reader.manifest.entries).toHaveLength(2)
  })

  it('reads the permissions and contributions of the plugin contract', () => {
    const manifest = parseOne({
      artifact: { path: 'artifacts/mlflow-1.2.0.tgz', sha256: 'a'.repeat(64), size: 48211 },
      engines: { tenon: '^1.0.0' },
      versions: [{ version: '0.9.0', artifact: { path: 'a.tgz', sha256: 'b'.repeat(64), size: 1 } }],
      permissions: {
        database: { tenantSchema: true, tables: { risks: ['insert'], 'public.users': ['select'] } },
        network: { hosts: ['slack.com', '*.example.com:8443'], fromConfiguration: ['tracking_server_url'] },
        environment: ['SLACK_CLIENT_ID'],
        events: ['risk.*'],
        schedule: true,
      },
      contributes: {
        actions: [{ id: 'sync', title: 'Sync models', route: 'POST /sync', progress: true, schedule: '0 * * * *' }],
        views: [{ id: 'models', slot: 'models.tabs', title: 'MLflow', kind: 'table', route: 'GET /models/:modelId' }],
        connections: [
          {
            id: 'workspace',
            kind: 'oauth2',
            provider: 'slack',
            response: { account: { id: '/team/id', name: '/team/name' }, secrets: { webhook_url: '/incoming/url' } },
            onConnect: 'onConnect',
          },
        ],
      },
    })
    expect(manifest.problems).toEqual([])
    expect(manifest.entries[0]?.contributes?.connections[0]).toMatchObject({ multiple: false, scopes: [] })
  })
})

const chart = { title: 'Metrics', route: 'GET /models/:id/versions', x: 'version' }
const lines = [{ key: 'auc', title: 'AUC' }]
const viewWith = (rest: object) => ({
  views: [{ id: 'models', slot: 'models.tabs', title: 'Models', route: 'GET /models', ...rest }],
})

describe('the charts of a view', () => {
  it('are lines of named fields, or a chart for each name of a number', () => {
    const charts = [
      { ...chart, series: lines },
      { ...chart, points: '/versions', valuesFrom: 'metrics' },
    ]
    const manifest = parseOne({ contributes: viewWith({ detail: { charts } }) })
    expect(manifest.problems).toEqual([])
    expect(manifest.entries[0]?.contributes?.views[0]?.detail?.charts).toMatchObject([
      { series: lines },
      { series: [], valuesFrom: 'metrics' },
    ])
  })

  it('are at most eight, with at most six lines', () => {
    const parse = (charts: object[]) => parseOne({ contributes: viewWith({ detail: { charts } }) }).entries.length
    const of = (count: number) => Array.from({ length: count }, () => ({ ...chart, series: lines }))
    expect([parse(of(8)), parse(of(9))]).toEqual([1, 0])
    const withLines = (count: number) => [{ ...chart, series: Array.from({ length: count }, () => lines[0]) }]
    expect([parse(withLines(6)), parse(withLines(7))]).toEqual([1, 0])
  })
})

describe('the releases of a plugin', () => {
  const release = { version: '1.1.0', date: '2026-05-03', notes: ['Finds more'] }
  const parse = (releases: unknown) => parseOne({ releases }).entries[0]?.releases

  it('have a version, and may have a day and notes', () => {
    expect(parse([release, { version: '1.0.0' }])).toEqual([release, { version: '1.0.0', notes: [] }])
  })

  it('have at most fifty notes of at most 500 characters', () => {
    const withNotes = (count: number, length = 1) => [
      { ...release, notes: Array.from({ length: count }, () => 'a'.repeat(length)) },
    ]
    expect(parse(withNotes(50, 500))).toHaveLength(1)
    expect(parse(withNotes(51))).toBeUndefined()
    expect(parse(withNotes(1, 501))).toBeUndefined()
    expect(parse(Array.from({ length: 201 }, () => release))).toBeUndefined()
  })

  it.each([{ version: 'new' }, { ...release, date: 'yesterday' }, { ...release, notes: '<b>all</b>' }])(
    'leave the entry out when they are wrong: %j',
    (wrong) => expect(parse([wrong])).toBeUndefined(),
  )
})

describe('the groups of a view', () => {
  const columns = [{ key: 'stage', title: 'Stage' }]

  it('are by columns that the view has', () => {
    const parse = (by: string[]) =>
      parseOne({ contributes: viewWith({ columns, groups: { route: 'GET /groups', by } }) })
    expect(parse(['stage']).entries).toHaveLength(1)
    expect(parse(['stage', 'other']).problems).toMatchObject([
      { path: 'contributes.views.0.groups.by', message: 'must name columns of the view' },
    ])
    expect(parse([]).entries).toEqual([])
  })
})

it('has figures of the types that columns have', () => {
  const figures = [
    { title: 'Models', value: '/models' },
    { title: 'Last synced', value: '/at', type: 'date' },
  ]
  expect(parseOne({ contributes: viewWith({ figures }) }).entries[0]?.contributes?.views[0]?.figures).toEqual(figures)
})

describe('a hostile manifest', () => {
  const cases: [field: string, value: unknown][] = [
    ['key', '../../escaped'],
    ['key', 'marketplace'],
    ['key', 'openapi.json'],
    ['key', 'MLflow'],
    ['key', 'a--b'],
    ['key', 'a'.repeat(101)],
    ['key', '__proto__'],
    ['pluginPath', '../plugins/x'],
    ['pluginPath', '/etc'],
    ['pluginPath', 'plugins\\x'],
    ['pluginPath', 'plugins/%2e%2e/x'],
    ['pluginPath', 'plugins//x'],
    ['pluginPath', 'https://example.com/x'],
    ['entryPoint', '../../index.ts'],
    ['entryPoint', 'index.sh'],
    ['entryPoint', 'index.ts?x=.ts'],
    ['entryPoint', '.hidden.ts'],
    ['artifact', { path: '../x.tgz', sha256: 'a'.repeat(64), size: 1 }],
    ['artifact', { path: 'x.tgz', sha256: 'A'.repeat(64), size: 1 }],
    ['artifact', { path: 'x.tgz', sha256: 'a'.repeat(64), size: -1 }],
    ['iconUrl', 'javascript:alert(1)'],
    ['iconUrl', '//example.com/icon.svg'],
    ['documentationUrl', 'javascript:alert(1)'],
    ['supportUrl', 'file:///etc/passwd'],
    ['repository', 'data:text/html,x'],
    ['version', '1.0.0/../..'],
    ['permissions', { network: { hosts: ['169.254.169.254'] } }],
    ['permissions', { network: { hosts: ['*'] } }],
    ['permissions', { network: { hosts: ['*.com'] } }],
    ['permissions', { network: { hosts: ['a.example.com/path'] } }],
    ['permissions', { database: { tables: { 'pg_catalog.pg_authid': ['select'] } } }],
    ['permissions', { database: { tables: { 'risks"; drop table x': ['select'] } } }],
    ['permissions', { database: { tables: { risks: ['truncate'] } } }],
    ['permissions', { environment: ['lower'] }],
    ['permissions', { events: ['*'] }],
    ['contributes', { actions: [{ id: 'x', title: 'x', route: 'GET /../x' }] }],
    ['contributes', { configuration: { $ref: 'http://example.com/schema.json' } }],
    ['contributes', { configuration: { properties: { a: { allOf: [{ $ref: 'file:///etc/passwd' }] } } } }],
    ['contributes', { connections: [{ id: 'w', kind: 'basic', provider: 'x' }] }],
    ['contributes', { events: [{ name: 'risk.imported', handler: 'a.b' }] }],
    ['contributes', viewWith({ detail: { charts: [chart] } })],
    ['contributes', viewWith({ detail: { charts: [{ ...chart, series: lines, valuesFrom: 'metrics' }] } })],
    ['contributes', viewWith({ detail: { charts: [{ ...chart, series: lines, route: 'POST /models' }] } })],
    ['contributes', viewWith({ detail: { charts: [{ ...chart, series: lines, points: 'versions' }] } })],
    ['contributes', viewWith({ groups: { route: 'POST /groups', by: ['stage'] } })],
    ['features', 'none'],
    ['dependencies', { x: { y: 1 } }],
  ]

  it.each(cases)('is refused for %s = %j', (field, value) => {
    const manifest = parseOne({ [field]: value })
    expect(manifest.entries).toEqual([])
    expect(manifest.problems[0]?.path.split('.')[0]).toBe(field)
  })

  it.each(['\u0000', '\ud800', 'half \udfff of one'])('is refused for text that cannot be stored: %j', (text) => {
    expect(parseOne({ anything: { [text]: 1 } }).entries).toEqual([])
    expect(parseOne({ description: text }).entries).toEqual([])
    expect(parseOne({ description: '😀' }).entries).toHaveLength(1)
  })

  it('is refused for a schema that is nested 100 000 levels deep', () => {
    const configuration: Record<string, unknown> = {}
    let level = configuration
    for (let depth = 0; depth < 100_000; depth += 1) level = level.items = {}
    expect(parseOne({ contributes: { configuration } }).entries).toEqual([])
  })
})

it('knows which hosts are names', () => {
  const valid = ['slack.com', 'a-b.example.co', '*.example.com', 'example.com:8443', 'xn--bcher-kva.example']
  const invalid = [
    '1.2.3.4',
    '[::1]',
    'localhost',
    'Slack.com',
    'a..b',
    'example.com:0',
    'example.com:70000',
    'a.*.com',
  ]
  expect(valid.filter((host) => !hostPatternSchema.safeParse(host).success)).toEqual([])
  expect(invalid.filter((host) => hostPatternSchema.safeParse(host).success)).toEqual([])
})
