export type { NetworkPolicy } from '../egress/connect.js'
export type { CrashLedger } from './crash-supervisor.js'
export type { NetworkLedger, NetworkUse } from './egress-meter.js'
export type { KernelAttempt } from './kernel-probe.js'
export type { Tier } from './launch.js'
export { resolveLimits, runtimeLimitTable, type RuntimeLimits } from './limits.js'
export type { RouteAnswer } from './message-schemas.js'
export type { PluginCall } from './plugin-call.js'
export { PluginCallError } from './plugin-call-error.js'
export type { PluginCrash, PluginHealth, PluginState } from './plugin-health.js'
export type { Inspection } from './plugin-loading.js'
export { grantsChanged, type Lane, type Match, type PluginTarget } from './residents.js'
export type { HostCalls, LogLine, Progress } from './runner-process.js'
export {
  createRuntime,
  type EndedProcess,
  type PluginOfProcess,
  type ProcessStatus,
  type Runtime,
  type RuntimeLog,
  type RuntimeOptions,
  type RuntimeStatus,
  type StopReason,
} from './runtime.js'
export type { SelfTest } from './self-test.js'
export { testSandbox } from './test-sandbox.js'
export type { TierNotTaken } from './tiers.js'
