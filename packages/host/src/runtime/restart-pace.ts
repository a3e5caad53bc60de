import { TenonError } from '@tenon/contract'
import { supervisorKey } from './supervisor-key.js'
import { createTenantLines } from './tenant-lines.js'

interface Plugin {
  tenantId: string
  pluginKey: string
}

/** A bad end may be followed by another at once; one that is longer ago is another story. */
const rememberedMs = 60_000

/**
 * A start takes a twentieth of a second of a processor. Plugins whose processes come to bad ends are started again one after
 * the other, with a gap between: however many there are of them, most of the machine stays for those that work.
 */
export interface RestartPace {
  /** A process of it came to a bad end: its next starts are restarts. */
  noticeBadEnd(plugin: Plugin): void
  /**
   * Resolves when it may be started: at once where it is no restart. Tenants take turns.
   * @throws TenonError PLUGIN_OVERLOADED when its turn did not come in time.
   */
  turn(plugin: Plugin): Promise<void>
}

export function createRestartPace(options: { gapMs: number; maxWaitMs: number }): RestartPace {
  const lines = createTenantLines(options.maxWaitMs)
  /** When which came to its last bad end, by the host's clock that only goes forward; the oldest first. */
  const badEnds = new Map<string, number>()
  let gap: NodeJS.Timeout | undefined

  const keyOf = ({ tenantId, pluginKey }: Plugin) => supervisorKey(tenantId, pluginKey)

  function forgetOld(): void {
    for (const [key, at] of badEnds) {
      if (performance.now() - at < rememberedMs) return
      badEnds.delete(key)
    }
  }

  function serve(): void {
    gap = undefined
    if (lines.serveNext()) gap = setTimeout(serve, options.gapMs).unref()
  }

  return {
    noticeBadEnd(plugin) {
      const key = keyOf(plugin)
      badEnds.delete(key)
      badEnds.set(key, performance.now())
      forgetOld()
    },
    async turn(plugin) {
      forgetOld()
      if (!badEnds.has(keyOf(plugin))) return
      const turn = lines.wait(plugin.tenantId, () => new TenonError('PLUGIN_OVERLOADED', { plugin: plugin.pluginKey }))
      if (!gap) serve()
      await turn
    },
  }
}
