import { isJsonObject, unknownFields } from '@tenon/contract'
import { error, type Finding, lineOf, lineOfField, placeOf, warning } from './finding.js'
import type { PluginFolder } from './plugin-folder.js'

/** One of the twelve points of the guide's list. */
export interface Point {
  title: string
  /** What is wrong with it; nothing when all is well. */
  check(plugin: PluginFolder): Finding[]
}

/** The fields that the guide asks for in each entry. */
const entryFields =
  'key name displayName description longDescription version author category iconUrl documentationUrl supportUrl isOfficial isPublished requiresConfiguration installationType features tags pluginPath entryPoint dependencies'.split(
    ' ',
  )

/** What the runner provides, and what is only types. */
const providedPackages = new Set(['sequelize', '@tenon/sdk'])

export const points: readonly Point[] = [
  { title: 'package.json with correct dependencies', check: checkPackage },
  { title: 'index.ts with all required exports', check: checkExports },
  { title: 'install() creates tables (if tenant_scoped)', check: checkCreatesTables },
  { title: 'uninstall() drops tables and cleans up', check: checkDropsTables },
  { title: 'validateConfig() validates all required fields', check: checkValidation },
  { title: 'testConnection() tests the external service (if there is one)', check: checkConnectionTest },
  { title: 'plugins.json entry with all fields', check: checkEntry },
  { title: 'README.md with documentation', check: checkReadme },
  { title: 'configuration fields (if requiresConfiguration)', check: checkConfiguration },
  { title: 'install and uninstall are tested', check: (plugin) => checkTested(plugin, ['install', 'uninstall']) },
  { title: 'configuration is tested', check: checkConfigurationTested },
  { title: 'main functionality is tested', check: checkMainTested },
]

function checkPackage({ packageJson, place, entry, bundle, manifest, key }: PluginFolder): Finding[] {
  if (!packageJson)
    return [
      error(
        `${place}/package.json`,
        1,
        'is missing. Write name, version, description, main, author, license, dependencies.',
      ),
    ]
  const parsed = parseObject(packageJson.text)
  if (!parsed) return [error(packageJson.file, 1, 'is not JSON.')]
  const findings: Finding[] = []
  for (const field of ['name', 'version', 'description', 'main', 'author', 'license'] as const) {
    if (typeof parsed[field] !== 'string') findings.push(error(packageJson.file, 1, `has no "${field}". Add it.`))
  }
  const declared = isJsonObject(parsed['dependencies']) ? parsed['dependencies'] : {}
  for (const name of importedBy(bundle).filter((one) => !(one in declared))) {
    const at = placeOf([packageJson], /"dependencies"/)
    findings.push(
      error(
        packageJson.file,
        at?.line ?? 1,
        `does not name ${name}, which the plugin imports. Add it with an exact version.`,
      ),
    )
  }
  for (const [name, version] of Object.entries(declared)) {
    if (/^\d/.test(String(version))) continue
    findings.push(
      warning(
        packageJson.file,
        lineOf(packageJson, `"${name}"`),
        `asks for ${name} ${String(version)}. Name an exact version, so that it is the same everywhere.`,
      ),
    )
  }
  if (entry && JSON.stringify(sorted(entry.dependencies)) !== JSON.stringify(sorted(declared))) {
    findings.push(
      error(
        manifest.file,
        lineOfField(manifest, key, 'dependencies'),
        'has other dependencies than package.json. Write the same in both.',
      ),
    )
  }
  if (entry && parsed['version'] !== entry.version) {
    findings.push(
      error(
        packageJson.file,
        lineOf(packageJson, '"version"'),
        `says version ${String(parsed['version'])}, plugins.json ${entry.version}. Write the same in both.`,
      ),
    )
  }
  return findings
}

