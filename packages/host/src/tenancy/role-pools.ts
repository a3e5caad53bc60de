import { setTimeout as sleep } from 'node:timers/promises'
import { TenonError } from '@tenon/contract'
import type { TenancyLimits } from './limits.js'
import type { RoleConnection } from './role-connection.js'

/**
 * What a connection is for. A `transaction` and a `lifecycle` call hold theirs between statements; a lifecycle call is
 * one of a kind per plugin and does not count against the connections of its role.
 */
export type LeaseKind = 'autocommit' | 'transaction' | 'lifecycle'

export interface Lease {
  connection: RoleConnection
  /** Gives it back; it is reset behind the caller's back before anyone gets it again. */
  release(): void
}

export interface RolePools {
  /** @throws TenonError DATABASE_BUSY when none is free for `connectionWaitMs`. */
  acquire(role: string, kind: LeaseKind, signal?: AbortSignal): Promise<Lease>
  /** Closes what is idle and ends what runs, for a role that must stop. */
  closeRole(role: string): Promise<void>
  close(): Promise<void>
  /** Ends the connection with this process of the server; false when it is none of these. */
  terminate(processId: number, reason: TenonError): boolean
  /** True while a connection has been in use for this long without a pause. */
  heldFor(milliseconds: number): boolean
  /** Processes of the server whose connections are in use now. */
  processesAtWork(): number[]
  /** What one role has in use now. */
  useOf(role: string): RoleUse
  /** Connections that are open now. */
  readonly size: number
}

export interface RoleUse {
  /** Connections that are not idle, one for installing and configuring left out. */
  connections: number
  /** The statement that has run for longest; undefined when none runs. */
  longestStatement: { ms: number; limitMs: number } | undefined
}

type PoolLimits = Pick<
  TenancyLimits,
  'maxConnections' | 'maxConnectionsPerRole' | 'connectionWaitMs' | 'idleConnectionMs'
>

interface Slot {
  role: string
  connection: RoleConnection | undefined
  kind: LeaseKind | 'idle' | 'ending'
  idleSince: number
  takenAt: number
  timer?: NodeJS.Timeout
}

interface Waiter {
  role: string
  kind: LeaseKind
  start: (slot: Slot) => void
}

/**
 * Connections per role, opened when needed, under one cap for all. When the cap is reached the connection that was idle
 * for longest makes room. A quarter of the cap is never held by transactions.
 */
