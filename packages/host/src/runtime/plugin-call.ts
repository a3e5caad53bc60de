import type { CallContext, InvocationKind, PluginInvocation } from '@tenon/contract/wire'
import { type NetworkPolicy, noNetwork } from '../egress/connect.js'
import type { RuntimeLimits } from './limits.js'
import type { Lane } from './residents.js'
import type { HostCalls, LogLine, ProcessCall, Progress } from './runner-process.js'

/** One call of one plugin. */
export interface PluginCall<Invocation extends PluginInvocation = PluginInvocation> {
  invocation: Invocation
  /** Told to the plugin. `tenantId` is the target's. */
  context: CallContext
  /** Milliseconds. Default: by kind, see the limits. */
  deadlineMs?: number
  /** Default: `page`; `job` for an invocation of kind `job`. */
  lane?: Lane
  signal?: AbortSignal | undefined
  /**
   * Asked before code runs on behalf of a call that was made a while ago, because it had to wait for its turn or because
   * a GET is run once more: the process may have been stopped on purpose. Default: it is.
   */
  isInForce?: () => boolean | Promise<boolean>
  /** Default: no network. */
  network?: NetworkPolicy
  /** What the plugin may ask the host for, bound to the tenant; called once, when it first asks. Default: nothing. */
  host?: () => HostCalls
  onProgress?: (progress: Progress) => void
  /** Lines that the plugin printed during the call. */
  onLog?: (line: LogLine) => void
}

export type RouteInvocation = Extract<PluginInvocation, { kind: 'route' }>

/** The part of a call that its process sees. */
export function processCall({
  invocation,
  context,
  network = noNetwork,
  host = () => ({}),
  onProgress,
  onLog,
}: PluginCall): ProcessCall {
  return { invocation, context, network, host, onProgress, onLog }
}

/** Whether it may be asked twice: it is a GET. */
export function isSafe({ invocation }: PluginCall): boolean {
  return invocation.kind === 'route' && invocation.method.toUpperCase() === 'GET'
}

/** Milliseconds, also of a kind that says nothing of its own. */
export function deadlineOf({ invocation, deadlineMs }: PluginCall, limits: RuntimeLimits): number {
  const deadlines: Record<InvocationKind, number> = {
    install: limits.lifecycleMs,
    configure: limits.lifecycleMs,
    uninstall: limits.uninstallMs,
    validateConfig: limits.validateConfigMs,
    testConnection: limits.testConnectionMs,
    function: limits.functionMs,
    job: limits.jobMs,
    event: limits.eventMs,
    route: limits.routeMs,
  }
  return deadlineMs ?? deadlines[invocation.kind]
}
