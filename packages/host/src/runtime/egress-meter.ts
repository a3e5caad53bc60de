import type { RuntimeLimits } from './limits.js'

interface NetworkCounts {
  /** Connections that were opened, or tried. */
  connections: number
  /** Bytes that the plugin received. */
  bytesIn: number
  /** Bytes that the plugin sent. */
  bytesOut: number
  /** Connections that were refused because a limit of the window was reached. */
  refused: number
}

/** What one plugin of one tenant did on the network, within the current window. */
export interface NetworkUse extends NetworkCounts {
  windowStartedAt: Date
}

/** What one plugin of one tenant did on the network since `startedAt`, in milliseconds. */
export interface CountedNetworkUse extends NetworkCounts {
  tenantId: string
  pluginKey: string
  startedAt: number
}

/** Where the servers tell each other what plugins did on the network, so that all of them keep one account. */
export interface NetworkLedger {
  /** Adds these counts to those of the window that is open for all servers. Answers what all counted in it. */
  add(uses: readonly CountedNetworkUse[]): Promise<CountedNetworkUse[]>
}

/** The account of one plugin of one tenant, however many processes it has. */
export interface NetworkAccount {
  /** Counts a connection. Answers why there may be none, undefined when it may be opened. */
  open(): string | undefined
  /** Counts bytes; false when the limit is passed, and the connection must end. */
  count(direction: 'in' | 'out', bytes: number): boolean
}

/** Of a process that no plugin runs in. */
export const noNetworkAccount: NetworkAccount = { open: () => 'no plugin is loaded', count: () => false }

interface Plugin {
  tenantId: string
  pluginKey: string
}

export interface EgressMeter {
  accountOf(plugin: Plugin): NetworkAccount
  useOf(plugin: Plugin): NetworkUse
  /** Asks what the other servers counted, too. */
  refresh(plugin: Plugin): Promise<void>
  stop(): Promise<void>
}

type Limits = Pick<RuntimeLimits, 'egressWindowMs' | 'egressShareMs' | 'maxEgressBytes' | 'maxEgressConnections'>

interface Account extends Plugin {
  startedAt: number
  /** What is known of all servers, this one included. */
  total: NetworkCounts
  /** What of it the ledger has not been told. */
  untold: NetworkCounts
}

/** A few hundred bytes each; those that nothing happened to for the longest time are forgotten first. */
const keptAccounts = 10_000

const none: Readonly<NetworkCounts> = { connections: 0, bytesIn: 0, bytesOut: 0, refused: 0 }
const plus = (a: NetworkCounts, b: NetworkCounts): NetworkCounts => ({
  connections: a.connections + b.connections,
  bytesIn: a.bytesIn + b.bytesIn,
  bytesOut: a.bytesOut + b.bytesOut,
  refused: a.refused + b.refused,
})
const keyOf = ({ tenantId, pluginKey }: Plugin) => `${tenantId} ${pluginKey}`

/**
 * Counts connections and bytes of each plugin, and says when it had enough for a while. Without a ledger, or as long as
 * it fails, each server counts for itself; with one, others are at most `egressShareMs` behind.
 */