function checkExports({ bundle, entryPoint, hasEntryPoint, sources, entry }: PluginFolder): Finding[] {
  if (!hasEntryPoint) {
    return [error(entryPoint, 1, 'is missing. Write it, or name another file as "entryPoint" in plugins.json.')]
  }
  if ('failures' in bundle) {
    return bundle.failures.map(({ file, line, message }) =>
      error(file === '' ? entryPoint : fileOf(sources, file, entryPoint), line, message),
    )
  }
  const isDefinition = bundle.exports.includes('default')
  const signatures: Record<string, string> = {
    install: 'an async function install(userId, tenantId, config, context)',
    uninstall: 'an async function uninstall(userId, tenantId, context)',
    metadata: 'metadata = { name, version, author, description }',
  }
  const missing = Object.entries(signatures)
    .filter(([name]) => !isDefinition && !bundle.exports.includes(name))
    .map(([name, signature]) => error(entryPoint, 1, `does not export ${name}. Export ${signature}.`))
  const named = placeOf(sources, /metadata\b[^=\n]*=|\bmetadata\s*:/)
  const wrong = (['name', 'version', 'author', 'description'] as const).flatMap((field) => {
    const said = metadataField(bundle.code, field, isDefinition)
    const expected = entry?.[field]
    if (said === undefined || expected === undefined || said === expected) return []
    return [
      error(
        named?.file ?? entryPoint,
        named?.line ?? 1,
        `metadata.${field} is "${said}", plugins.json says "${expected}". Write the same in both.`,
      ),
    ]
  })
  return [...missing, ...wrong, ...checkContributions({ bundle, entry, entryPoint })]
}

