import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { admit, parseManifest } from '@tenon/contract'
import type { CatalogEntry } from '@tenon/contract'
import { build } from 'esbuild'
import { describe, expect, it } from 'vitest'
import * as mlflow from './mlflow/index'
import * as riskImport from './risk-import/index'
import * as slack from './slack/index'
import { knownEvents } from './slack/events'

const directory = join(import.meta.dirname, '..')
const text = (path: string): string => readFileSync(join(directory, path), 'utf8')
const manifest = parseManifest(text('plugins.json'))
const entryOf = (key: string): CatalogEntry => {
  const entry = manifest.entries.find((one) => one.key === key)
  if (!entry) throw new Error(`There is no entry ${key}`)
  return entry
}
const plugins: Record<string, Record<string, unknown>> = { slack, mlflow, 'risk-import': riskImport }

describe('the manifest', () => {
  it('has nothing that a host would complain about', () => {
    expect(manifest.problems).toEqual([])
    expect(manifest.entries.map(({ key }) => key)).toEqual(['slack', 'mlflow', 'risk-import'])
    expect(manifest.categories).toHaveLength(7)
  })

  it('has all twenty fields for each plugin', () => {
    const { plugins: entries } = JSON.parse(text('plugins.json')) as { plugins: object[] }
    const fields = `key name displayName description longDescription version author category iconUrl documentationUrl
      supportUrl isOfficial isPublished requiresConfiguration installationType features tags pluginPath entryPoint
      dependencies`.split(/\s+/)
    for (const entry of entries) expect(Object.keys(entry)).toEqual(expect.arrayContaining(fields))
  })

  it('says the same of each version as the changelog', () => {
    for (const { key, version, releases = [] } of manifest.entries) {
      const told = releases.map((one) => `## ${one.version}\n\n${one.notes.map((note) => `- ${note}\n`).join('')}`)
      expect(text(`plugins/${key}/CHANGELOG.md`)).toBe(`# Changelog\n\n${told.join('\n')}`)
      expect(releases[0]?.version).toBe(version)
    }
  })

  it('asks for no more than an application of this kind gives', () => {
    const grant = { clientId: 'x', clientSecret: 'y', authorizeUrl: '', tokenUrl: '', audience: [] }
    const ceiling = {
      tables: { risks: ['select', 'insert'], 'public.users': ['select'] },
      connections: { slack: grant },
    } as const
    for (const entry of manifest.entries) expect(admit(entry, ceiling)).toEqual({ installable: true, refusals: [] })
  })
})

describe.each(Object.keys(plugins))('%s', (key) => {
  const plugin = plugins[key] ?? {}
  const { metadata, router = {} } = plugin as { metadata: object; router?: Record<string, unknown> }

  it('says the same of itself in the manifest, in its package and in its code', () => {
    const { name, version, author, description, dependencies } = entryOf(key)
    expect(metadata).toEqual({ name, version, author, description })
    expect(JSON.parse(text(`plugins/${key}/package.json`))).toMatchObject({
      version,
      author,
      description,
      dependencies,
    })
    expect(text(`plugins/${key}/CHANGELOG.md`)).toContain(`## ${version}`)
  })

  it('has what every plugin has', () => {
    for (const name of ['install', 'uninstall', 'configure', 'validateConfig'])
      expect(plugin[name]).toBeTypeOf('function')
    for (const file of ['README.md', 'icon.svg', 'index.test.ts']) {
      expect(existsSync(join(directory, 'plugins', key, file))).toBe(true)
    }
  })

  it('has every route and every function that the manifest names', () => {
    const { actions = [], views = [], importers = [], connections = [], events = [] } = entryOf(key).contributes ?? {}
    const named = [...actions, ...views, ...importers].flatMap((one) => Object.values(one as object) as unknown[])
    const routes = named.filter((value) => /^(GET|POST|PUT|PATCH|DELETE) /.test(String(value)))
    expect(Object.keys(router)).toEqual(expect.arrayContaining(routes))
    for (const { onConnect } of connections) expect(plugin[onConnect ?? '']).toBeTypeOf('function')
    for (const { handler } of events) expect(plugin[handler]).toBeTypeOf('function')
  })

  it('becomes one file that needs nothing but Node', async () => {
    const { outputFiles, metafile } = await build({
      entryPoints: [join(directory, 'plugins', key, 'index.ts')],
      bundle: true,
      write: false,
      metafile: true,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      logLevel: 'silent',
    })
    expect(outputFiles).toHaveLength(1)
    expect(Object.keys(metafile.inputs).filter((path) => path.includes('packages/'))).toEqual([])
    expect(outputFiles[0]?.contents.length).toBeLessThan(4_000_000)
  })
})

describe('what Slack subscribes to', () => {
  it('is what it knows, with the same routing type', () => {
    const subscribed = (entryOf('slack').contributes?.events ?? []).map(({ name, routingType }) => [name, routingType])
    const known = Object.entries(knownEvents).map(([name, { routingType }]) => [name, routingType])
    expect(subscribed).toEqual(known)
  })

  it('is routed by the five types, all of them by default', () => {
    const [connection] = entryOf('slack').contributes?.connections ?? []
    const { routing_type: routing } = (connection?.settings?.properties ?? {}) as Record<
      string,
      { items: { enum: string[] }; default: string[] }
    >
    expect(routing?.items.enum).toEqual(slack.VALID_ROUTING_TYPES)
    expect(routing?.default).toEqual(slack.VALID_ROUTING_TYPES)
  })
})

describe('the columns of the model table', () => {
  it('are columns of the records', () => {
    const records = text('plugins/mlflow/model-records.ts')
    for (const { key } of entryOf('mlflow').contributes?.views[0]?.columns ?? []) expect(records).toContain(`${key}: '`)
  })
})
