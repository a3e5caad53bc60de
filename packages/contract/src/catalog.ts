import * as z from 'zod'
import { countOf } from './count-of.js'
import { TenonError } from './errors.js'
import { pluginKeySchema } from './ids.js'
import { PluginInstallationStatus } from './installation-states.js'
import { propertiesOf } from './json-schema.js'
import {
  contributionIdSchema,
  cronSchema,
  digestSchema,
  entryPointSchema,
  eventNameSchema,
  eventPatternSchema,
  exportNameSchema,
  hostPatternSchema,
  iconUrlSchema,
  jsonPointerSchema,
  relativePathSchema,
  routeSchema,
  tableNameSchema,
  versionSchema,
  webUrlSchema,
} from './names.js'

/**
 * `plugins.json`: the 20 fields of a plugin (S7) and what Tenon adds. Objects are loose: a field that is not known here
 * is kept and ignored, so that a newer manifest works with an older host.
 */

const shortText = z.string().trim().min(1).max(200)
const mediumText = z.string().max(4_000)
const longText = z.string().max(100_000)

/** S8 */
export const pluginFeatureSchema = z.looseObject({
  name: shortText,
  description: mediumText.default(''),
  displayOrder: z.number().default(0),
})

/** S9, S97 */
export const pluginCategorySchema = z.looseObject({
  id: z
    .string()
    .max(100)
    .regex(/^[a-z0-9]+([_-][a-z0-9]+)*$/, 'must be lower-case words joined by _ or -'),
  name: shortText,
  description: mediumText.default(''),
})

/** Where a packed plugin lies, and exactly which bytes it is. Written by `tenon pack`. */
export const artifactReferenceSchema = z.looseObject({
  path: relativePathSchema,
  sha256: digestSchema.describe('SHA-256 of the uncompressed archive'),
  size: z.int().positive().describe('Bytes of the file as it is downloaded'),
})

export const publishedVersionSchema = z.looseObject({
  version: versionSchema,
  artifact: artifactReferenceSchema,
  releasedAt: z.string().max(40).optional(),
  yanked: z.boolean().default(false),
})

/** What people are told about a version. Plain text: each note is a sentence or two. */
export const releaseSchema = z
  .looseObject({
    version: versionSchema,
    date: z.iso.date().optional().describe('When it was published'),
    notes: z.array(z.string().trim().min(1).max(500)).max(50).default([]).describe('What is new in it'),
  })
  .meta({ id: 'Release' })

export const tablePrivileges = ['select', 'insert', 'update', 'delete'] as const

export const permissionsSchema = z.looseObject({
  database: z
    .looseObject({
      tenantSchema: z
        .boolean()
        .default(false)
        .describe('May create tables of its own in the schema of the organization'),
      tables: z.record(tableNameSchema, z.array(z.enum(tablePrivileges)).min(1)).default({}),
    })
    .default({ tenantSchema: false, tables: {} }),
  network: z
    .looseObject({
      hosts: z.array(hostPatternSchema).max(100).default([]),
      fromConfiguration: z
        .array(z.string().max(100))
        .max(20)
        .default([])
        .describe('Fields of the configuration whose host and port may be reached'),
      reason: mediumText.optional(),
    })
    .default({ hosts: [], fromConfiguration: [] }),
  environment: z
    .array(z.string().regex(/^[A-Z_][A-Z0-9_]{0,99}$/))
    .max(50)
    .default([]),
  events: z.array(eventPatternSchema).max(100).default([]),
  schedule: z.boolean().default(false),
})

/** What a manifest may be made of, wherever it is read. */
export const manifestLimits = {
  /** Where an operator says nothing else. */
  plugins: 10_000,
  categories: 200,
  /** Of one entry: texts, numbers, lists, objects and their names. One is read without a pause. */
  entryValues: 50_000,
  entryLevels: 64,
  /** Of one text anywhere in an entry; regular expressions throw at texts of millions. */
  textCharacters: 100_000,
  schemaLevels: 32,
  schemaCharacters: 100_000,
  /** Of all that is wrong with a manifest; of what comes after them is said that it is there. */
  problems: 1_000,
} as const
const unstorableText = /\0|\p{Surrogate}/u