/** Routes and functions that the entry names must be there. */
function checkContributions({
  bundle,
  entry,
  entryPoint,
}: Pick<PluginFolder, 'entry' | 'entryPoint' | 'bundle'>): Finding[] {
  if ('failures' in bundle) return []
  const { actions = [], views = [], importers = [], connections = [], events = [], ui } = entry?.contributes ?? {}
  const texts = [...actions, ...views, ...importers].flatMap((one) => Object.values(one as Record<string, unknown>))
  const named = texts.filter((text): text is string => /^(GET|POST|PUT|PATCH|DELETE) \//.test(String(text)))
  const ofViews = views.flatMap(({ detail, groups }) => [...(detail?.charts ?? []), ...(groups ? [groups] : [])])
  const routes = [...named, ...ofViews.map(({ route }) => route), ...(ui?.routes ?? [])]
  // Of plugins without a router: functions that stand for routes.
  const seedNames: Record<string, string[]> = {
    'POST /sync': ['syncModels', 'syncRecords'],
    'GET /template': ['getExcelTemplate'],
    'POST /import': ['importRisks', 'importData'],
  }
  // What definePlugin is given is not run, so a name in its code counts.
  const isDefinition = bundle.exports.includes('default')
  const words = new Set(isDefinition ? bundle.code.match(/[\w$-]+/g) : [])
  const jobOf = (route: string): string | undefined =>
    isDefinition ? actions.find((action) => action.route === route)?.id : undefined
  const isThere = (route: string): boolean =>
    ["'", '"', '`'].some((quote) => bundle.code.includes(`${quote}${route}${quote}`)) ||
    (words.has('jobs') && words.has(jobOf(route) ?? '')) ||
    (!bundle.exports.includes('router') && (seedNames[route] ?? []).some((name) => bundle.exports.includes(name)))
  const handlers = [...events.map(({ handler }) => handler), ...connections.flatMap(({ onConnect }) => onConnect ?? [])]
  return [
    ...[...new Set(routes)]
      .filter((route) => !isThere(route))
      .map((route) => {
        const job = jobOf(route)
        const orJob = job === undefined ? '' : `, or "${job}" to the jobs of definePlugin`
        return error(entryPoint, 1, `has no route "${route}", which plugins.json names. Add it to router${orJob}.`)
      }),
    ...[...new Set(handlers)]
      .filter((name) => !bundle.exports.includes(name) && !words.has(name))
      .map((name) => error(entryPoint, 1, `does not export ${name}, which plugins.json names.`)),
  ]
}

function checkCreatesTables({ entry, sources, entryPoint, has }: PluginFolder): Finding[] {
  if (entry?.installationType !== 'tenant_scoped' || !has('package.json')) return []
  const install = placeOf(sources, /function install\b|install\s*[(:=]/)
  const found: Finding[] = placeOf(sources, /CREATE\s+TABLE/i)
    ? []
    : [
        warning(
          install?.file ?? entryPoint,
          install?.line ?? 1,
          'creates no table, although the entry is tenant_scoped. Create it in install(), or say "standard".',
        ),
      ]
  const bare = placeOf(sources, /CREATE\s+TABLE\s+(?!IF\s+NOT\s+EXISTS)/i)
  return bare
    ? [
        ...found,
        warning(bare.file, bare.line, 'creates a table without IF NOT EXISTS, so that a second attempt fails.'),
      ]
    : found
}

function checkDropsTables({ sources }: PluginFolder): Finding[] {
  const created = placeOf(sources, /CREATE\s+TABLE/i)
  if (!created || placeOf(sources, /DROP\s+TABLE/i)) return []
  return [
    error(created.file, created.line, 'creates a table that nothing drops. Drop it in uninstall(), with IF EXISTS.'),
  ]
}

function checkValidation({ entry, bundle, entryPoint }: PluginFolder): Finding[] {
  if (!entry?.requiresConfiguration || 'failures' in bundle || bundle.exports.includes('default')) return []
  if (!bundle.exports.includes('validateConfig')) {
    return [
      error(
        entryPoint,
        1,
        'does not export validateConfig(config), although the entry requires a configuration. It runs before anything is stored.',
      ),
    ]
  }
  const required = (entry.contributes?.configuration?.['required'] ?? []) as unknown[]
  return required
    .filter((field) => !bundle.code.includes(String(field)))
    .map((field) =>
      error(entryPoint, 1, `never looks at the required field "${String(field)}". Check it in validateConfig().`),
    )
}

function checkConnectionTest({ entry, bundle, entryPoint }: PluginFolder): Finding[] {
  const { hosts = [], fromConfiguration = [] } = entry?.permissions?.network ?? {}
  if (hosts.length + fromConfiguration.length === 0 || 'failures' in bundle) return []
  if (bundle.exports.includes('testConnection') || bundle.exports.includes('default')) return []
  return [
    warning(
      entryPoint,
      1,
      'calls another service but does not export testConnection(config, context). It is the button "Test connection".',
    ),
  ]
}

function checkEntry(plugin: PluginFolder): Finding[] {
  const { raw, entry, problems, manifest, key, has } = plugin
  if (!raw) return [error(manifest.file, 1, `has no entry for "${key}". Add it to "plugins"; tenon create writes one.`)]
  const findings = problems.map(({ severity, path, message }) => ({
    ...error(manifest.file, lineOfField(manifest, key, path), `${path === '' ? 'the entry' : path} ${message}`),
    severity,
  }))
  for (const field of entryFields.filter((one) => !(one in raw))) {
    findings.push(error(manifest.file, lineOfField(manifest, key), `"${key}" has no ${field}. Add it.`))
  }
  if (entry && !entry.permissions) {
    findings.push(
      warning(
        manifest.file,
        lineOfField(manifest, key),
        `"${key}" declares no permissions, so it runs under the compatibility profile. Declare what it needs.`,
      ),
    )
  }
  findings.push(...checkFields(plugin), ...checkHosts(plugin))
  const ui = entry?.contributes?.ui
  if (ui && !entry.artifact) {
    const line = lineOfField(manifest, key, 'ui')
    findings.push(
      warning(manifest.file, line, 'brings a UI, and only packed plugins may. Publish what tenon pack wrote.'),
    )
  }
  for (const file of [entry?.iconUrl, entry?.changelog, ui?.entry]) {
    if (file === undefined || /^(https?:|\/)/.test(file) || has(file)) continue
    findings.push(error(manifest.file, lineOfField(manifest, key), `names ${file}, which is not there.`))
  }
  return findings
}

/** What is misspelt is not refused: a later host may know it. */
function checkFields({ raw, manifest, key }: PluginFolder): Finding[] {
  return unknownFields(raw).map((path) => {
    const line = lineOfField(manifest, key, path.split('.').at(-1))
    return warning(
      manifest.file,
      line,
      `${path} is no field of an entry, so nothing reads it. Look for a spelling mistake.`,
    )
  })
}

/** Addresses that stand in the code where it calls them. */
function checkHosts({ entry, sources }: PluginFolder): Finding[] {
  if (!entry?.permissions) return []
  const declared = entry.permissions.network?.hosts ?? []
  return sources.flatMap((source) =>
    [...source.text.matchAll(/\bfetch\(\s*['"`]https?:\/\/([\w.-]+(?::\d+)?)/g)]
      .filter(([, host = '']) => !declared.some((pattern) => isOf(host, pattern)))
      .map(({ 1: host, index }) =>
        error(
          source.file,
          source.text.slice(0, index).split('\n').length,
          `calls ${host}, which permissions.network.hosts does not name, so it is refused. Add it.`,
        ),
      ),
  )
}

/** Whether a host is the declared one, or below it where that begins with `*.`. */
function isOf(host: string, declared: string): boolean {
  return declared.startsWith('*.') ? host.endsWith(declared.slice(1)) : host === declared
}

function checkReadme({ readme, place, entry }: PluginFolder): Finding[] {
  if (!readme)
    return [error(`${place}/README.md`, 1, 'is missing. Write Features, Configuration, Usage and Troubleshooting.')]
  const wanted = [
    ['Features', /^#+ .*features/im],
    ['Troubleshooting', /^#+ .*troubleshooting/im],
    ...(entry?.requiresConfiguration ? ([['Configuration', /^#+ .*(configur|setting)/im]] as const) : []),
    ...(entry?.installationType === 'tenant_scoped' ? ([['Database Schema', /^#+ .*database/im]] as const) : []),
  ] as const
  return wanted
    .filter(([, heading]) => !heading.test(readme.text))
    .map(([title]) => error(readme.file, 1, `has no section "${title}". Add it.`))
}

function checkConfiguration({ entry, manifest, key }: PluginFolder): Finding[] {
  if (!entry?.requiresConfiguration) return []
  const schema = entry.contributes?.configuration
  if (!schema) {
    return [
      error(
        manifest.file,
        lineOfField(manifest, key, 'requiresConfiguration'),
        'requires a configuration but describes none. Write its JSON Schema as contributes.configuration; the form is drawn from it.',
      ),
    ]
  }
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {}
  return Object.entries(properties).flatMap(([field, property]) => {
    const described = isJsonObject(property) ? property : {}
    const line = lineOfField(manifest, key, field)
    const isSecret =
      /password|secret|token|api_?key/i.test(field) && described['writeOnly'] !== true && described['type'] === 'string'
    return [
      ...(typeof described['title'] === 'string'
        ? []
        : [warning(manifest.file, line, `${field} has no title, so its name is shown.`)]),
      ...(isSecret
        ? [
            error(
              manifest.file,
              line,
              `${field} looks like a secret. Say "writeOnly": true, so that it is sealed and never shown.`,
            ),
          ]
        : []),
    ]
  })
}

function checkTested({ tests, place }: PluginFolder, names: readonly string[]): Finding[] {
  const missing = names.filter((name) => !tests.some(({ text }) => new RegExp(`\\b${name}\\b`).test(text)))
  if (missing.length === 0) return []
  return [
    warning(
      tests[0]?.file ?? `${place}/index.test.ts`,
      1,
      `does not test ${missing.join(' and ')}. Write a test that calls ${missing.length === 1 ? 'it' : 'them'}.`,
    ),
  ]
}

function checkConfigurationTested(plugin: PluginFolder): Finding[] {
  const exported = 'failures' in plugin.bundle ? [] : plugin.bundle.exports
  return checkTested(
    plugin,
    ['validateConfig'].filter((name) => exported.includes(name)),
  )
}

function checkMainTested(plugin: PluginFolder): Finding[] {
  if ('failures' in plugin.bundle) return []
  const lifecycle = ['install', 'uninstall', 'metadata', 'configure', 'validateConfig', 'testConnection', 'default']
  const main = plugin.bundle.exports.filter((name) => !lifecycle.includes(name))
  if (main.length === 0 || main.some((name) => plugin.tests.some(({ text }) => new RegExp(`\\b${name}\\b`).test(text))))
    return []
  return checkTested(plugin, main.slice(0, 1))
}

function importedBy(bundle: PluginFolder['bundle']): string[] {
  if ('failures' in bundle) return []
  return bundle.packages.filter((name) => !providedPackages.has(name) && !name.startsWith('node:') && !isBuiltIn(name))
}

const builtIns = new Set(
  'assert buffer crypto dns events fs http http2 https net os path querystring readline stream string_decoder timers tls url util zlib process async_hooks'.split(
    ' ',
  ),
)
const isBuiltIn = (name: string): boolean => builtIns.has(name)

/** A text in `metadata`, as far as it is written down as one. */
function metadataField(code: string, field: string, isDefinition: boolean): string | undefined {
  const exported = /metadata\s*=\s*\{([^}]*)\}/.exec(code)
  const object = (exported ?? (isDefinition ? /\bmetadata:\s*\{([^}]*)\}/.exec(code) : undefined))?.[1] ?? ''
  return new RegExp(`\\b${field}\\s*:\\s*(["'\`])(.*?)\\1`).exec(object)?.[2]
}

function fileOf(sources: PluginFolder['sources'], named: string, otherwise: string): string {
  return sources.find(({ file }) => file.endsWith(named))?.file ?? otherwise
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return isJsonObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function sorted(record: Record<string, unknown>): [string, unknown][] {
  return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))
}
