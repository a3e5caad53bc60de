import { LRUCache } from 'lru-cache'
import type { TenantScope } from '../migrations/index.js'
import type { Notifications } from '../notifications/index.js'
import type { Claim, Installation, InstallationStore } from './installation-store.js'

/** Rows that are remembered; each has the manifest that was consented to, some kilobytes. */
const maxKnown = 2_000
/** How stale a row can be at most, in milliseconds, should a connection have died without a word. */
const maxAgeMs = 5_000

interface KnownInstallationsOptions {
  store: InstallationStore
  notifications: Pick<Notifications, 'isListening' | 'subscribe'>
}

/**
 * The store, which remembers what it was asked by key: every call of a plugin asks for that. Postgres tells of each
 * change on any replica as soon as it is committed; what this store itself changed it forgets at once. While
 * notifications may be missed, nothing is remembered.
 */
export function createKnownInstallations({ store, notifications }: KnownInstallationsOptions): InstallationStore {
  const known = new LRUCache<string, Installation>({ max: maxKnown, ttl: maxAgeMs })
  /** Counts what was forgotten: a row that was read before a change must not be kept after it. */
  let changes = 0

  const keyOf = ({ schema }: TenantScope, pluginKey: string) => `${schema} ${pluginKey}`

  function forget(key: string): void {
    changes += 1
    known.delete(key)
  }

  function forgetAll(): void {
    changes += 1
    known.clear()
  }

  notifications.subscribe('tenon_installations', { heard: forget, missed: forgetAll })

  /** Whoever changed a row here reads the change next, before Postgres has told. */
  async function changing<Result>(tenant: TenantScope, change: Promise<Result>): Promise<Result> {
    try {
      return await change
    } finally {
      changes += 1
      for (const key of [...known.keys()].filter((key) => key.startsWith(keyOf(tenant, '')))) known.delete(key)
    }
  }
  const changingClaimed =
    <Rest extends unknown[], Result>(change: (claim: Claim, ...rest: Rest) => Promise<Result>) =>
    (claim: Claim, ...rest: Rest) =>
      changing(claim.tenant, change(claim, ...rest))

  return {
    ...store,
    async findByKey(tenant, pluginKey) {
      const key = keyOf(tenant, pluginKey)
      const remembered = notifications.isListening() ? known.get(key) : undefined
      if (remembered) return remembered
      const before = changes
      const installation = await store.findByKey(tenant, pluginKey)
      if (installation && changes === before && notifications.isListening()) known.set(key, installation)
      return installation
    },
    claimNew: (tenant, installation) => changing(tenant, store.claimNew(tenant, installation)),
    claim: (tenant, ...rest) => changing(tenant, store.claim(tenant, ...rest)),
    note: changingClaimed(store.note),
    settle: changingClaimed(store.settle),
    remove: changingClaimed(store.remove),
  }
}