/** A JSON Schema 2020-12 that describes an object. References may point inside it only. */
export const jsonSchemaSchema = z
  .record(z.string(), z.unknown())
  .refine((schema) => isShallow(schema, manifestLimits.schemaLevels), {
    error: `is nested deeper than ${manifestLimits.schemaLevels} levels`,
    abort: true,
  })
  .refine((schema) => JSON.stringify(schema).length <= manifestLimits.schemaCharacters, {
    error: `is larger than ${countOf(manifestLimits.schemaCharacters, 'character')}`,
  })
  .refine((schema) => referencesStayInside(schema), 'may only use $ref to a part of itself (#…)')

const roleSchema = z.enum(['Admin', 'Editor', 'Reviewer', 'Auditor'])

/** A button on the page of the plugin that calls one of its routes. */
export const actionSchema = z.looseObject({
  id: contributionIdSchema,
  title: shortText,
  description: mediumText.optional(),
  route: routeSchema,
  progress: z.boolean().default(false),
  schedule: cronSchema.optional(),
  slot: z.string().max(100).optional(),
  role: roleSchema.optional(),
  repeatable: z
    .boolean()
    .optional()
    .describe(
      'False for what must not be called again when its server died, or when it failed for a reason that passes',
    ),
})

export const viewColumnSchema = z.looseObject({
  key: z.string().min(1).max(100),
  title: shortText,
  type: z.string().max(40).default('text').describe('text, number, date, boolean, status, link, json'),
  sortable: z.boolean().default(false),
  filterable: z.boolean().default(false),
})

const columnKeySchema = z.string().min(1).max(100)
const getRouteSchema = routeSchema.refine((route) => route.startsWith('GET '), 'must be a GET route')

/**
 * Lines over the course of something that belongs to one row, such as a figure of a model over its versions. The points
 * are rows of a route's answer, in the order in which they come. Names in the path, such as `:id`, are columns of the row.
 */
export const viewChartSchema = z
  .looseObject({
    title: shortText,
    route: getRouteSchema,
    points: jsonPointerSchema.optional().describe('Where the points are in the answer'),
    x: columnKeySchema.describe('The field of a point that is its place on the axis'),
    series: z
      .array(z.looseObject({ key: columnKeySchema, title: shortText }))
      .max(6)
      .default([])
      .describe('Fields of a point, each a line of one chart'),
    valuesFrom: columnKeySchema
      .optional()
      .describe('The field of a point that holds numbers by name: each name is a chart of its own'),
  })
  .refine(
    ({ series, valuesFrom }) => series.length > 0 !== (valuesFrom !== undefined),
    'must have either series or valuesFrom',
  )

/**
 * How the rows of a view are divided by a column. The groups are counted where the rows are: the route is asked with
 * `by`, `page`, `pageSize` and the filters, and answers each `value` with its `count`.
 */
export const viewGroupsSchema = z.looseObject({
  route: getRouteSchema,
  by: z.array(columnKeySchema).min(1).max(10).describe('Keys of the columns that a person may group by'),
  rows: jsonPointerSchema.optional().describe('Where the groups are in the answer'),
  total: jsonPointerSchema.optional().describe('Where the number of all groups is in the answer'),
})

/** A table, list or figure that the host draws from the answer of a route. */
export const viewSchema = z
  .looseObject({
    id: contributionIdSchema,
    slot: z.string().min(1).max(100),
    title: shortText,
    kind: z.string().max(40).default('table'),
    route: routeSchema,
    columns: z.array(viewColumnSchema).max(100).default([]),
    rows: jsonPointerSchema.optional().describe('Where the rows are in the answer'),
    total: jsonPointerSchema.optional().describe('Where the number of all rows is in the answer'),
    figures: z
      .array(
        z.looseObject({
          title: shortText,
          value: jsonPointerSchema,
          type: z.string().max(40).optional().describe('As of a column; number when it is not said'),
        }),
      )
      .max(8)
      .default([])
      .describe(
        'Values of the answer that are shown above the rows: how many there are of something, when it was last',
      ),
    groups: viewGroupsSchema.optional(),
    problem: jsonPointerSchema.optional().describe('Where the answer says why the rows may be out of date'),
    actions: z.array(contributionIdSchema).max(20).default([]),
    detail: z
      .looseObject({ charts: z.array(viewChartSchema).max(8).default([]) })
      .optional()
      .describe('What is shown of one row, besides its columns'),
  })
  .refine(({ columns, groups }) => (groups?.by ?? []).every((key) => columns.some((column) => column.key === key)), {
    error: 'must name columns of the view',
    path: ['groups', 'by'],
  })

