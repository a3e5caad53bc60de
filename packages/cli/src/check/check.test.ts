import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkPlugins } from '../check.js'
import { runCommandLine } from '../command-line.js'
import { createPlugin, pluginKinds } from '../create.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tenon-check-'))
})
afterEach(() => rm(folder, { recursive: true }))

async function tenon(...args: string[]) {
  const written = { out: '', error: '' }
  const exitCode = await runCommandLine(args, {
    out: (text) => (written.out += text),
    error: (text) => (written.error += text),
  })
  return { exitCode, ...written }
}

/** What is said of a plugin, point by point, without the points of which nothing is. */
async function findings(place = folder): Promise<Record<string, string[]>> {
  const [plugin] = await checkPlugins(place)
  const said = plugin?.points.map(({ title, findings: all }) => [
    title,
    all.map(({ severity, file, line, message }) => `${severity} ${file.split('/').at(-1)}:${line} ${message}`),
  ])
  return Object.fromEntries((said ?? []).filter(([, all]) => (all as string[]).length > 0)) as Record<string, string[]>
}

async function change(file: string, edit: (text: string) => string): Promise<void> {
  const path = join(folder, file)
  await writeFile(path, edit(await readFile(path, 'utf8')))
}
const changeEntry = (edit: (entry: Record<string, unknown>) => void): Promise<void> =>
  change('plugins.json', (text) => {
    const manifest = JSON.parse(text) as { plugins: Record<string, unknown>[] }
    for (const entry of manifest.plugins) edit(entry)
    return JSON.stringify(manifest, undefined, 2)
  })

describe('tenon create', () => {
  it.each(pluginKinds)('makes a %s plugin, in a marketplace of its own, of which nothing is to do', async (kind) => {
    const { exitCode, out } = await tenon('create', kind, 'asset-watch', '--marketplace', folder)
    expect(exitCode, out).toBe(0)
    expect(out).toContain('tenon check ')
    expect(await findings()).toEqual({})
    const code = await readFile(join(folder, 'plugins', 'asset-watch', 'index.ts'), 'utf8')
    expect(code).toContain("name: 'Asset Watch'")
    expect(code).not.toMatch(/my.plugin/i)
    expect((await tenon('check', folder)).exitCode).toBe(0)
  })

  it('adds to a marketplace that is there', async () => {
    await createPlugin({ kind: 'import', key: 'one', marketplaceDir: folder })
    await createPlugin({ kind: 'data-sync', key: 'two', marketplaceDir: folder })
    expect((await checkPlugins(folder)).map(({ key }) => key)).toEqual(['one', 'two'])
  })

  it('adds to the marketplace that it is called in, from any of its folders', async () => {
    await createPlugin({ kind: 'import', key: 'one', marketplaceDir: folder })
    const home = process.cwd()
    process.chdir(join(folder, 'plugins', 'one'))
    try {
      const { exitCode, out } = await tenon('create', 'import', 'two')
      expect([exitCode, out]).toEqual([0, expect.stringContaining(`Created ${join('..', 'two')}, and its entry in `)])
    } finally {
      process.chdir(home)
    }
    expect((await checkPlugins(folder)).map(({ key }) => key)).toEqual(['one', 'two'])
  })

  it.each([
    ['Not A Key', 'cannot be the key of a plugin'],
    ['../escape', 'cannot be the key of a plugin'],
    ['taken', 'is there already'],
  ])('refuses the key %s', async (key, reason) => {
    await createPlugin({ kind: 'import', key: 'taken', marketplaceDir: folder })
    const { exitCode, error } = await tenon('create', 'import', key, '-m', folder)
    expect([exitCode, error]).toEqual([1, expect.stringContaining(reason)])
  })

  it('names the kinds that there are', async () => {
    expect((await tenon('create', 'magic', 'x', '-m', folder)).exitCode).toBe(2)
  })
})

