import type { RuntimeLimits } from './limits.js'

/** What one plugin of one tenant did on the network of this server, within the current window. */
export interface NetworkUse {
  windowStartedAt: Date
  /** Connections that were opened, or tried. */
  connections: number
  /** Bytes that the plugin received. */
  bytesIn: number
  /** Bytes that the plugin sent. */
  bytesOut: number
  /** Connections that were refused because a limit of the window was reached. */
  refused: number
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

export interface EgressMeter {
  accountOf(key: string): NetworkAccount
  useOf(key: string): NetworkUse
}

type Limits = Pick<RuntimeLimits, 'egressWindowMs' | 'maxEgressBytes' | 'maxEgressConnections'>
type Use = Omit<NetworkUse, 'windowStartedAt'> & { startedAt: number }

/** A few hundred bytes each; those that nothing happened to for the longest time are forgotten first. */
const keptAccounts = 10_000

/** Counts connections and bytes of each plugin, and says when it had enough for a while. */
export function createEgressMeter(limits: Limits): EgressMeter {
  const uses = new Map<string, Use>()

  function read(key: string): Use {
    const known = uses.get(key)
    return known && Date.now() - known.startedAt < limits.egressWindowMs ? known : newUse()
  }

  function touch(key: string): Use {
    const use = read(key)
    uses.delete(key)
    uses.set(key, use)
    const oldest = uses.keys().next().value
    if (uses.size > keptAccounts && oldest !== undefined) uses.delete(oldest)
    return use
  }

  function excess({ connections, bytesIn, bytesOut }: Use): string | undefined {
    if (connections >= limits.maxEgressConnections) return `${limits.maxEgressConnections} connections`
    if (bytesIn + bytesOut > limits.maxEgressBytes) return `${limits.maxEgressBytes} bytes`
    return undefined
  }

  return {
    accountOf: (key) => ({
      open() {
        const use = touch(key)
        const reached = excess(use)
        if (reached === undefined) use.connections++
        else use.refused++
        return reached === undefined
          ? undefined
          : `this plugin has had its ${reached} of ${limits.egressWindowMs / 1000} seconds`
      },
      count(direction, bytes) {
        const use = touch(key)
        if (direction === 'in') use.bytesIn += bytes
        else use.bytesOut += bytes
        return use.bytesIn + use.bytesOut <= limits.maxEgressBytes
      },
    }),
    useOf(key) {
      const { startedAt, ...use } = read(key)
      return { windowStartedAt: new Date(startedAt), ...use }
    },
  }
}

const newUse = (): Use => ({ startedAt: Date.now(), connections: 0, bytesIn: 0, bytesOut: 0, refused: 0 })