const formFieldPattern = /^(?!file$)[A-Za-z][A-Za-z0-9_]{0,49}$/

/** What somebody may choose about an import, as a JSON Schema: each of its properties is sent as a field beside the file. */
const importSettingsSchema = jsonSchemaSchema.refine(
  (schema) => Object.keys(propertiesOf(schema)).every((name) => formFieldPattern.test(name)),
  { error: 'may only have properties that can be fields of a form, none of them "file"' },
)

/** A file import with its template. */
export const importerSchema = z.looseObject({
  id: contributionIdSchema,
  slot: z.string().min(1).max(100),
  title: shortText,
  description: mediumText.optional(),
  template: routeSchema.optional(),
  check: routeSchema.optional(),
  import: routeSchema,
  repeatable: z
    .boolean()
    .optional()
    .describe(
      'Called again with the same `context.run.id` after its server died, it finds what it did and answers that; see `run` in the contract',
    ),
  corrections: routeSchema.optional(),
  history: routeSchema
    .optional()
    .describe('Answers the imports of the past, the newest first, each with `id`, `importedAt` and `imported`'),
  undo: routeSchema.optional().describe('Takes an import back; asked with `importId`'),
  settings: importSettingsSchema.optional().describe('JSON Schema of what may be chosen about an import'),
  accept: z
    .array(z.string().regex(/^\.[a-z0-9]{1,10}$/))
    .max(20)
    .default([]),
})

/**
 * Where, in the provider's answer to the exchange of the code, the things are that the host keeps. The host knows no
 * provider by name, so the plugin says it. `secrets` are sealed; `details` are shown.
 */
export const tokenResponseMappingSchema = z.looseObject({
  account: z.looseObject({ id: jsonPointerSchema, name: jsonPointerSchema }).optional(),
  details: z.record(z.string().max(100), jsonPointerSchema).default({}),
  secrets: z.record(z.string().max(100), jsonPointerSchema).default({}),
  shown: z.array(z.string().max(100)).max(5).default([]).describe('Details that a list of the connections shows'),
})

/** An account at another service that an organization connects. Addresses and client secret come from the operator. */
export const connectionSchema = z.looseObject({
  id: contributionIdSchema,
  kind: z.literal('oauth2'),
  provider: contributionIdSchema,
  title: shortText.optional(),
  scopes: z.array(z.string().min(1).max(200)).max(100).default([]),
  multiple: z.boolean().default(false),
  settings: jsonSchemaSchema.optional().describe("JSON Schema of each connection's settings"),
  response: tokenResponseMappingSchema.optional(),
  test: routeSchema.optional().describe('Sends a test through the connection whose id is in connectionId of the body'),
  onConnect: exportNameSchema.optional().describe('Exported function that is called after the connection was made'),
})

/** A subscription: the named export is called for each event. */
export const eventSubscriptionSchema = z.looseObject({
  name: eventPatternSchema,
  handler: exportNameSchema,
  routingType: shortText.optional(),
})

/** A page of a plugin's own UI: one bundle shows all of them, and is told which one a person is on. */
export const uiPageSchema = z.looseObject({
  id: contributionIdSchema,
  title: shortText,
})

/**
 * A UI of the plugin's own, for what a declared view cannot show. Its code is part of the package and runs in a frame
 * without an origin, which reaches nothing but the routes that are listed here.
 */
export const uiSchema = z.looseObject({
  entry: entryPointSchema.describe('In the folder of the plugin: what `tenon pack` bundles for the browser'),
  pages: z
    .array(uiPageSchema)
    .min(1)
    .max(20)
    .refine((pages) => new Set(pages.map(({ id }) => id)).size === pages.length, 'must not use an id twice'),
  routes: z
    .array(routeSchema)
    .max(50)
    .default([])
    .describe('Routes of its own that it may call, as the signed-in user'),
  images: z.boolean().default(false).describe('May show pictures that are part of its code'),
  height: z.int().min(100).max(2_000).default(400).describe('Pixels, until it asks for another height'),
})

