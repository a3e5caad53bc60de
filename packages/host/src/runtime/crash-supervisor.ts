import { TenonError } from '@tenon/contract'
import type { RuntimeLimits } from './limits.js'
import { supervisorKey } from './supervisor-key.js'

interface Plugin {
  tenantId: string
  pluginKey: string
}

/** When one version of a plugin of a tenant crashed, the oldest first; in milliseconds of this server's clock. */
export interface CrashAccount extends Plugin {
  digest: string
  crashes: readonly number[]
}

/** Where the servers tell each other what crashed, so that all of them keep one account. */
export interface CrashLedger {
  /** Adds these crashes. Answers what all servers counted of these plugins; nothing of one that is gone. */
  add(accounts: readonly CrashAccount[]): Promise<CrashAccount[]>
  find(plugin: Plugin): Promise<CrashAccount | undefined>
  /** Of every plugin whose crashes matter yet. */
  all(): Promise<CrashAccount[]>
  /** Wipes the slate: what crashed until now does not count any more, whenever it is told. */
  reset(plugin: Plugin): Promise<void>
}

/** Counts crashes per plugin of a tenant, and pauses one that does nothing but crash. */
export interface CrashSupervisor {
  /** @throws TenonError PLUGIN_CRASH_LOOP when the plugin is paused. */
  check(plugin: Plugin, digest: string): void
  /** Resolves when a restart is due again after the last crash. */
  backoff(plugin: Plugin): Promise<void>
  noticeCrash(plugin: Plugin, digest: string): void
  /** A person wants it tried again. Resolves when the other servers were told, or could not be told for now. */
  reset(plugin: Plugin): Promise<void>
  /** Milliseconds since 1970. `pausedSince`: undefined when it is not paused. `restartAfter`: 0 when it may start. */
  stateOf(plugin: Plugin): { pausedSince: number | undefined; restartAfter: number }
  /** Another server changed the account of this plugin. */
  heardOf(plugin: Plugin): Promise<void>
  /** Asks what all servers counted, of every plugin. Never throws: what cannot be asked is asked again later. */
  refresh(): Promise<void>
  /** Tells what is untold yet. */
  stop(): Promise<void>
}

interface SupervisorOptions {
  limits: Pick<RuntimeLimits, 'crashWindowMs' | 'crashPauseMs' | 'maxCrashes' | 'backoffMs'>
  ledger?: CrashLedger | undefined
  log: { warn(fields: object, message: string): void }
  /** Between two attempts to reach a ledger that failed, in milliseconds. */
  retryMs?: number
}

interface CrashRecord extends Plugin {
  digest: string
  /** What is known of all servers, this one included; the oldest first. */
  crashes: readonly number[]
  /** What of it the ledger has not been told. */
  untold: readonly number[]
}

/** What is longer, Node takes for nothing. */
const longestTimerMs = 2 ** 31 - 1

const keyOf = ({ tenantId, pluginKey }: Plugin) => supervisorKey(tenantId, pluginKey)

/**
 * What this server saw counts at once, and no call ever waits for the ledger. Without one, or as long as it fails, each
 * server counts for itself, and tells the ledger when it can.
 */
