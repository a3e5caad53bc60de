import path from 'node:path'
import { logFields } from '../installations/plugin-caller.js'
import { createCrashLedger, createNetworkLedger } from '../records/index.js'
import { createRuntime, resolveLimits } from '../runtime/index.js'
import type { Foundation } from './foundation.js'
import type { Memory } from './memory.js'

export type Processes = ReturnType<typeof wireProcesses>

/** From bytes to a process. */
export function wireProcesses(
  { options, pool, log, logEvent, notifications }: Foundation,
  { records, secrets, withSource }: Memory,
) {
  const { dataDir, egress = {} } = options
  const runtimeLimits = resolveLimits(options.limits?.runtime)
  const runtime = createRuntime({
    log,
    hostMap: egress.hostMap,
    ...egress.network,
    extraCa: egress.extraCa ?? [],
    pidDirectory: path.join(dataDir, 'processes'),
    codeCacheDirectory: path.join(dataDir, 'code-caches'),
    redact: (plugin, text) => secrets.of(plugin).text(text),
    onPluginLog(plugin, line) {
      const kept = { ...line, text: secrets.of(plugin).text(line.text) }
      withSource(plugin, (source) => records.log.write(source, kept))
      logEvent('plugin-log', { ...plugin, ...logFields(kept) })
    },
    onProcessEnd: ({ digest, ...plugin }, end) =>
      withSource(plugin, (source) => records.usage.noteProcessEnd(source, { ...end, digest })),
    networkLedger: createNetworkLedger({ pool, log: logEvent, windowMs: runtimeLimits.egressWindowMs }),
    crashLedger: createCrashLedger({
      pool,
      log: logEvent,
      kept: runtimeLimits.maxCrashes,
      keptMs: runtimeLimits.crashWindowMs + runtimeLimits.crashPauseMs,
    }),
    ...(options.limits?.runtime ? { limits: options.limits.runtime } : {}),
    minTier: `T${options.minTier ?? 1}`,
    maxTier: `T${options.maxTier ?? 3}`,
  })
  notifications.subscribe('tenon_crashes', {
    heard(name) {
      const [tenantId = '', pluginKey = ''] = name.split(' ')
      void runtime.heardOfCrashes(tenantId, pluginKey)
    },
    missed: () => void runtime.refreshCrashes(),
  })
  return { runtime, runtimeLimits }
}