export const contributesSchema = z.looseObject({
  configuration: jsonSchemaSchema.optional(),
  testOnSave: z.boolean().default(false),
  actions: z.array(actionSchema).max(50).default([]),
  views: z.array(viewSchema).max(50).default([]),
  importers: z.array(importerSchema).max(20).default([]),
  connections: z.array(connectionSchema).max(10).default([]),
  events: z.array(eventSubscriptionSchema).max(100).default([]),
  publishes: z.array(eventNameSchema).max(100).default([]).describe('Names that it may publish'),
  ui: uiSchema.optional(),
})

export const installationTypes = ['standard', 'tenant_scoped'] as const

/** One plugin of a manifest (S7), as it is after parsing. */
export const catalogEntrySchema = z.looseObject({
  key: pluginKeySchema,
  name: shortText,
  displayName: shortText,
  description: mediumText,
  longDescription: longText.optional(),
  version: versionSchema,
  author: shortText.optional(),
  category: z.string().max(100),
  iconUrl: iconUrlSchema.optional(),
  documentationUrl: webUrlSchema.optional(),
  supportUrl: webUrlSchema.optional(),
  isOfficial: z.boolean(),
  isPublished: z.boolean(),
  requiresConfiguration: z.boolean(),
  installationType: z.enum(installationTypes),
  features: z
    .array(pluginFeatureSchema)
    .max(100)
    .default([])
    .overwrite((features) => features.toSorted((a, b) => a.displayOrder - b.displayOrder)),
  tags: z.array(shortText).max(100).default([]),
  pluginPath: relativePathSchema,
  entryPoint: entryPointSchema,
  dependencies: z.record(z.string().max(214), z.string().max(300)).default({}),

  artifact: artifactReferenceSchema.optional(),
  engines: z.looseObject({ tenon: z.string().max(100).optional() }).optional(),
  changelog: z.union([webUrlSchema, relativePathSchema]).optional(),
  license: shortText.optional(),
  repository: webUrlSchema.optional(),
  publisher: shortText.optional(),
  versions: z.array(publishedVersionSchema).max(200).default([]),
  releases: z.array(releaseSchema).max(200).optional().describe('What is new in each version'),
  region: shortText.optional(),
  frameworkType: shortText.optional(),
  permissions: permissionsSchema.optional(),
  contributes: contributesSchema.optional(),
})

/** S95: a plugin as the API shows it, with what is known of its installation. */
export const pluginSchema = catalogEntrySchema
  .extend({
    installationId: z.int().optional(),
    installationStatus: z.enum(PluginInstallationStatus).optional(),
    installedAt: z.string().optional(),
    installable: z.boolean().optional(),
    refusals: z.array(z.string()).optional().describe('Why it is not installable, in plain words'),
    blocked: z
      .object({ reason: z.string(), at: z.string() })
      .optional()
      .describe('An operator of this installation has blocked it'),
    asks: z
      .array(z.object({ id: z.string(), group: z.string(), sentence: z.string() }))
      .optional()
      .describe('The permissions that it asks for, one by one, for who shows a single plugin'),
  })
  .meta({ id: 'Plugin' })

export type CatalogEntry = z.infer<typeof catalogEntrySchema>
export type Plugin = z.infer<typeof pluginSchema>
export type PluginFeature = z.infer<typeof pluginFeatureSchema>
export type PluginCategoryInfo = z.infer<typeof pluginCategorySchema>
export type ArtifactReference = z.infer<typeof artifactReferenceSchema>
export type PublishedVersion = z.infer<typeof publishedVersionSchema>
export type Release = z.infer<typeof releaseSchema>
export type Permissions = z.infer<typeof permissionsSchema>
export type TablePrivilege = (typeof tablePrivileges)[number]
export type Contributes = z.infer<typeof contributesSchema>
export type ActionContribution = z.infer<typeof actionSchema>
export type ViewContribution = z.infer<typeof viewSchema>
export type ViewColumn = z.infer<typeof viewColumnSchema>
export type ViewChart = z.infer<typeof viewChartSchema>
export type ImporterContribution = z.infer<typeof importerSchema>
export type ConnectionContribution = z.infer<typeof connectionSchema>
export type TokenResponseMapping = z.infer<typeof tokenResponseMappingSchema>
export type UiContribution = z.infer<typeof uiSchema>
export type UiPage = z.infer<typeof uiPageSchema>
export type EventSubscription = z.infer<typeof eventSubscriptionSchema>