export function createRolePools(connect: (role: string) => Promise<RoleConnection>, limits: PoolLimits): RolePools {
  const slots = new Set<Slot>()
  let waiters: Waiter[] = []
  const pinnedCap = limits.maxConnections - Math.ceil(limits.maxConnections / 4)

  async function acquire(role: string, kind: LeaseKind, signal?: AbortSignal): Promise<Lease> {
    const slot = take(role, kind) ?? (await wait(role, kind, signal))
    try {
      slot.connection ??= await connectWithPatience(role, signal)
    } catch (error) {
      remove(slot)
      throw error
    }
    if (!slots.has(slot)) {
      // The role was closed while the connection was being made.
      discard(slot)
      throw new TenonError('SESSION_ENDED')
    }
    let released = false
    return {
      connection: slot.connection,
      release() {
        if (released) return
        released = true
        void giveBack(slot)
      },
    }
  }

  /** A slot for this role now, or nothing. Synchronous, so that counting and taking are one step. */
  function take(role: string, kind: LeaseKind): Slot | undefined {
    if (!mayTake(role, kind)) return undefined
    const idle = [...slots].find((slot) => slot.role === role && slot.kind === 'idle')
    if (idle?.connection?.usable) return occupy(idle, kind)
    if (idle) discard(idle)
    if (countOpen() >= limits.maxConnections && !evictOldest()) return undefined
    const slot: Slot = { role, connection: undefined, kind, idleSince: 0, takenAt: performance.now() }
    slots.add(slot)
    return slot
  }

  const countOpen = () => [...slots].filter(({ kind }) => kind !== 'ending').length

  function mayTake(role: string, kind: LeaseKind): boolean {
    const mine = [...slots].filter((slot) => slot.role === role && slot.kind !== 'idle')
    if (kind !== 'autocommit') {
      if (mine.some((slot) => slot.kind === kind)) return false
      if ([...slots].filter((slot) => isPinned(slot.kind)).length >= pinnedCap) return false
    }
    return (
      kind === 'lifecycle' || mine.filter((slot) => slot.kind !== 'lifecycle').length < limits.maxConnectionsPerRole
    )
  }

  function occupy(slot: Slot, kind: LeaseKind): Slot {
    clearTimeout(slot.timer)
    slot.kind = kind
    slot.takenAt = performance.now()
    return slot
  }

  function evictOldest(): boolean {
    const idle = [...slots].filter((slot) => slot.kind === 'idle').sort((a, b) => a.idleSince - b.idleSince)[0]
    if (idle) discard(idle)
    return idle !== undefined
  }

  function wait(role: string, kind: LeaseKind, signal?: AbortSignal): Promise<Slot> {
    return new Promise((resolve, reject) => {
      const stop = (error: Error) => {
        waiters = waiters.filter((other) => other !== waiter)
        clearTimeout(timer)
        reject(error)
      }
      const onAbort = () => stop(new TenonError('SESSION_ENDED'))
      const timer = setTimeout(() => stop(new TenonError('DATABASE_BUSY')), limits.connectionWaitMs)
      const waiter: Waiter = {
        role,
        kind,
        start(slot) {
          clearTimeout(timer)
          signal?.removeEventListener('abort', onAbort)
          resolve(slot)
        },
      }
      if (signal?.aborted) return onAbort()
      signal?.addEventListener('abort', onAbort, { once: true })
      waiters.push(waiter)
    })
  }

  function serveWaiters(): void {
    for (const waiter of [...waiters]) {
      const slot = take(waiter.role, waiter.kind)
      if (!slot) continue
      waiters = waiters.filter((other) => other !== waiter)
      waiter.start(slot)
    }
  }

  async function giveBack(slot: Slot): Promise<void> {
    try {
      if (slot.connection?.usable) await slot.connection.reset()
    } catch {
      // A connection that cannot be reset is not given to anyone.
      void slot.connection?.terminate(new TenonError('SESSION_ENDED'))
    }
    if (!slot.connection?.usable || !slots.has(slot)) return remove(slot)
    slot.kind = 'idle'
    slot.idleSince = performance.now()
    slot.timer = setTimeout(() => remove(slot), limits.idleConnectionMs)
    slot.timer.unref()
    serveWaiters()
  }

  function discard(slot: Slot): void {
    clearTimeout(slot.timer)
    slots.delete(slot)
    if (slot.connection?.terminated) waitUntilGone(slot)
    void slot.connection?.close()
  }

  /** It counts as one of its role for as long as the server works for it, but takes nobody else's place. */
  function waitUntilGone(slot: Slot): void {
    slot.kind = 'ending'
    slots.add(slot)
    void slot.connection?.gone().then(() => {
      if (slots.delete(slot)) serveWaiters()
    })
  }

  function remove(slot: Slot): void {
    discard(slot)
    serveWaiters()
  }

  // too_many_connections: another replica has them, or the server is full
  async function connectWithPatience(role: string, signal?: AbortSignal): Promise<RoleConnection> {
    const giveUpAt = performance.now() + limits.connectionWaitMs
    for (let pauseMs = 25; ; pauseMs = Math.min(pauseMs * 2, 500)) {
      try {
        return await connect(role)
      } catch (error) {
        if ((error as { code?: string }).code !== '53300') throw error
        if (signal?.aborted) throw new TenonError('SESSION_ENDED')
        if (performance.now() > giveUpAt) throw new TenonError('DATABASE_BUSY', {}, { cause: error })
        await sleep(pauseMs)
      }
    }
  }

  async function closeSlots(chosen: Slot[]): Promise<void> {
    for (const slot of chosen) slots.delete(slot)
    await Promise.all(
      chosen.map(async (slot) => {
        clearTimeout(slot.timer)
        if (slot.kind !== 'idle') await slot.connection?.terminate(new TenonError('SESSION_ENDED'))
        if (slot.connection?.terminated) waitUntilGone(slot)
        await slot.connection?.close()
      }),
    )
    serveWaiters()
  }

  return {
    acquire,
    closeRole: (role) => closeSlots([...slots].filter((slot) => slot.role === role && slot.kind !== 'ending')),
    close: () => closeSlots([...slots].filter(({ kind }) => kind !== 'ending')),
    terminate(processId, reason) {
      const slot = [...slots].find(({ connection }) => connection?.processId === processId)
      void slot?.connection?.terminate(reason)
      return slot !== undefined
    },
    heldFor(milliseconds) {
      const since = performance.now() - milliseconds
      return [...slots].some(({ kind, takenAt }) => kind !== 'idle' && takenAt < since)
    },
    processesAtWork: () =>
      [...slots].flatMap(({ kind, connection }) => (kind !== 'idle' && connection ? [connection.processId] : [])),
    useOf(role) {
      const mine = [...slots].filter((slot) => slot.role === role && slot.kind !== 'idle')
      const statements = mine.flatMap(({ connection }) => connection?.statement ?? [])
      return {
        connections: mine.filter(({ kind }) => kind !== 'lifecycle').length,
        longestStatement: statements.toSorted((a, b) => b.ms - a.ms)[0],
      }
    },
    get size() {
      return slots.size
    },
  }
}

const isPinned = (kind: Slot['kind']) => kind === 'transaction' || kind === 'lifecycle'