export function createEgressMeter({
  limits,
  ledger,
  log,
}: {
  limits: Limits
  ledger?: NetworkLedger | undefined
  log: { warn(fields: object, message: string): void }
}): EgressMeter {
  const accounts = new Map<string, Account>()
  let timer: NodeJS.Timeout | undefined
  let sharing: Promise<void> | undefined
  /** What is told as soon as the ledger has answered: one batch, however long that takes. */
  let next: { asked: Map<string, Account>; done: Promise<void> } | undefined

  const isOver = ({ startedAt }: Account) => Date.now() - startedAt >= limits.egressWindowMs
  const read = (plugin: Plugin): Account => {
    const known = accounts.get(keyOf(plugin))
    const { tenantId, pluginKey } = plugin
    return known && !isOver(known)
      ? known
      : { tenantId, pluginKey, startedAt: Date.now(), total: { ...none }, untold: { ...none } }
  }

  function count(plugin: Plugin, what: keyof NetworkCounts, amount: number): Account {
    const account = read(plugin)
    const key = keyOf(plugin)
    // The first of a window asks at once what others counted, or this server before it was started again.
    const isNew = accounts.get(key) !== account
    accounts.delete(key)
    accounts.set(key, account)
    account.total[what] += amount
    account.untold[what] += amount
    const oldest = accounts.keys().next().value
    if (accounts.size > keptAccounts && oldest !== undefined) accounts.delete(oldest)
    if (ledger) shareIn(isNew ? 0 : limits.egressShareMs)
    return account
  }

  const untoldAccounts = () =>
    [...accounts.values()].filter(({ untold }) => Object.values(untold).some((amount) => amount > 0))

  function shareIn(ms: number): void {
    if (timer && ms > 0) return
    clearTimeout(timer)
    timer = setTimeout(() => {
      timer = undefined
      void share(untoldAccounts())
    }, ms).unref()
  }

  /** One after the other, so that no count is told twice. */
  function share(asked: readonly Account[]): Promise<void> {
    if (!next && !sharing) return asked.length === 0 ? Promise.resolve() : begin(asked)
    next ??= { asked: new Map(), done: Promise.resolve(sharing).then(shareNext) }
    for (const account of asked) next.asked.set(keyOf(account), account)
    return next.done
  }

  function begin(asked: readonly Account[]): Promise<void> {
    return (sharing = tell(asked).finally(() => (sharing = undefined)))
  }

  function shareNext(): Promise<void> {
    const asked = [...(next?.asked.values() ?? [])]
    next = undefined
    return asked.length === 0 ? Promise.resolve() : begin(asked)
  }

  async function tell(asked: readonly Account[]): Promise<void> {
    if (!ledger || asked.length === 0) return
    const told = asked.map((account) => ({ account, counts: account.untold }))
    for (const { account } of told) account.untold = { ...none }
    try {
      const counted = await ledger.add(
        told.map(({ account: { tenantId, pluginKey, startedAt }, counts }) => ({
          ...counts,
          tenantId,
          pluginKey,
          startedAt,
        })),
      )
      const byKey = new Map(counted.map((use) => [keyOf(use), use]))
      for (const { account } of told) {
        const all = byKey.get(keyOf(account))
        if (!all) continue
        account.startedAt = all.startedAt
        account.total = plus(all, account.untold)
      }
    } catch (error) {
      for (const { account, counts } of told) account.untold = plus(account.untold, counts)
      log.warn({ reason: String(error) }, 'network use could not be shared')
    }
  }

  function excess({ connections, bytesIn, bytesOut }: NetworkCounts): string | undefined {
    if (connections >= limits.maxEgressConnections) return `${limits.maxEgressConnections} connections`
    if (bytesIn + bytesOut > limits.maxEgressBytes) return `${limits.maxEgressBytes} bytes`
    return undefined
  }

  return {
    accountOf: (plugin) => ({
      open() {
        const reached = excess(read(plugin).total)
        count(plugin, reached === undefined ? 'connections' : 'refused', 1)
        return reached === undefined
          ? undefined
          : `this plugin has had its ${reached} of ${limits.egressWindowMs / 1000} seconds`
      },
      count(direction, bytes) {
        const { bytesIn, bytesOut } = count(plugin, direction === 'in' ? 'bytesIn' : 'bytesOut', bytes).total
        return bytesIn + bytesOut <= limits.maxEgressBytes
      },
    }),
    useOf(plugin) {
      const { startedAt, total } = read(plugin)
      return { windowStartedAt: new Date(startedAt), ...total }
    },
    async refresh(plugin) {
      const account = read(plugin)
      accounts.set(keyOf(plugin), account)
      await share([account])
    },
    async stop() {
      clearTimeout(timer)
      timer = undefined
      // What is under way may fail, and then it is untold again.
      await sharing
      await share(untoldAccounts())
    },
  }
}