describe('tenon check', () => {
  beforeEach(() => createPlugin({ kind: 'data-sync', key: 'asset-watch', marketplaceDir: folder }))

  it('says of each of the twelve points what is wrong, where, and what to do', async () => {
    const plugin = 'plugins/asset-watch'
    await rm(join(folder, plugin, 'README.md'))
    await rm(join(folder, plugin, 'index.test.ts'))
    await change(`${plugin}/package.json`, (text) =>
      text.replace('"license": "MIT",', '').replace('{}', '{ "a": "^1.0.0" }'),
    )
    await change(`${plugin}/records.ts`, (text) => text.replace('DROP TABLE', 'TRUNCATE').replace(' IF NOT EXISTS', ''))
    await change(`${plugin}/index.ts`, (text) =>
      text
        .replace('export function validateConfig', 'function validateConfig')
        .replace('export async function testConnection', 'async function testConnection')
        .replace("version: '1.0.0'", "version: '9.0.0'")
        .replace("'POST /sync'", "'POST /synchronize'"),
    )
    await changeEntry((entry) => {
      delete entry['supportUrl']
      entry['contributes'] = {
        ...(entry['contributes'] as object),
        configuration: { type: 'object', properties: { api_token: { type: 'string' } } },
      }
    })
    const said = await findings()
    expect(Object.keys(said)).toHaveLength(11)
    expect(said).toMatchObject({
      'package.json with correct dependencies': [
        expect.stringContaining('error package.json:1 has no "license"'),
        expect.stringMatching(/^warning package.json:\d+ asks for a \^1.0.0. Name an exact version/),
        expect.stringMatching(/^error plugins.json:\d+ has other dependencies than package.json/),
      ],
      'index.ts with all required exports': [
        expect.stringMatching(/^error index.ts:\d+ metadata.version is "9.0.0", plugins.json says "1.0.0"/),
        expect.stringContaining('error index.ts:1 has no route "POST /sync", which plugins.json names'),
      ],
      'install() creates tables (if tenant_scoped)': [expect.stringMatching(/^warning records.ts:\d+ .*IF NOT EXISTS/)],
      'uninstall() drops tables and cleans up': [
        expect.stringMatching(/^error records.ts:\d+ creates a table that nothing drops/),
      ],
      'validateConfig() validates all required fields': [expect.stringContaining('does not export validateConfig')],
      'testConnection() tests the external service (if there is one)': [expect.stringContaining('testConnection')],
      'plugins.json entry with all fields': [
        expect.stringMatching(/^error plugins.json:\d+ "asset-watch" has no supportUrl/),
      ],
      'README.md with documentation': [expect.stringContaining('error README.md:1 is missing')],
      'configuration fields (if requiresConfiguration)': [
        expect.stringContaining('api_token has no title'),
        expect.stringContaining('"writeOnly": true'),
      ],
      'install and uninstall are tested': [expect.stringContaining('warning index.test.ts:1')],
      'main functionality is tested': [expect.stringContaining('warning index.test.ts:1')],
    })
    const { exitCode, out } = await tenon('check', join(folder, plugin))
    expect(exitCode).toBe(1)
    expect(out).toContain('✗ uninstall() drops tables and cleans up')
    expect(out).toMatch(/README\.md:1 {2}error {2}is missing/)
  })

  it('names file and line of what cannot be read', async () => {
    await change('plugins/asset-watch/service.ts', (text) => `${text}\nconst = 1\n`)
    const said = await findings()
    expect(said['index.ts with all required exports']).toEqual([expect.stringMatching(/^error service.ts:\d\d+ /)])
  })

  it('looks for the code and the routes of a UI, and says that it must be packed', async () => {
    await changeEntry((entry) => {
      const ui = { entry: 'ui/nowhere.ts', pages: [{ id: 'main', title: 'Main' }], routes: ['GET /nowhere'] }
      entry['contributes'] = { ...(entry['contributes'] as object), ui }
    })
    expect(await findings()).toEqual({
      'index.ts with all required exports': [
        expect.stringContaining('has no route "GET /nowhere", which plugins.json names'),
      ],
      'plugins.json entry with all fields': [
        expect.stringMatching(/^warning plugins.json:\d+ brings a UI, and only packed plugins may/),
        expect.stringMatching(/^error plugins.json:\d+ names ui\/nowhere.ts, which is not there/),
      ],
    })
  })

  it('looks into what definePlugin is given, too', async () => {
    const definition = (handler: string, job: string) => `
      import { definePlugin } from '@tenon/sdk'
      export default definePlugin({
        metadata: { name: 'Asset Watch', version: '1.0.0', author: 'You', description: 'Says in one line what Asset Watch does' },
        install: async () => ({ success: true }),
        uninstall: async () => ({ success: true }),
        events: { async ${handler}() {} },
        jobs: { '${job}': async () => ({ success: true }) },
        router: { 'GET /records': async () => ({ data: {} }) },
      })`
    await change('plugins/asset-watch/index.ts', () => definition('onRisk', 'sync'))
    await changeEntry((entry) => {
      Object.assign(entry.permissions as object, { events: ['risk.*'] })
      Object.assign(entry.contributes as object, { events: [{ name: 'risk.*', handler: 'onRisk' }] })
    })
    const exported = 'index.ts with all required exports'
    expect((await findings())[exported]).toBeUndefined()
    await changeEntry((entry) =>
      Object.assign(entry.contributes as object, {
        ui: { entry: 'ui.ts', pages: [{ id: 'all', title: 'All' }], routes: ['GET /nowhere'] },
      }),
    )
    expect((await findings())[exported]).toEqual([expect.stringContaining('has no route "GET /nowhere"')])
    await changeEntry((entry) => Reflect.deleteProperty(entry.contributes as object, 'ui'))
    await change('plugins/asset-watch/index.ts', () => definition('onOther', 'other').replace('one line', 'two lines'))
    expect((await findings())[exported]).toEqual([
      expect.stringContaining('metadata.description is "Says in two lines what Asset Watch does"'),
      expect.stringContaining(
        'has no route "POST /sync", which plugins.json names. Add it to router, or "sync" to the jobs of definePlugin.',
      ),
      expect.stringContaining('does not export onRisk, which plugins.json names.'),
    ])
  })

  it('looks for the routes that the charts and groups of a view name', async () => {
    await changeEntry((entry) => {
      const contributes = entry['contributes'] as { views: object[] }
      const charts = [{ title: 'Over time', route: 'GET /assets/:id/nowhere', x: 'day', valuesFrom: 'figures' }]
      const columns = [{ key: 'kind', title: 'Kind' }]
      const groups = { route: 'GET /assets/in-groups', by: ['kind'] }
      contributes.views = contributes.views.map((view) => ({ ...view, columns, groups, detail: { charts } }))
    })
    expect(await findings()).toEqual({
      'index.ts with all required exports': [
        expect.stringContaining('has no route "GET /assets/:id/nowhere", which plugins.json names'),
        expect.stringContaining('has no route "GET /assets/in-groups", which plugins.json names'),
      ],
    })
  })

  it('names field and line of what is wrong in the entry', async () => {
    await changeEntry((entry) => {
      entry['version'] = 'new'
      entry['iconUrl'] = 'nowhere.svg'
    })
    const lines = (await readFile(join(folder, 'plugins.json'), 'utf8')).split('\n')
    const line = lines.findIndex((one) => one.includes('"version": "new"')) + 1
    expect((await findings())['plugins.json entry with all fields']).toEqual([
      expect.stringContaining(`error plugins.json:${line} version must be a version`),
    ])
  })

  it('says that a plugin imports what it does not depend on, and that it has no entry', async () => {
    await change('plugins/asset-watch/index.ts', (text) => `import 'left-pad'\nimport 'node:zlib'\n${text}`)
    await changeEntry((entry) => ((entry['key'] = 'other'), (entry['pluginPath'] = 'plugins/other')))
    const said = await findings(join(folder, 'plugins', 'asset-watch'))
    expect(said['package.json with correct dependencies']?.[0]).toContain(
      'does not name left-pad, which the plugin imports',
    )
    expect(said['plugins.json entry with all fields']?.[0]).toContain('has no entry for "asset-watch"')
  })

  it('takes plugins of the first generation in JavaScript', async () => {
    await change(
      'plugins/asset-watch/index.ts',
      () =>
        'module.exports = { install, uninstall, metadata }\nfunction install() {}\nfunction uninstall() {}\nconst metadata = {}\n',
    )
    const said = await findings()
    const exported = (said['index.ts with all required exports'] ?? []).join()
    expect(exported).not.toContain('does not export install')
  })

  it('says of a field that means nothing that it is not read, wherever it stands', async () => {
    await changeEntry((entry) => {
      const { permissions, contributes } = entry as { permissions: object; contributes: { views: object[] } }
      Object.assign(entry, { licence: 'MIT' })
      Object.assign(permissions, { databse: {} })
      Object.assign(contributes.views[0] ?? {}, { colums: [] })
    })
    const said = (await findings())['plugins.json entry with all fields'] ?? []
    const lines = (await readFile(join(folder, 'plugins.json'), 'utf8')).split('\n')
    const lineOf = (field: string): number => lines.findIndex((line) => line.includes(`"${field}"`)) + 1
    const notRead = 'is no field of an entry, so nothing reads it. Look for a spelling mistake.'
    expect(said).toEqual([
      `warning plugins.json:${lineOf('databse')} permissions.databse ${notRead}`,
      `warning plugins.json:${lineOf('colums')} contributes.views.0.colums ${notRead}`,
      `warning plugins.json:${lineOf('licence')} licence ${notRead}`,
    ])
  })

  it('sees a request to a host that the entry does not name', async () => {
    await changeEntry((entry) => {
      const { permissions } = entry as { permissions: { network: object } }
      permissions.network = { hosts: ['api.example.com', '*.example.net:8443'] }
    })
    await change('plugins/asset-watch/records.ts', (text) =>
      [
        text,
        "export const one = () => fetch('https://api.example.com/x')",
        "export const two = () => fetch('https://eu.example.net:8443/x')",
        'export const three = () => fetch(`https://api.example.org/${one.name}`)',
        '// see https://docs.example.org',
      ].join('\n'),
    )
    const { length } = (await readFile(join(folder, 'plugins/asset-watch/records.ts'), 'utf8')).split('\n')
    expect((await findings())['plugins.json entry with all fields']).toEqual([
      `error records.ts:${length - 1} calls api.example.org, which permissions.network.hosts does not name, so it is refused. Add it.`,
    ])
  })

  it('says that the entry point is missing, and what names it', async () => {
    await rm(join(folder, 'plugins/asset-watch/index.ts'))
    expect((await findings())['index.ts with all required exports']).toEqual([
      'error index.ts:1 is missing. Write it, or name another file as "entryPoint" in plugins.json.',
    ])
  })

  it('names the line on which plugins.json is not JSON', async () => {
    await change('plugins.json', (text) => text.replace('"key": "asset-watch",', '"key": "asset-watch"'))
    const lines = (await readFile(join(folder, 'plugins.json'), 'utf8')).split('\n')
    const line = lines.findIndex((one) => one.includes('"asset-watch"')) + 2
    const { exitCode, error } = await tenon('check', folder)
    expect([exitCode, error]).toEqual([
      1,
      expect.stringMatching(new RegExp(`plugins\\.json:${line} is not JSON: Expected ','`)),
    ])
  })

  it('wants a folder, and says so of a file', async () => {
    const { exitCode, error } = await tenon('check', join(folder, 'plugins/asset-watch/index.ts'))
    expect([exitCode, error]).toEqual([1, expect.stringMatching(/^tenon: .*index\.ts is not a folder\.\n$/)])
  })

  it('says that there is nothing to check', async () => {
    const { exitCode, error } = await tenon('check', join(tmpdir(), 'no-such-folder'))
    expect([exitCode, error]).toEqual([1, expect.stringContaining('There is no plugins.json')])
  })
})

