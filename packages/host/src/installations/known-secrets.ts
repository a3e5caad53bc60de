import { LRUCache } from 'lru-cache'
import { createRedactor, type Redactor } from '../secrets/redactor.js'

/** Plugins whose secrets are remembered; each has a few, of some hundred bytes. */
const maxPlugins = 2_000

/**
 * What is secret in what a plugin prints: everything secret that any call of its process was given. Calls of one plugin
 * share a process, and a process also prints between calls.
 */
export interface KnownSecrets {
  of(plugin: { tenantId: string; pluginKey: string }): Redactor
}

export function createKnownSecrets(): KnownSecrets {
  const redactors = new LRUCache<string, Redactor>({ max: maxPlugins })
  return {
    of({ tenantId, pluginKey }) {
      const key = `${tenantId} ${pluginKey}`
      const redactor = redactors.get(key) ?? createRedactor()
      redactors.set(key, redactor)
      return redactor
    },
  }
}
