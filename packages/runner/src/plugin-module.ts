import vm from 'node:vm'
import { type HostMessage, type LoadFailure, type PluginReport, wireConstants } from '@tenon/contract/wire'
import { builtinModules } from './builtins.js'
import { isPermissionDenied, missingPermission } from './errors.js'
import { sequelizeModule } from './sequelize/index.js'

type Functions = Map<string, (...args: unknown[]) => unknown>

/** A plugin of any generation, in the one shape that calls are made against. */
export interface LoadedPlugin {
  report: PluginReport
  functions: Functions
  routes: Functions
  /** Keys of routes that read an upload in pieces. */
  readsPieces: ReadonlySet<string>
  events: Functions
  connections: Functions
  jobs: Functions
}

/** A plugin that cannot be used, and for which of the known reasons. */
export class LoadError extends Error {
  override readonly name = 'LoadError'
  readonly failure: LoadFailure
  constructor(failure: LoadFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.failure = failure
  }
}

type Load = Extract<HostMessage, { t: 'load' }>
type Exports = Record<string, unknown>

export interface PluginLoader {
  /** Compiles and runs the plugin's top level. @throws LoadError */
  load(message: Load): { plugin: LoadedPlugin; codeCache: Buffer | undefined }
}

/** What of the SDK is there when a plugin runs; the rest of it is types. */
const sdk = { definePlugin, isPermissionDenied, missingPermission }

export function createPluginLoader(processFacade: object): PluginLoader {
  const modules = builtinModules()
  modules.set('process', processFacade)
  modules.set('sequelize', sequelizeModule)
  modules.set('@tenon/sdk', { ...sdk, default: sdk })
  const require = createRequire(modules)

  return {
    load(message) {
      const script = compile(message)
      const module = { exports: {} as Exports, id: '.', filename: '/plugin.cjs', loaded: false, children: [] }
      try {
        const run = script.runInThisContext() as (...args: unknown[]) => void
        Reflect.apply(run, module.exports, [module.exports, require, module, '/plugin.cjs', '/', processFacade])
      } catch (error) {
        throw new LoadError('PLUGIN_LOAD_FAILED', 'The plugin failed while it was loaded.', { cause: error })
      }
      const plugin = shapeOf(module.exports)
      plugin.report.codeCacheRejected = script.cachedDataRejected === true
      return { plugin, codeCache: message.wantCodeCache ? script.createCachedData() : undefined }
    },
  }
}

const definedByTenon = Symbol.for('tenon.plugin')

function definePlugin<Plugin extends object>(plugin: Plugin): Plugin {
  Object.defineProperty(plugin, definedByTenon, { value: true })
  return plugin
}

function createRequire(modules: Map<string, unknown>): (id: unknown) => unknown {
  const known = new Map(modules)
  const find = known.get.bind(known)
  const has = known.has.bind(known)
  const require = (id: unknown) => {
    const name = String(id).replace(/^node:/, '')
    if (has(name)) return find(name)
    throw Object.assign(new Error(`Cannot find module '${name}'. A plugin is one file: bundle what it needs.`), {
      code: 'MODULE_NOT_FOUND',
    })
  }
  return Object.assign(require, { cache: {}, main: undefined, extensions: {}, resolve: (id: unknown) => String(id) })
}