describe('the folder that tenon check is given', () => {
  beforeEach(async () => {
    for (const key of ['one', 'two']) await createPlugin({ kind: 'data-sync', key, marketplaceDir: folder })
  })

  const checked = async (place: string): Promise<string[]> => (await checkPlugins(place)).map(({ key }) => key)

  it.each([
    ['the root of a marketplace', '.', ['one', 'two']],
    ['the folder that its plugins are in', 'plugins', ['one', 'two']],
    ['a plugin', 'plugins/two', ['two']],
    ['a folder within a plugin', 'plugins/two/ui/src', ['two']],
  ])('is %s', async (_what, place, keys) => {
    await mkdir(join(folder, 'plugins/two/ui/src'), { recursive: true })
    expect(await checked(join(folder, place))).toEqual(keys)
  })

  it.each([
    ['plugins/two', ['two']],
    ['plugins', ['one', 'two']],
    ['.', ['one', 'two']],
  ])('is that from which it is called when none is named, here %s', async (place, keys) => {
    const home = process.cwd()
    process.chdir(join(folder, place))
    try {
      const { exitCode, out } = await tenon('check', '--json')
      expect([exitCode, (JSON.parse(out) as { key: string }[]).map(({ key }) => key)]).toEqual([0, keys])
    } finally {
      process.chdir(home)
    }
  })

  it('fails as a whole when one of its plugins does, and shows all of them', async () => {
    await rm(join(folder, 'plugins/one/README.md'))
    const { exitCode, out } = await tenon('check', join(folder, 'plugins'))
    expect([exitCode, out]).toEqual([1, expect.stringContaining('one: 1 to correct, 0 to look at')])
    expect(out).toContain('two: nothing to do')
  })

  it('holds plugins that plugins.json does not name, and things that are no plugins', async () => {
    await createPlugin({ kind: 'import', key: 'three', marketplaceDir: folder })
    await change('plugins.json', (text) => {
      const manifest = JSON.parse(text) as { plugins: { key: string }[] }
      return JSON.stringify({ ...manifest, plugins: manifest.plugins.filter(({ key }) => key !== 'three') })
    })
    await mkdir(join(folder, 'plugins/pictures'))
    await mkdir(join(folder, 'plugins/node_modules/left-pad'), { recursive: true })
    await writeFile(join(folder, 'plugins/README.md'), '# Plugins')
    const { exitCode, out } = await tenon('check', join(folder, 'plugins'))
    expect([exitCode, out]).toEqual([1, expect.stringContaining('has no entry for "three"')])
    expect(await checked(join(folder, 'plugins'))).toEqual(['one', 'two', 'three'])
  })

  it('may be of a plugin whose path is written in another way', async () => {
    await changeEntry((entry) => (entry['pluginPath'] = `./plugins/${String(entry['key'])}/`))
    expect(await checked(join(folder, 'plugins'))).toEqual(['one', 'two'])
    expect(await checked(join(folder, 'plugins/one'))).toEqual(['one'])
  })

  it('shows the other plugins when the folder of one is missing', async () => {
    await rm(join(folder, 'plugins/one'), { recursive: true })
    const { exitCode, out } = await tenon('check', folder)
    expect([exitCode, out]).toEqual([1, expect.stringMatching(/plugins\/one\/index\.ts:1 {2}error {2}is missing/)])
    expect(out).toContain('two: nothing to do')
  })

  it.each([
    ['plugins/nowhere', 'There is no folder '],
    ['docs', 'There is no plugin in '],
  ])('gets a sentence that says what to do when it is %s', async (place, sentence) => {
    await mkdir(join(folder, 'docs'))
    const { exitCode, out, error } = await tenon('check', join(folder, place))
    expect([exitCode, out, error]).toEqual([1, '', expect.stringContaining(sentence)])
    expect(error).toContain('Name the folder of a plugin, of several, or of plugins.json.')
  })
})

describe('the plugins that come with Tenon', () => {
  it('have nothing to correct', async () => {
    const plugins = await checkPlugins(join(import.meta.dirname, '../../../../marketplace'))
    expect(plugins.map(({ key }) => key)).toEqual(['slack', 'mlflow', 'risk-import'])
    const said = plugins.flatMap(({ points }) => points.flatMap(({ findings: all }) => all))
    expect(said.filter(({ message, severity }) => severity === 'error' || message.includes('nothing reads'))).toEqual(
      [],
    )
  })
})