/** S92: the categories that every marketplace has. A manifest may declare more. */
export enum PluginCategory {
  COMMUNICATION = 'communication',
  ML_OPS = 'ml_ops',
  VERSION_CONTROL = 'version_control',
  MONITORING = 'monitoring',
  SECURITY = 'security',
  DATA_MANAGEMENT = 'data_management',
  ANALYTICS = 'analytics',
}

/** S11, C5: what every marketplace shows of them. */
export const builtInCategories: readonly PluginCategoryInfo[] = [
  { id: PluginCategory.COMMUNICATION, name: 'Communication', description: 'Team communication and notifications' },
  { id: PluginCategory.ML_OPS, name: 'ML Operations', description: 'Machine learning workflows and models' },
  { id: PluginCategory.VERSION_CONTROL, name: 'Version Control', description: 'Git integrations' },
  { id: PluginCategory.MONITORING, name: 'Monitoring', description: 'System and application monitoring' },
  { id: PluginCategory.SECURITY, name: 'Security', description: 'Security and compliance tools' },
  { id: PluginCategory.DATA_MANAGEMENT, name: 'Data Management', description: 'Data import, export, and management' },
  { id: PluginCategory.ANALYTICS, name: 'Analytics', description: 'Reporting, dashboards' },
]

/** Something about one entry of a manifest that its author should know. An `error` means that the entry is left out. */
export interface ManifestProblem {
  severity: 'error' | 'warning'
  /** Position in `plugins`, or in `categories` when `path` begins with `categories`. */
  index: number
  key?: string
  /** Where in the entry, such as `features.0.name`; empty for the entry as a whole. */
  path: string
  message: string
}

export interface Manifest {
  version: string
  entries: CatalogEntry[]
  categories: PluginCategoryInfo[]
  problems: ManifestProblem[]
}

/** S6: the root of a manifest. What is inside `plugins` is judged entry by entry. */
const manifestRootSchema = z.looseObject({
  version: z.string().max(100).default('1.0.0'),
  plugins: z.array(z.unknown()),
  categories: z.array(z.unknown()).default([]),
})

/**
 * Reads a manifest, from its text or already parsed. An entry that is wrong is left out and reported in `problems`; one
 * bad plugin never takes the others with it.
 *
 * @throws TenonError MANIFEST_NOT_JSON, or MANIFEST_INVALID when the root is not `{ plugins: [...] }`.
 * @since 0.1.0
 */
export function parseManifest(source: unknown, location = 'plugins.json'): Manifest {
  const reader = openManifest(source, location)
  while (reader.readNext()) continue
  return reader.manifest
}

/** A manifest that is read entry by entry, so that a long one need not hold the event loop. */
export interface ManifestReader {
  /** Reads one more entry; false when there is none left. */
  readNext: () => boolean
  /** What has been read so far. */
  manifest: Manifest
}

/**
 * Like {@link parseManifest}, one entry at a time.
 *
 * @param options.maxPlugins what comes after so many is left out; default: as many as {@link manifestLimits} say
 */
export function openManifest(
  source: unknown,
  location = 'plugins.json',
  { maxPlugins = manifestLimits.plugins }: { maxPlugins?: number } = {},
): ManifestReader {
  const root = parseRoot(typeof source === 'string' ? parseJson(source, location) : source, location)
  const problems: ManifestProblem[] = []
  const categories = readCategories(root.categories.slice(0, manifestLimits.categories), problems)
  for (const [name, list, most] of [
    ['categories', root.categories, manifestLimits.categories],
    ['plugins', root.plugins, maxPlugins],
  ] as const) {
    if (list.length > most) {
      const message = `there are ${countOf(list.length, name, name)}, and what comes after ${most.toLocaleString('en')} is left out`
      problems.push({ severity: 'error', index: most, path: name === 'plugins' ? '' : name, message })
    }
  }
  const manifest: Manifest = { version: root.version, entries: [], categories, problems }
  const known = { keys: new Set<string>(), categories: new Set(categories.map(({ id }) => id)) }
  let index = 0
  const count = Math.min(root.plugins.length, maxPlugins)
  const readNext = (): boolean => {
    if (index >= count) return false
    readEntry(root.plugins[index], index, known, manifest)
    cutProblems(problems)
    index += 1
    return index < count
  }
  return { manifest, readNext }
}

function cutProblems(problems: ManifestProblem[]): void {
  const most = manifestLimits.problems
  if (problems.length <= most) return
  const message = `there are more problems than these ${most.toLocaleString('en')}`
  problems.splice(most, Infinity, { severity: 'error', index: problems[most]?.index ?? 0, path: '', message })
}

