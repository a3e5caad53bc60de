import { matchRoute, type CallFault, type PluginInvocation, type RunnerLimits } from '@tenon/contract/wire'
import type { PluginContext } from './call-context.js'
import type { LoadedPlugin } from './plugin-module.js'
import { uploadedFile } from './uploaded-file.js'

/** A call that the plugin has no answer for, as opposed to one that it answered with an error. */
export class InvocationFault extends Error {
  override readonly name = 'InvocationFault'
  readonly fault: CallFault
  constructor(fault: CallFault, message: string) {
    super(message)
    this.fault = fault
  }
}

type Functions = LoadedPlugin['functions']

/** Calls the plugin in the way that its contract says for each kind of call. */
export function invoke(
  plugin: LoadedPlugin,
  invocation: PluginInvocation,
  context: PluginContext,
  limits: Pick<RunnerLimits, 'maxWholeFileBytes'>,
): unknown {
  const { userId, tenantId } = context
  switch (invocation.kind) {
    case 'install':
    case 'configure':
      return named(plugin.functions, invocation.kind)(userId, tenantId, invocation.configuration, context)
    case 'uninstall':
      return named(plugin.functions, 'uninstall')(userId, tenantId, context)
    case 'validateConfig':
      return named(plugin.functions, 'validateConfig')(invocation.configuration)
    case 'testConnection':
      return named(plugin.functions, 'testConnection')(invocation.configuration, context)
    case 'function':
      return named(plugin.functions, invocation.name)(...invocation.args.map((arg) => fillPlaceholder(arg, context)))
    case 'job':
      return named(plugin.jobs, invocation.name)(context, ...invocation.args)
    case 'event':
      return eventHandler(plugin, invocation.handler)(invocation.event, context)
    case 'route':
      return callRoute(plugin, invocation, context, limits.maxWholeFileBytes)
  }
}

function named(functions: Functions, name: string): (...args: unknown[]) => unknown {
  const found = functions.get(name)
  if (!found) throw new InvocationFault('PLUGIN_EXPORT_MISSING', name)
  return found
}

/** A handler is declared under `events` or `connections`, or is one of the plugin's functions. */
function eventHandler(plugin: LoadedPlugin, name: string): (...args: unknown[]) => unknown {
  return plugin.events.get(name) ?? plugin.connections.get(name) ?? named(plugin.functions, name)
}

function fillPlaceholder(arg: unknown, context: PluginContext): unknown {
  if (typeof arg !== 'object' || arg === null) return arg
  if ('$context' in arg && arg.$context === true) return context
  if ('$sequelize' in arg && arg.$sequelize === true) return context.sequelize
  return arg
}

type RouteCall = Extract<PluginInvocation, { kind: 'route' }>

async function callRoute(
  plugin: LoadedPlugin,
  call: RouteCall,
  context: PluginContext,
  maxWholeFileBytes: number,
): Promise<unknown> {
  const match = matchRoute(plugin.report.routes, call.method, call.path)
  if (!match) throw new InvocationFault('ROUTE_NOT_FOUND', `${call.method} ${call.path}`)
  const { file, query = {}, body } = call
  const wholeUpTo = plugin.readsPieces.has(match.key) ? 0 : maxWholeFileBytes
  const request = {
    ...context,
    method: call.method,
    path: call.path,
    params: { ...match.params, ...call.params },
    query,
    body,
    ...(file ? { file: await uploadedFile(file, context.uploads, wholeUpTo) } : {}),
  }
  return routeAnswer(await named(plugin.routes, match.key)(request, context))
}

/** Only the fields of the contract travel; a bare value is taken as `data`. */
function routeAnswer(answer: unknown): Record<string, unknown> {
  if (answer === undefined || answer === null) return { status: 200 }
  if (typeof answer !== 'object') return { status: 200, data: answer }
  const { status = 200, data, buffer, filename, contentType, headers } = answer as Record<string, unknown>
  const known = data !== undefined || buffer !== undefined || 'status' in answer || headers !== undefined
  if (!known) return { status: 200, data: answer }
  return { status, data, buffer, filename, contentType, headers }
}
