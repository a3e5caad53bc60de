import { createHmac, timingSafeEqual } from 'node:crypto'
import { canonicalJson } from '@tenon/contract'

/** One entry, as it is sealed. */
export interface ChainedEntry {
  seq: number
  occurredAt: Date
  organization: number | null
  userId: number | null
  pluginKey: string | null
  action: string
  outcome: string
  details: Record<string, unknown>
}

/** Where a chain ends. Its seal cannot be made for an earlier end without the key. */
export interface ChainHead {
  seq: number
  mac: Buffer
  seal: Buffer
}

/** What the first entry is chained to. */
export const beginning = { seq: 0, mac: Buffer.alloc(32) }

/** Chains an entry to the one before: whoever has not the key cannot alter, remove or exchange any without a trace. */
export function entryMac(key: Buffer, previous: Buffer, entry: ChainedEntry): Buffer {
  const { seq, occurredAt, organization, userId, pluginKey, action, outcome, details } = entry
  const parts = [seq, occurredAt.toISOString(), organization, userId, pluginKey, action, outcome, details]
  return hmac(key, ['entry', previous.toString('base64'), ...parts])
}

export function headSeal(key: Buffer, { seq, mac }: Pick<ChainHead, 'seq' | 'mac'>): Buffer {
  return hmac(key, ['head', seq, mac.toString('base64')])
}

export function isSame(one: Buffer, other: Buffer): boolean {
  return one.length === other.length && timingSafeEqual(one, other)
}

function hmac(key: Buffer, parts: unknown[]): Buffer {
  return createHmac('sha256', key).update(canonicalJson(parts)).digest()
}