function parseJson(text: string, location: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new TenonError('MANIFEST_NOT_JSON', { location, cause: reasonOf(cause) }, { cause })
  }
}

function parseRoot(root: unknown, location: string): z.infer<typeof manifestRootSchema> {
  const parsed = manifestRootSchema.safeParse(root)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new TenonError('MANIFEST_INVALID', { location, cause: `${issue?.path.join('.') || 'root'}: ${issue?.message}` })
}

function readCategories(declared: unknown[], problems: ManifestProblem[]): PluginCategoryInfo[] {
  const categories = new Map<string, PluginCategoryInfo>()
  declared.forEach((category, index) => {
    const parsed = pluginCategorySchema.safeParse(category)
    if (parsed.success) categories.set(parsed.data.id, parsed.data)
    else problems.push(...toProblems(parsed.error, index, undefined, ['categories']))
  })
  for (const category of builtInCategories) if (!categories.has(category.id)) categories.set(category.id, category)
  return [...categories.values()]
}

function readEntry(
  raw: unknown,
  index: number,
  known: { keys: Set<string>; categories: Set<string> },
  manifest: Manifest,
): void {
  const message = unreadable(raw)
  if (message !== undefined) return void manifest.problems.push({ severity: 'error', index, path: '', message })
  const legacy = isRecord(raw) && raw.installationType === 'npm'
  const parsed = catalogEntrySchema.safeParse(legacy ? { ...raw, installationType: 'standard' } : raw)
  const key = isRecord(raw) && typeof raw.key === 'string' ? raw.key.slice(0, 100) : undefined
  const report = (severity: 'error' | 'warning', path: string, message: string): void => {
    manifest.problems.push({ severity, index, ...(key === undefined ? {} : { key }), path, message })
  }
  if (!parsed.success) return void manifest.problems.push(...toProblems(parsed.error, index, key))
  const entry = parsed.data
  if (known.keys.has(entry.key)) return report('error', 'key', 'is already the key of an earlier entry')
  if (!known.categories.has(entry.category)) {
    const builtIn = builtInCategories.map(({ id }) => id).join(', ')
    return report(
      'error',
      'category',
      `"${entry.category}" is no category. Declare it in categories, or name one of ${builtIn}`,
    )
  }
  if (legacy) report('warning', 'installationType', '"npm" is read as "standard"')
  known.keys.add(entry.key)
  manifest.entries.push(entry)
}

function toProblems(error: z.ZodError, index: number, key?: string, prefix: string[] = []): ManifestProblem[] {
  return error.issues.slice(0, 20).map((issue) => ({
    severity: 'error',
    index,
    ...(key === undefined ? {} : { key }),
    path: [...prefix, ...issue.path].map(String).join('.'),
    message: issue.message,
  }))
}

function referencesStayInside(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(referencesStayInside)
  if (!isRecord(schema)) return true
  const reference = schema.$ref ?? schema.$dynamicRef
  if (typeof reference === 'string' && !reference.startsWith('#')) return false
  return Object.values(schema).every(referencesStayInside)
}

/** What keeps an entry from being looked at: PostgreSQL keeps neither NUL nor halves of characters, and all needs a bottom. */
function unreadable(entry: unknown): string | undefined {
  const waiting: { part: unknown; levels: number }[] = [{ part: entry, levels: manifestLimits.entryLevels }]
  let values = 0
  for (let next = waiting.pop(); next; next = waiting.pop()) {
    const { part, levels } = next
    if (typeof part === 'string') {
      if (part.length > manifestLimits.textCharacters)
        return `contains a text of more than ${countOf(manifestLimits.textCharacters, 'character')}`
      if (unstorableText.test(part)) return 'contains text that cannot be stored'
    }
    if (typeof part !== 'object' || part === null) continue
    if (levels === 0) return `is nested deeper than ${manifestLimits.entryLevels} levels`
    const children: unknown[] = Array.isArray(part) ? part : Object.entries(part).flat()
    values += children.length
    if (values > manifestLimits.entryValues) return `has more than ${countOf(manifestLimits.entryValues, 'value')}`
    for (const child of children) waiting.push({ part: child, levels: levels - 1 })
  }
  return undefined
}

function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true
  return levels > 0 && Object.values(value).every((part) => isShallow(part, levels - 1))
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