/** Without a callback for dynamic imports, `import()` is refused in this text and in everything it evaluates. */
function compile({ code, cachedData, plugin }: Load): vm.Script {
  const text = Buffer.from(code.buffer, code.byteOffset, code.byteLength).toString('utf8').replace(/^#!.*/, '')
  try {
    return new vm.Script(`(function (exports, require, module, __filename, __dirname, process) {${text}\n})`, {
      filename: `${plugin}.cjs`,
      ...(cachedData ? { cachedData: Buffer.from(cachedData) } : {}),
    })
  } catch (error) {
    throw new LoadError('PLUGIN_PARSE_FAILED', 'The plugin does not parse.', { cause: error })
  }
}

function shapeOf(exported: unknown): LoadedPlugin {
  const named = isObject(exported) ? exported : {}
  const declared = isObject(named.default) ? named.default : {}
  const members = { ...named, ...declared }
  const functions = functionsOf({ ...members, ...(isObject(members.functions) ? members.functions : {}) })
  const routeTable = isObject(members.router) ? members.router : isObject(members.routes) ? members.routes : {}
  const plugin: Omit<LoadedPlugin, 'report'> = {
    functions,
    routes: functionsOf(routeTable),
    readsPieces: new Set(Object.keys(routeTable).filter((key) => isInPieces(routeTable[key]))),
    events: functionsOf(members.events),
    connections: functionsOf(members.connections),
    jobs: functionsOf(members.jobs),
  }
  const byTenon = definedByTenon in declared || (isObject(named.default) && 'metadata' in declared)
  if (byTenon) addDefaults(functions)
  if (!functions.has('install')) throw new LoadError('PLUGIN_EXPORT_MISSING', 'The plugin does not export install().')
  return { ...plugin, report: reportOf(plugin, routeTable, members, byTenon) }
}

/** A definition may leave out what it has nothing to do in. */
function addDefaults(functions: Functions): void {
  for (const name of ['install', 'uninstall']) {
    if (!functions.has(name)) functions.set(name, () => ({ success: true }))
  }
}

function reportOf(
  plugin: Omit<LoadedPlugin, 'report'>,
  routeTable: Exports,
  members: Exports,
  byTenon: boolean,
): PluginReport {
  const generation = byTenon ? 'tenon' : plugin.routes.size > 0 ? 'router' : 'seed'
  const roles = Object.entries(routeTable).flatMap(([key, route]) =>
    isObject(route) && typeof route.role === 'string' ? [[key, route.role]] : [],
  )
  return {
    generation,
    exports: namesOf('functions', plugin.functions),
    routes: namesOf('routes', plugin.routes),
    routeRoles: Object.fromEntries(roles) as Record<string, string>,
    events: namesOf('events', plugin.events),
    connections: namesOf('connections', plugin.connections),
    jobs: namesOf('jobs', plugin.jobs),
    metadata: metadataOf(members.metadata),
  }
}

/** What the host would not take is said here, where there are words for it. */
function namesOf(what: string, functions: Functions): string[] {
  const { maxNames, maxNameCharacters } = wireConstants
  const names = [...functions.keys()]
  if (names.length > maxNames) throw refusal(`more than ${maxNames} ${what}`)
  if (names.some(({ length }) => length > maxNameCharacters)) {
    throw refusal(`${what} with names of more than ${maxNameCharacters} characters`)
  }
  return names
}

const refusal = (reason: string) => new LoadError('PLUGIN_LOAD_FAILED', `The plugin has ${reason}.`)

/** Functions of a record; an entry may also be an object with its function as `handler` or `run`. */
function functionsOf(record: unknown): Functions {
  const functions: Functions = new Map()
  if (!isObject(record)) return functions
  for (const [name, entry] of Object.entries(record)) {
    const run = isObject(entry) ? (entry.handler ?? entry.run) : entry
    if (typeof run === 'function' && name !== 'default') functions.set(name, run as (...args: unknown[]) => unknown)
  }
  return functions
}

function isInPieces(route: unknown): boolean {
  return isObject(route) && route.file === 'pieces'
}

function metadataOf(metadata: unknown): Exports | undefined {
  const text = isObject(metadata) ? textOf(metadata) : undefined
  if (text === undefined) return undefined
  const { maxMetadataCharacters: most } = wireConstants
  if (text.length > most) throw refusal(`metadata of more than ${most.toLocaleString('en')} characters`)
  const copy = JSON.parse(text) as unknown
  return isObject(copy) && !Array.isArray(copy) ? copy : undefined
}

function textOf(metadata: Exports): string | undefined {
  try {
    return JSON.stringify(metadata) as string | undefined
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Exports {
  return typeof value === 'object' && value !== null
}