export function createCrashSupervisor({ limits, ledger, log, retryMs = 2_000 }: SupervisorOptions): CrashSupervisor {
  const records = new Map<string, CrashRecord>()
  const untoldResets = new Map<string, Plugin>()
  let working: Promise<void> = Promise.resolve()
  let retry: NodeJS.Timeout | undefined
  let stopped = false

  /** One after the other: what the ledger answers never misses, nor counts twice, what it is being told. */
  function work(job: (ledger: CrashLedger) => Promise<void>): Promise<void> {
    if (!ledger) return Promise.resolve()
    working = working
      .then(() => tell(ledger))
      .then(() => job(ledger))
      .catch((error: unknown) => {
        log.warn({ reason: String(error) }, 'crashes could not be shared')
        if (stopped) return
        clearTimeout(retry)
        retry = setTimeout(() => void refresh(), retryMs).unref()
      })
    return working
  }

  async function tell(to: CrashLedger): Promise<void> {
    for (const [key, plugin] of [...untoldResets]) {
      untoldResets.delete(key)
      await to.reset(plugin).catch((error: unknown) => {
        untoldResets.set(key, plugin)
        throw error
      })
    }
    const told = [...records.values()].filter(({ untold }) => untold.length > 0)
    if (told.length === 0) return
    const accounts = told.map(({ untold, ...record }) => ({ ...record, crashes: untold }))
    for (const record of told) record.untold = []
    try {
      for (const account of await to.add(accounts)) learn(keyOf(account), account)
    } catch (error) {
      accounts.forEach(giveBack)
      throw error
    }
  }

  /** These were not told after all. Those of a plugin that has another slate by now are of no interest. */
  function giveBack(account: CrashAccount): void {
    const record = records.get(keyOf(account))
    if (record?.digest === account.digest) record.untold = [...account.crashes, ...record.untold]
  }

  function learn(key: string, account: CrashAccount | undefined): void {
    if (untoldResets.has(key)) return
    const { untold = [], digest } = records.get(key) ?? {}
    // What crashed here meanwhile is newer than the answer, and is told next.
    if (untold.length > 0 && digest !== account?.digest) return
    if (!account || account.crashes.length + untold.length === 0) records.delete(key)
    else records.set(key, { ...account, crashes: [...account.crashes, ...untold], untold })
  }

  const refresh = () =>
    work(async (from) => {
      const accounts = new Map((await from.all()).map((account) => [keyOf(account), account]))
      for (const key of new Set([...records.keys(), ...accounts.keys()])) learn(key, accounts.get(key))
    })

  /** The crashes that count together with the last one. */
  function recentOf(plugin: Plugin): readonly number[] {
    const { crashes = [] } = records.get(keyOf(plugin)) ?? {}
    const last = crashes.at(-1) ?? 0
    return crashes.filter((at) => at > last - limits.crashWindowMs)
  }

  function backoffEnd(plugin: Plugin): number {
    const recent = recentOf(plugin)
    const last = recent.at(-1)
    return last === undefined ? 0 : last + Math.min(limits.backoffMs * 2 ** (recent.length - 1), limits.crashPauseMs)
  }

  function stateOf(plugin: Plugin) {
    const recent = recentOf(plugin)
    const last = recent.at(-1) ?? 0
    const isPaused = recent.length >= limits.maxCrashes && last + limits.crashPauseMs > Date.now()
    return {
      pausedSince: isPaused ? last : undefined,
      restartAfter: Math.max(backoffEnd(plugin), isPaused ? last + limits.crashPauseMs : 0),
    }
  }

  return {
    stateOf,
    check(plugin, digest) {
      const key = keyOf(plugin)
      if (records.get(key)?.digest !== digest) records.delete(key)
      if (stateOf(plugin).pausedSince === undefined) return
      throw new TenonError('PLUGIN_CRASH_LOOP', { plugin: plugin.pluginKey, crashes: recentOf(plugin).length })
    },
    async backoff(plugin) {
      const waitMs = backoffEnd(plugin) - Date.now()
      if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(waitMs, longestTimerMs)))
    },
    noticeCrash({ tenantId, pluginKey }, digest) {
      const key = keyOf({ tenantId, pluginKey })
      const known = records.get(key)
      const { crashes = [], untold = [] } = known?.digest === digest ? known : {}
      const now = Date.now()
      records.set(key, {
        tenantId,
        pluginKey,
        digest,
        crashes: [...crashes, now].slice(-limits.maxCrashes),
        untold: ledger ? [...untold, now].slice(-limits.maxCrashes) : [],
      })
      void work(async () => undefined)
    },
    reset({ tenantId, pluginKey }) {
      const key = keyOf({ tenantId, pluginKey })
      records.delete(key)
      if (ledger) untoldResets.set(key, { tenantId, pluginKey })
      return work(async () => undefined)
    },
    heardOf: (plugin) => work(async (from) => learn(keyOf(plugin), await from.find(plugin))),
    refresh,
    async stop() {
      stopped = true
      clearTimeout(retry)
      await work(async () => undefined)
    },
  }
}
